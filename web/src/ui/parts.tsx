// The small parts that every view is made of.
import {
  useEffect,
  useId,
  useRef,
  useState,
  type ButtonHTMLAttributes,
  type ComponentProps,
  type KeyboardEvent,
  type ReactNode,
} from "react";
import { Problem } from "../lib/http";
import { useT } from "../lib/i18n";
import { offerFinder } from "../lib/finder";
import { Icon, type IconName } from "./icons";
import { toast } from "./toast";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "primary" | "danger" | "danger solid" | "quiet";
  size?: "small" | "wide";
  icon?: IconName;
  busy?: boolean;
}

export function Button({ look, size, icon, busy, children, className = "", ...rest }: ButtonProps) {
  const only = children === undefined || children === null;
  return (
    <button
      type="button"
      {...rest}
      disabled={rest.disabled === true || busy === true}
      aria-busy={busy || undefined}
      className={`button ${look ?? ""} ${size ?? ""} ${only ? "icon" : ""} ${className}`}
    >
      {busy ? <span className="spin" /> : icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  fault?: string | undefined;
  children: (props: { id: string; "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}

/** A field with its label, its hint and what is wrong with it. */
export function Field({ label, hint, fault, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", fault ? `${id}-fault` : ""].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        ...(described ? { "aria-describedby": described } : {}),
        ...(fault ? { "aria-invalid": true as const } : {}),
      })}
      {fault ? (
        <p className="fault" id={`${id}-fault`}>
          {fault}
        </p>
      ) : null}
      {hint ? (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
    </div>
  );
}

/** A field to search by. `finder`: it is the one that Ctrl+K leads to. */
export function Search({ label, finder, ...rest }: { label: string; finder?: boolean } & ComponentProps<"input">) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (finder) return offerFinder(input.current!);
  }, [finder]);
  return (
    <div className="search">
      <Icon name="search" />
      <input
        ref={input}
        className="input"
        type="search"
        spellCheck={false}
        aria-label={label}
        placeholder={label}
        aria-keyshortcuts={finder ? "Control+K" : undefined}
        {...rest}
      />
      {finder ? (
        <kbd className="search-keys" aria-hidden="true">
          Ctrl K
        </kbd>
      ) : null}
    </div>
  );
}

export type Tone = "ok" | "warn" | "bad" | "info" | "accent" | "";

export function Badge({
  tone = "",
  dot,
  children,
  title,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
  title?: string;
}) {
  return (
    <span className={`badge ${tone}`} title={title}>
      {dot ? <span className="dot" /> : null}
      {children}
    </span>
  );
}

export function Note({ tone, children, role }: { tone?: "bad" | "warn" | "ok"; children: ReactNode; role?: string }) {
  return (
    <div className={`note ${tone ?? ""}`} role={role}>
      <Icon name={tone === "bad" || tone === "warn" ? "warn" : tone === "ok" ? "check" : "info"} />
      <div>{children}</div>
    </div>
  );
}

export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children ? <p>{children}</p> : null}
      {action}
    </div>
  );
}

/** What went wrong, with the code, every fault and the request's id. */
export function Failure({ error, again }: { error: unknown; again?: () => void }) {
  const t = useT();
  const problem = error instanceof Problem ? error : null;
  const text = problem?.status === 0 ? t("error.offline") : error instanceof Error ? error.message : String(error);
  return (
    <Note tone="bad" role="alert">
      <p>
        {problem?.code ? <code className="strong">{problem.code}</code> : null} {text}
      </p>
      {problem && problem.faults.length > 0 ? (
        <ul>
          {problem.faults.map((fault, index) => (
            <li key={index}>
              {fault.parameter ? <code>{fault.parameter}</code> : null} {fault.detail}
            </li>
          ))}
        </ul>
      ) : null}
      {problem?.requestId ? (
        <p className="xs">
          {t("error.request")} <code>{problem.requestId}</code>
        </p>
      ) : null}
      {again ? (
        <p>
          <Button size="small" onClick={again}>
            {t("error.again")}
          </Button>
        </p>
      ) : null}
    </Note>
  );
}

