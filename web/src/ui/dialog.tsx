// Dialogs: the browser's own, which keep the focus inside and the rest of the page out of reach.
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { useT } from "../lib/i18n";
import { Button, Failure } from "./parts";

interface DialogProps {
  title: string;
  close: () => void;
  children: ReactNode;
  foot?: ReactNode;
  wide?: boolean;
  submit?: () => void;
}

export function Dialog({ title, close, children, foot, wide, submit }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog ${wide ? "wide" : ""}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit?.();
        }}
      >
        <div className="dialog-head">
          <h2 id={id}>{title}</h2>
        </div>
        <div className="dialog-body stack">{children}</div>
        {foot ? <div className="dialog-foot">{foot}</div> : null}
      </form>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  action: string;
  close: () => void;
  run: () => Promise<unknown>;
  /** What has to be typed before it can be done: the name of what is lost. */
  type?: string;
  danger?: boolean;
}

/** Asks before something is done that cannot be undone. */
export function Confirm({ title, children, action, close, run, type, danger = true }: ConfirmProps) {
  const t = useT();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  const ready = !type || typed.trim() === type;
  const submit = () => {
    if (!ready) return;
    setBusy(true);
    setError(null);
    run().then(close, (failure: unknown) => {
      setError(failure);
      setBusy(false);
    });
  };
  return (
    <Dialog
      title={title}
      close={close}
      submit={submit}
      foot={
        <>
          <Button onClick={close} autoFocus={!type}>
            {t("cancel")}
          </Button>
          <Button type="submit" look={danger ? "danger solid" : "primary"} busy={busy} disabled={!ready}>
            {action}
          </Button>
        </>
      }
    >
      {children}
      {type ? (
        <div className="field">
          <label htmlFor={id}>{t("confirm.type", { name: type })}</label>
          <input
            id={id}
            className="input mono"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            autoFocus
            spellCheck={false}
          />
        </div>
      ) : null}
      {error ? <Failure error={error} /> : null}
    </Dialog>
  );
}
