// Sign in: by a key and its secret, or by the one-time link that one came by.
import { useEffect, useId, useRef, useState } from "react";
import { face } from "../lib/base";
import { useI18n } from "../lib/i18n";
import { keep, kept } from "../lib/keep";
import { signIn, type User } from "../lib/session";
import { Mark } from "../ui/icons";
import { Button, Failure, Note } from "../ui/parts";

export function SignIn({ waiting, again, error }: { waiting?: boolean; again?: User; error?: unknown }) {
  const { t, language, setLanguage } = useI18n();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    if (!again) document.title = `${t("signin")} · Data API`;
  }, [again, t]);
  if (again) {
    return (
      <dialog ref={dialog} className="dialog" aria-labelledby="again" onCancel={(event) => event.preventDefault()}>
        <div className="dialog-head">
          <h2 id="again">{t("signin.again")}</h2>
          <p className="ink2">{t("signin.again.text")}</p>
        </div>
        <div className="dialog-body">
          <SignInForm company={again.company_slug} />
        </div>
      </dialog>
    );
  }
  return (
    <main className="signin">
      <div className="signin-box">
        <div className="row">
          <Mark size={32} />
        </div>
        <h1>{t(face === "docs" ? "signin.docs" : "signin.console")}</h1>
        <p className="ink2">{t(face === "docs" ? "signin.docs.text" : "signin.console.text")}</p>
        {waiting ? (
          <p className="dim" role="status">
            {t("signin.waiting")}
          </p>
        ) : (
          <SignInForm error={error} />
        )}
        <p className="small signin-foot">
          <button
            type="button"
            className="button quiet small"
            lang={language === "en" ? "pt-BR" : "en"}
            onClick={() => setLanguage(language === "en" ? "pt-BR" : "en")}
          >
            {language === "en" ? "Português (Brasil)" : "English"}
          </button>
        </p>
      </div>
    </main>
  );
}

function SignInForm({ company: fixed, error: begun = null }: { company?: string; error?: unknown }) {
  const { t } = useI18n();
  const [company, setCompany] = useState(fixed ?? kept("company") ?? "");
  const [key, setKey] = useState("");
  const [secret, setSecret] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(begun);
  const id = useId();

  const attempt = (credentials: Parameters<typeof signIn>[0]) => {
    setBusy(true);
    setError(null);
    signIn(credentials).catch((failure: unknown) => {
      setError(failure);
      setBusy(false);
    });
  };

  return (
    <form
      className="stack"
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        keep("company", company.trim());
        attempt({ company_slug: company.trim(), api_key: key.trim(), api_secret: secret.trim() });
      }}
    >
      {error ? <Failure error={error} /> : null}
      <div className="field">
        <label htmlFor={`${id}-company`}>{t("signin.company")}</label>
        <input
          id={`${id}-company`}
          name="company"
          className="input big"
          required
          spellCheck={false}
          autoCapitalize="none"
          value={company}
          onChange={(event) => setCompany(event.target.value)}
          readOnly={fixed !== undefined}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-key`}>{t("signin.key")}</label>
        <input
          id={`${id}-key`}
          name="key"
          className="input big mono"
          required
          spellCheck={false}
          autoCapitalize="none"
          placeholder="s42_…"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-secret`}>{t("signin.secret")}</label>
        <input
          id={`${id}-secret`}
          name="secret"
          type="password"
          className="input big mono"
          required
          autoComplete="off"
          value={secret}
          onChange={(event) => setSecret(event.target.value)}
        />
      </div>
      <Button type="submit" look="primary" size="wide" busy={busy}>
        {t("signin")}
      </Button>
      <Note>
        <p className="small">{t("signin.link")}</p>
      </Note>
    </form>
  );
}