/** Lines of a table that is on its way. */
export function Bones({ lines = 5, columns = 4 }: { lines?: number; columns?: number }) {
  const t = useT();
  return (
    <div role="status" aria-label={t("loading")} className="card-body stack">
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} className="row" style={{ gap: "24px" }}>
          {Array.from({ length: columns }, (_, column) => (
            <span key={column} className="bone grow" style={{ maxWidth: `${[34, 18, 22, 14][column % 4]}%` }} />
          ))}
        </div>
      ))}
    </div>
  );
}

/** Copies text. Over plain HTTP there is no clipboard of the browser's: there a hidden field is copied. */
export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.setAttribute("readonly", "");
  area.className = "unseen";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function Copy({
  text,
  label,
  ...rest
}: { text: string | (() => string); label?: string } & Omit<ButtonProps, "onClick">) {
  const t = useT();
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  const name = label ?? t("copy");
  return (
    <Button
      size="small"
      look="quiet"
      icon={done ? "check" : "copy"}
      aria-label={done ? t("copied") : name}
      title={name}
      {...rest}
      onClick={() => {
        void copy(typeof text === "function" ? text() : text).then(() => {
          setDone(true);
          toast(t("copied"));
        });
      }}
    />
  );
}

export interface Tab {
  id: string;
  title: ReactNode;
}

/** Tabs as the ARIA pattern has them: one is in the tab order, arrows move between them. */
export function Tabs({
  label,
  tabs,
  chosen,
  choose,
  look = "tabs",
  panel,
}: {
  label: string;
  tabs: Tab[];
  chosen: string;
  choose: (id: string) => void;
  look?: "tabs" | "segments";
  panel: string;
}) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === chosen);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = (next + tabs.length) % tabs.length;
    choose(tabs[index]!.id);
    (list.current?.children[index] as HTMLElement | undefined)?.focus();
  };
  return (
    <div className={look} role="tablist" aria-label={label} ref={list} onKeyDown={move}>
      {tabs.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`${panel}-${id}`}
          aria-selected={id === chosen}
          aria-controls={panel}
          tabIndex={id === chosen ? 0 : -1}
          onClick={() => choose(id)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** A choice of few, all of them seen. */
export function Segments<T extends string>({
  label,
  choices,
  value,
  change,
}: {
  label: string;
  choices: { value: T; title: ReactNode }[];
  value: T;
  change: (value: T) => void;
}) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          onClick={() => change(choice.value)}
        >
          {choice.title}
        </button>
      ))}
    </div>
  );
}

/** A menu behind a button: Escape, a click elsewhere and the loss of focus close it. */
export function Menu({
  label,
  children,
  up,
  ...button
}: { label: string; children: ReactNode; up?: boolean; text?: ReactNode } & Omit<ButtonProps, "children">) {
  const [open, setOpen] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const { text, ...rest } = button;
  const items = () => [...(host.current?.querySelectorAll<HTMLElement>(".menu-list > *") ?? [])];
  const focus = (step: number) => {
    const all = items();
    all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus();
  };
  useEffect(() => {
    if (open) host.current?.querySelector<HTMLElement>(".menu-list > *")?.focus();
  }, [open]);
  return (
    <div
      className="menu"
      ref={host}
      onBlur={(event) => {
        if (!host.current?.contains(event.relatedTarget)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (!open) return;
        if (event.key === "Escape") {
          setOpen(false);
          host.current?.querySelector("button")?.focus();
        } else if (event.key === "ArrowDown") focus(1);
        else if (event.key === "ArrowUp") focus(-1);
        else if (event.key === "Home") items()[0]?.focus();
        else if (event.key === "End") items().at(-1)?.focus();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <Button
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={text ? undefined : label}
        title={label}
        {...rest}
        onClick={() => setOpen(!open)}
      >
        {text}
      </Button>
      {open ? (
        <div
          className={`menu-list ${up ? "up" : ""}`}
          role="menu"
          aria-label={label}
          onClick={() => {
            setOpen(false);
            host.current?.querySelector("button")?.focus(); // where a dialog that opens now gives the focus back to
          }}
        >
          {children}
        </div>
      ) : null}
    </div>
  );
}

export function MenuItem({
  icon,
  danger,
  children,
  ...rest
}: { icon?: IconName; danger?: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button type="button" role="menuitem" tabIndex={-1} className={danger ? "danger" : ""} {...rest}>
      {icon ? <Icon name={icon} /> : null}
      {children}
    </button>
  );
}
