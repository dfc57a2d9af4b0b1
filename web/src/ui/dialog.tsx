// Dialogs: the browser's own, which keep the focus inside and the rest of the page out of reach.
import { useId, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import { useTask } from "../lib/hooks";
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

/** Shows the dialog element above the page for as long as it is there. */
export function useModal(): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  // Before the dialog leaves the page it is closed, which gives the focus back to what had it. When that is gone, too, such as a button
  // that did its work, a user of the keyboard goes on at the beginning of the view.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => {
      element?.close();
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
      });
    };
  }, []);
  return dialog;
}

export function Dialog({ title, close, children, foot, wide, submit }: DialogProps) {
  const dialog = useModal();
  const id = useId();
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
  const { busy, error, start } = useTask(() => run().then(close));
  const id = useId();
  const ready = !type || typed.trim() === type;
  return (
    <Dialog
      title={title}
      close={close}
      submit={() => ready && start()}
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
