// A secret that is shown once: it has to be taken along before the dialog closes.
import { useState, type ReactNode } from "react";
import { useT } from "../lib/i18n";
import { Dialog } from "../ui/dialog";
import { Button, Copy, Note } from "../ui/parts";

export function SecretDialog({
  title,
  values,
  close,
  once,
  taken: words,
  children,
}: {
  title: string;
  values: { label: string; value: string }[];
  close: () => void;
  /** What is shown once and what one has to say to go on, where that is no secret with a hash. */
  once?: string;
  taken?: string;
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
      <Note tone="warn">{once ?? t("secret.once")}</Note>
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
        <span>{words ?? t("secret.taken")}</span>
      </label>
    </Dialog>
  );
}
