// A user, made or changed: who it is, what it may do, and what it is limited to.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { policies } from "../api/queries";
import type { User } from "../api/types";
import { Problem } from "../lib/http";
import { useTask } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { fetched } from "../lib/session";
import { Dialog } from "../ui/dialog";
import { Button, Failure, Field } from "../ui/parts";
import { toast } from "../ui/toast";
import { contextJSON, fromContext, type Limit } from "./context";

export function UserForm({
  user,
  etag,
  close,
  done,
}: {
  user?: User;
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
  const [limits, setLimits] = useState<Limit[]>(fromContext(user?.share_context ?? new Map()));
  const [active, setActive] = useState(user?.active ?? true);
  const { busy, error, start } = useTask(async () => {
    const is = {
      display_name: display.trim(),
      active,
      policies: chosen,
      ...(user ? { subject: user.subject } : {}),
    };
    await fetched(`/api/v1/users/${encodeURIComponent(name.trim())}`, {
      method: "PUT",
      headers: user ? { "If-Match": etag ?? "" } : { "If-None-Match": "*" },
      // The share context is JSON already, so that no digit is lost.
      body: `{"share_context":${contextJSON(limits)},${JSON.stringify(is).slice(1)}`,
    });
    await client.invalidateQueries({ queryKey: ["users"] });
    await client.invalidateQueries({ queryKey: ["user", name.trim()] });
    toast(t(user ? "users.changed" : "users.made"));
    done(name.trim());
  });
  const faults = error instanceof Problem ? error.faults : [];
  const fault = (field: string) =>
    faults.find((one) => one.parameter === field || one.parameter?.startsWith(`${field}[`))?.detail;
  const limit = (index: number, part: Partial<Limit>) =>
    setLimits(limits.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return (
    <Dialog
      title={t(user ? "users.change" : "users.new")}
      close={close}
      submit={start}
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
              onChange={(event) => limit(index, { allowed: event.target.value, kept: undefined })}
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
