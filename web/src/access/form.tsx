// A user, made or changed: who it is, what it may do, and what it is limited to.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { policies } from "../api/queries";
import type { ShareContext, UserRow } from "../api/types";
import { Problem, refuse } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { ask } from "../lib/session";
import { Dialog } from "../ui/dialog";
import { Button, Failure, Field } from "../ui/parts";
import { toast } from "../ui/toast";

interface Limit {
  name: string;
  allowed: string;
}

/** Values as they were meant: numbers and truth values as such, all else as text. */
function value(text: string): unknown {
  if (/^(true|false|-?\d{1,15}(\.\d{1,10})?)$/.test(text)) return JSON.parse(text) as unknown;
  return text;
}

function fromContext(context: ShareContext | null): Limit[] {
  return Object.entries(context ?? {}).map(([name, limit]) => ({
    name,
    allowed: limit.allowed
      ? limit.allowed.map(String).join(", ")
      : `${limit.minimum === undefined ? "" : String(limit.minimum)}..${limit.maximum === undefined ? "" : String(limit.maximum)}`,
  }));
}

function toContext(limits: Limit[]): ShareContext {
  const made: ShareContext = {};
  for (const { name, allowed } of limits) {
    if (name.trim() === "") continue;
    const range = /^\s*(\S*?)\s*\.\.\s*(\S*?)\s*$/.exec(allowed);
    made[name.trim()] = range
      ? { ...(range[1] ? { minimum: value(range[1]) } : {}), ...(range[2] ? { maximum: value(range[2]) } : {}) }
      : {
          allowed: allowed
            .split(",")
            .map((one) => one.trim())
            .filter(Boolean)
            .map(value),
        };
  }
  return made;
}

export function UserForm({
  user,
  etag,
  close,
  done,
}: {
  user?: UserRow;
  etag?: string;
  close: () => void;
  done: (name: string) => void;
}) {
  const { t } = useI18n();
  const client = useQueryClient();
  const known = useQuery(policies);
  const [name, setName] = useState(user?.name ?? "");
  const [display, setDisplay] = useState(user?.display_name ?? "");
  const [chosen, setChosen] = useState<string[]>(user?.policies ?? ["DataAPIConsumer"]);
  const [limits, setLimits] = useState<Limit[]>(fromContext(user?.share_context ?? null));
  const [active, setActive] = useState(user?.active ?? true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const faults = error instanceof Problem ? error.faults : [];
  const fault = (field: string) =>
    faults.find((one) => one.parameter === field || one.parameter?.startsWith(`${field}[`))?.detail;
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = await ask(`/api/v1/users/${encodeURIComponent(name.trim())}`, {
        method: "PUT",
        headers: user ? { "If-Match": etag ?? "" } : { "If-None-Match": "*" },
        body: {
          display_name: display.trim(),
          active,
          policies: chosen,
          share_context: toContext(limits),
          ...(user ? { subject: user.subject } : {}),
        },
      });
      if (!answer.ok) await refuse(answer);
      await client.invalidateQueries({ queryKey: ["users"] });
      await client.invalidateQueries({ queryKey: ["user", name.trim()] });
      toast(t(user ? "users.changed" : "users.made"));
      done(name.trim());
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const limit = (index: number, part: Partial<Limit>) =>
    setLimits(limits.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <Dialog
      title={t(user ? "users.change" : "users.new")}
      close={close}
      submit={() => void submit()}
      foot={
        <>
          <Button onClick={close}>{t("cancel")}</Button>
          <Button type="submit" look="primary" busy={busy}>
            {t(user ? "save" : "users.make")}
          </Button>
        </>
      }
    >
      {user ? null : (
        <Field label={t("users.name")} hint={t("users.name.hint")} fault={fault("name")}>
          {(props) => (
            <input
              {...props}
              className="input mono"
              required
              autoFocus
              pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
              maxLength={63}
              spellCheck={false}
              autoCapitalize="none"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      )}
      <Field label={t("users.display")} fault={fault("display_name")}>
        {(props) => (
          <input {...props} className="input" value={display} onChange={(event) => setDisplay(event.target.value)} />
        )}
      </Field>
      <fieldset className="choices">
        <legend className="label">{t("users.policies")}</legend>
        {known.data?.map((policy) => (
          <label key={policy.name} className="check">
            <input
              type="checkbox"
              checked={chosen.includes(policy.name)}
              onChange={(event) =>
                setChosen(event.target.checked ? [...chosen, policy.name] : chosen.filter((one) => one !== policy.name))
              }
            />
            <span>
              <span className="strong">{policy.name}</span>
              <span className="hint"> {policy.description}</span>
            </span>
          </label>
        ))}
        {fault("policies") ? <p className="fault">{fault("policies")}</p> : null}
      </fieldset>
      <fieldset className="choices">
        <legend className="label">{t("users.context")}</legend>
        <p className="hint">{t("users.context.hint")}</p>
        {limits.map((one, index) => (
          <div key={index} className="row limit">
            <input
              className="input mono"
              aria-label={t("users.parameter")}
              placeholder={t("users.parameter")}
              spellCheck={false}
              value={one.name}
              onChange={(event) => limit(index, { name: event.target.value })}
            />
            <input
              className="input"
              aria-label={t("users.allowed")}
              placeholder="Sul, Sudeste"
              value={one.allowed}
              onChange={(event) => limit(index, { allowed: event.target.value })}
            />
            <Button
              size="small"
              look="quiet"
              icon="close"
              aria-label={t("remove")}
              onClick={() => setLimits(limits.filter((_, at) => at !== index))}
            />
          </div>
        ))}
        {faults
          .filter((one) => one.parameter?.startsWith("share_context"))
          .map((one) => (
            <p key={one.parameter} className="fault">
              {one.parameter}: {one.detail}
            </p>
          ))}
        <div>
          <Button size="small" icon="plus" onClick={() => setLimits([...limits, { name: "", allowed: "" }])}>
            {t("users.limit")}
          </Button>
        </div>
      </fieldset>
      <label className="check">
        <input type="checkbox" checked={active} onChange={(event) => setActive(event.target.checked)} />
        <span>
          <span className="strong">{t("users.active")}</span>
          <span className="hint"> {t("users.active.hint")}</span>
        </span>
      </label>
      {error ? <Failure error={error} /> : null}
    </Dialog>
  );
}
