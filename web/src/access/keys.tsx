// Keys: who has which, when it was used last, and how it is made, rotated and revoked.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { keys, users } from "../api/queries";
import type { ApiKey } from "../api/types";
import { Moment } from "../lib/format";
import { Problem } from "../lib/http";
import { useTask } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { json } from "../lib/session";
import { Confirm, Dialog } from "../ui/dialog";
import { Listing } from "../ui/list";
import { Badge, Button, Failure, Field, Menu, MenuItem } from "../ui/parts";
import { StatusBadge } from "../ui/status";
import { toast } from "../ui/toast";
import { SecretDialog } from "./secret";

export function KeyList({ user, state }: { user?: string; state?: string }) {
  const { t } = useI18n();
  const list = useInfiniteQuery(keys({ ...(user ? { user } : {}), ...(state ? { state } : {}) }));
  return (
    <Listing
      query={list}
      rows={(page) => page.keys}
      name={(one) => one.api_key}
      empty={{
        icon: "key",
        title: t(state ? "none.found" : "keys.none"),
        text: t(state ? "none.found.text" : "keys.none.text"),
      }}
      columns={[
        {
          title: t("keys.key"),
          cell: (one) => (
            <>
              <span className="row wrap">
                {one.name ? (
                  <span className="strong break">{one.name}</span>
                ) : (
                  <span className="dim">{t("keys.unnamed")}</span>
                )}
                {one.current ? <Badge tone="accent">{t("keys.current")}</Badge> : null}
              </span>
              <code className="under">{one.api_key}</code>
            </>
          ),
        },
        user ? null : { title: t("keys.user"), cell: (one) => <Link href={`/users/${one.user}`}>{one.user}</Link> },
        { title: t("keys.state"), cell: (one) => <StatusBadge status={one.state} /> },
        { title: t("keys.used"), cell: (one) => <Moment at={one.last_used_at} none={t("keys.never")} /> },
        { title: t("keys.expires"), cell: (one) => <Moment at={one.expires_at} none={t("keys.unlimited")} /> },
        { title: t("keys.made"), cell: (one) => <Moment at={one.created_at} /> },
        {
          title: t("actions"),
          right: true,
          actions: true,
          cell: (one) => (one.state === "active" ? <KeyActions one={one} /> : null),
        },
      ]}
    />
  );
}

function KeyActions({ one }: { one: ApiKey }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [asking, setAsking] = useState<"rotate" | "revoke" | null>(null);
  const [made, setMade] = useState<ApiKey | null>(null);
  const path = `/api/v1/keys/${encodeURIComponent(one.api_key)}`;
  const renew = () =>
    Promise.all([client.invalidateQueries({ queryKey: ["keys"] }), client.invalidateQueries({ queryKey: ["users"] })]);
  const revoke = async () => {
    await json(path, { method: "DELETE" });
    toast(t("keys.revoked"));
    await renew();
  };
  return (
    <>
      <Menu label={`${t("actions")}: ${one.name || one.api_key}`} look="quiet" size="small" icon="more">
        <MenuItem icon="history" onClick={() => setAsking("rotate")}>
          {t("keys.rotate")}
        </MenuItem>
        <MenuItem icon="trash" danger onClick={() => setAsking("revoke")}>
          {t("keys.revoke")}
        </MenuItem>
      </Menu>
      {asking === "revoke" ? (
        <Confirm
          title={t("keys.revoke.ask", { name: one.name || one.api_key })}
          action={t("keys.revoke")}
          close={() => setAsking(null)}
          run={revoke}
        >
          <p>{t(one.current ? "keys.revoke.own" : "keys.revoke.text")}</p>
          <p>
            <code className="small break">{one.api_key}</code>
          </p>
        </Confirm>
      ) : null}
      {asking === "rotate" ? (
        <Rotate
          one={one}
          close={() => setAsking(null)}
          made={(key) => {
            setAsking(null);
            setMade(key);
            void renew();
          }}
        />
      ) : null}
      {made ? <NewKey made={made} close={() => setMade(null)} /> : null}
    </>
  );
}

