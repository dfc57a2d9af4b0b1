// Sign in: by a key and its secret, by the company's identity provider, or by the one-time link that one came by.
import { use, useEffect, useId, useRef, useState } from "react";
import { face } from "../lib/base";
import { useTask } from "../lib/hooks";
import { Problem } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { keep, kept } from "../lib/keep";
import { leave, offered } from "../lib/provider";
import { Setback, signIn, type User } from "../lib/session";
import { useModal } from "../ui/dialog";
import { Mark } from "../ui/icons";
import { Button, Failure, Note } from "../ui/parts";

/** Signs in somebody whose session has ended, above the view that they were at. */
export function SignInAgain({ user }: { user: User }) {
  const { t } = useI18n();
  const dialog = useModal();
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="again" onCancel={(event) => event.preventDefault()}>
      <div className="dialog-head">
        <h2 id="again">{t("signin.again")}</h2>
        <p className="ink2">{t("signin.again.text")}</p>
      </div>
      <div className="dialog-body">
        <SignInForm company={user.company_slug} />
      </div>
    </dialog>
  );
}

/** What is seen until it is known whether somebody is signed in. */
export function Waiting() {
  const { t } = useI18n();
  return (
    <main className="signin waiting" role="status" aria-label={t("signin.waiting")}>
      <Mark size={32} />
    </main>
  );
}

export function SignIn({ error }: { error: unknown }) {
  const { t, language, setLanguage } = useI18n();
  useEffect(() => {
    document.title = `${t("signin")} · Data API`;
  }, [t]);
  return (
    <main className="signin">
      <div className="signin-box">
        <div className="row">
          <Mark size={32} />
        </div>
        <h1>{t(face === "docs" ? "signin.docs" : "signin.console")}</h1>
        <p className="ink2">{t(face === "docs" ? "signin.docs.text" : "signin.console.text")}</p>
        <SignInForm error={error} />
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
  const [way, setWay] = useState<"key" | "provider">("key");
  const { busy, error, start } = useTask((go: () => Promise<void>) => go());
  const shown = error ?? (busy ? null : begun);
  const companyField = useRef<HTMLInputElement>(null);
  const byProvider = use(offered()); // before anything is shown, so that nothing moves
  const id = useId();
  const by = (chosen: typeof way, go: () => Promise<void>) => {
    keep("company", company.trim());
    setWay(chosen);
    start(go);
  };

  return (
    <form
      className="stack"
      autoComplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        by("key", () => signIn({ company_slug: company.trim(), api_key: key.trim(), api_secret: secret.trim() }));
      }}
    >
      {shown ? <Refusal error={shown} /> : null}
      <div className="field">
        <label htmlFor={`${id}-company`}>{t("signin.company")}</label>
        <input
          id={`${id}-company`}
          ref={companyField}
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
          autoFocus={fixed !== undefined}
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
      <Button type="submit" look="primary" size="wide" busy={busy && way === "key"} disabled={busy}>
        {t("signin")}
      </Button>
      {byProvider ? (
        <>
          <p className="signin-or small dim">{t("signin.or")}</p>
          <Button
            size="wide"
            busy={busy && way === "provider"}
            disabled={busy}
            onClick={() => companyField.current?.reportValidity() && by("provider", () => leave(company.trim()))}
          >
            {t("signin.provider")}
          </Button>
        </>
      ) : null}
      <Note>
        <p className="small">{t("signin.link")}</p>
      </Note>
    </form>
  );
}

const setbacks = ["denied", "stale", "unknown", "unavailable", "throttled"] as const;

/** Why nobody is in. What has become of a sign-in by a provider is told in words of ours: the address can be anybody's. */
function Refusal({ error }: { error: unknown }) {
  const { t } = useI18n();
  if (error instanceof Setback)
    return (
      <Note tone="bad" role="alert">
        {t(`signin.failed.${setbacks.find((one) => one === error.message) ?? "other"}`)}
      </Note>
    );
  if (error instanceof Problem && error.code === "NOT_FOUND")
    return (
      <Note tone="bad" role="alert">
        {t("signin.provider.none")}
      </Note>
    );
  return <Failure error={error} />;
}
