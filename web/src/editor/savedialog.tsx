// Saving: a message for those who read the revisions, and whether callers get it at once.
import { useState } from "react";
import { Problem } from "../lib/http";
import { useTask } from "../lib/hooks";
import { useT } from "../lib/i18n";
import { Dialog } from "../ui/dialog";
import { Button, Failure, Field, Note } from "../ui/parts";

interface Props {
  address: string;
  sound: boolean;
  active: boolean;
  faults: number;
  close: () => void;
  save: (message: string, live: boolean) => Promise<void>;
}

export function SaveDialog({ address, sound, active, faults, close, save }: Props) {
  const t = useT();
  const [message, setMessage] = useState("");
  const [live, setLive] = useState(false);
  const { busy, error, start } = useTask(() => save(message.trim(), live));
  const invalid =
    error instanceof Problem && Array.isArray(error.document["faults"])
      ? (error.document["faults"] as { line: number; column: number; message: string }[])
      : [];
  return (
    <Dialog
      title={t("editor.save.title", { name: address })}
      close={close}
      submit={() => sound && start()}
      foot={
        <>
          <Button onClick={close}>{t("cancel")}</Button>
          <Button type="submit" look="primary" busy={busy} disabled={!sound}>
            {t(live ? "editor.save.live" : "save")}
          </Button>
        </>
      }
    >
      {sound ? null : <Note tone="warn">{t("editor.address")}</Note>}
      {faults > 0 ? <Note tone="bad">{t("editor.save.faults", { count: faults })}</Note> : null}
      <Field label={t("editor.message")} hint={t("editor.message.hint")}>
        {(props) => (
          <input
            {...props}
            className="input"
            autoFocus
            maxLength={500}
            value={message}
            onChange={(event) => setMessage(event.target.value)}
          />
        )}
      </Field>
      {active ? (
        <Note>{t("editor.save.active")}</Note>
      ) : (
        <label className="check">
          <input type="checkbox" checked={live} onChange={(event) => setLive(event.target.checked)} />
          <span>
            <span className="strong">{t("editor.save.activate")}</span>
            <span className="hint"> {t("editor.save.activate.hint")}</span>
          </span>
        </label>
      )}
      {error ? <Failure error={error} /> : null}
      {invalid.length > 0 ? (
        <ul className="faults plain">
          {invalid.slice(0, 8).map((fault, index) => (
            <li key={index} className="small">
              <code>
                {fault.line}:{fault.column}
              </code>{" "}
              {fault.message}
            </li>
          ))}
        </ul>
      ) : null}
    </Dialog>
  );
}