function Rotate({ one, close, made }: { one: ApiKey; close: () => void; made: (key: ApiKey) => void }) {
  const { t } = useI18n();
  const [overlap, setOverlap] = useState("24h");
  const path = `/api/v1/keys/${encodeURIComponent(one.api_key)}/rotate`;
  const { busy, error, start } = useTask(() => json<ApiKey>(path, { method: "POST", body: { overlap } }).then(made));
  return (
    <Dialog
      title={t("keys.rotate.ask", { name: one.name || one.api_key })}
      close={close}
      submit={start}
      foot={
        <>
          <Button onClick={close}>{t("cancel")}</Button>
          <Button type="submit" look="primary" busy={busy}>
            {t("keys.rotate")}
          </Button>
        </>
      }
    >
      <p>{t("keys.rotate.text")}</p>
      <Field label={t("keys.overlap")}>
        {(props) => (
          <select {...props} className="input" value={overlap} onChange={(event) => setOverlap(event.target.value)}>
            <option value="0s">{t("keys.overlap.none")}</option>
            <option value="1h">{t("keys.overlap.hour")}</option>
            <option value="24h">{t("keys.overlap.day")}</option>
            <option value="168h">{t("keys.overlap.week")}</option>
          </select>
        )}
      </Field>
      {error ? <Failure error={error} /> : null}
    </Dialog>
  );
}

export function NewKey({ made, close }: { made: ApiKey; close: () => void }) {
  const { t } = useI18n();
  return (
    <SecretDialog
      title={t("keys.new.made")}
      close={close}
      values={[
        { label: t("signin.key"), value: made.api_key },
        { label: t("signin.secret"), value: made.api_secret ?? "" },
      ]}
    />
  );
}

/** Makes a key: for one user, or for a user of choice. */
export function MakeKey({ user, close }: { user?: string; close: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [who, setWho] = useState(user ?? "");
  const [name, setName] = useState("");
  const [expires, setExpires] = useState("");
  const [made, setMade] = useState<ApiKey | null>(null);
  const list = useInfiniteQuery({ ...users({}), enabled: !user });
  const { busy, error, start } = useTask(async () => {
    const at = expires ? new Date(`${expires}T23:59:59`).toISOString() : null;
    setMade(
      await json<ApiKey>("/api/v1/keys", { method: "POST", body: { user: who, name: name.trim(), expires_at: at } }),
    );
    void client.invalidateQueries({ queryKey: ["keys"] });
    void client.invalidateQueries({ queryKey: ["users"] });
  });
  const fault = (field: string) =>
    error instanceof Problem ? error.faults.find((one) => one.parameter === field)?.detail : undefined;
  if (made) return <NewKey made={made} close={close} />;
  return (
    <Dialog
      title={t("keys.new")}
      close={close}
      submit={start}
      foot={
        <>
          <Button onClick={close}>{t("cancel")}</Button>
          <Button type="submit" look="primary" busy={busy} disabled={who === ""}>
            {t("keys.make")}
          </Button>
        </>
      }
    >
      {user ? null : (
        <Field label={t("keys.user")} fault={fault("user")}>
          {(props) => (
            <select {...props} className="input" required value={who} onChange={(event) => setWho(event.target.value)}>
              <option value="">{t("param.choose")}</option>
              {list.data?.pages
                .flatMap((page) => page.users)
                .map((one) => (
                  <option key={one.name} value={one.name}>
                    {one.display_name || one.name}
                  </option>
                ))}
            </select>
          )}
        </Field>
      )}
      <Field label={t("keys.name")} hint={t("keys.name.hint")} fault={fault("name")}>
        {(props) => (
          <input
            {...props}
            className="input"
            autoFocus
            value={name}
            maxLength={100}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("keys.expires.on")} hint={t("keys.expires.hint")} fault={fault("expires_at")}>
        {(props) => (
          <input
            {...props}
            className="input"
            type="date"
            value={expires}
            onChange={(event) => setExpires(event.target.value)}
          />
        )}
      </Field>
      {error ? <Failure error={error} /> : null}
    </Dialog>
  );
}
