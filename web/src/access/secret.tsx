// A secret that is shown once: it has to be taken along before the dialog closes.
import { useState, type ReactNode } from "react";
import { useT } from "../lib/i18n";
import { Dialog } from "../ui/dialog";
import { Button, Copy, Note } from "../ui/parts";

export function SecretDialog({
  title,
  values,
  close,
  children,
}: {
  title: string;
  values: { label: string; value: string }[];
  close: () => void;
  children?: ReactNode;
}) {
  const t = useT();
  const [taken, setTaken] = useState(false);
  return (
    <Dialog
      title={title}
      close={() => {
        if (taken) close();
      }}
      submit={close}
      foot={
        <Button type="submit" look="primary" disabled={!taken}>
          {t("done")}
        </Button>
      }
    >
      <Note tone="warn">{t("secret.once")}</Note>
      {values.map(({ label, value }) => (
        <div key={label} className="field">
          <span className="label">{label}</span>
          <div className="secret">
            <code data-secret={label}>{value}</code>
            <Copy text={value} label={`${t("copy")}: ${label}`} />
          </div>
        </div>
      ))}
      {children}
      <label className="check">
        <input type="checkbox" checked={taken} onChange={(event) => setTaken(event.target.checked)} />
        <span>{t("secret.taken")}</span>
      </label>
    </Dialog>
  );
}
