// One user: what it may do, what it is limited to, its keys, and the secret that its callbacks are signed with.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { UserForm } from "../access/form";
import { KeyList, MakeKey } from "../access/keys";
import { SecretDialog } from "../access/secret";
import { user as userQuery } from "../api/exact";
import { told } from "../api/reading";
import type { User } from "../api/types";
import { Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { fetched, json } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { Card, Facts, Loaded } from "../ui/loaded";
import { Page } from "../ui/page";
import { Badge, Button, Failure, Menu, MenuItem, Note } from "../ui/parts";
import { toast } from "../ui/toast";

export default function UserView({ name }: { name: string }) {
  const { t } = useI18n();
  const [, go] = useLocation();
  const client = useQueryClient();
  const found = useQuery(userQuery(name));
  const { data } = found;
  const [open, setOpen] = useState<"key" | "edit" | "delete" | null>(null);
  const user = data?.user;
  const remove = async () => {
    await fetched(`/api/v1/users/${encodeURIComponent(name)}`, {
      method: "DELETE",
      headers: { "If-Match": data?.etag ?? "" },
    });
    toast(t("users.deleted"));
    go("/users");
    await client.invalidateQueries({ queryKey: ["users"] });
  };
  return (
    <Page
      title={user?.display_name || name}
      back={{ to: "/users", title: t("nav.users") }}
      lead={
        <span className="row wrap">
          <code className="small">{name}</code>
          {user && !user.active ? <Badge>{t("state.inactive")}</Badge> : null}
          {user ? <Badge>{user.path ? `${t("origin.file")} · ${user.path}` : t("origin.console")}</Badge> : null}
        </span>
      }
      actions={
        user ? (
          <>
            <Button look="primary" icon="plus" onClick={() => setOpen("key")}>
              {t("keys.new")}
            </Button>
            {user.origin === "store" ? (
              <Menu label={t("actions")} icon="more">
                <MenuItem icon="edit" onClick={() => setOpen("edit")}>
                  {t("edit")}
                </MenuItem>
                <MenuItem icon="trash" danger onClick={() => setOpen("delete")}>
                  {t("delete")}
                </MenuItem>
              </Menu>
            ) : null}
          </>
        ) : null
      }
    >
      <Loaded query={found}>
        {({ user: one }) => (
          <>
            {one.faulty ? <Note tone="bad">{t("users.faulty")}</Note> : null}
            {one.origin === "file" ? <Note>{t("users.file", { path: one.path ?? "" })}</Note> : null}
            <div className="split even">
              <Permissions user={one} />
              <Context user={one} />
            </div>
            <section className="stack" aria-label={t("users.keys")}>
              <h2>{t("users.keys")}</h2>
              <KeyList user={name} />
            </section>
            <CallbackSecret user={one} />
          </>
        )}
      </Loaded>
      {open === "key" ? <MakeKey user={name} close={() => setOpen(null)} /> : null}
      {open === "edit" && user ? (
        <UserForm user={user} etag={data.etag} close={() => setOpen(null)} done={() => setOpen(null)} />
      ) : null}
      {open === "delete" ? (
        <Confirm
          title={t("users.delete.ask", { name })}
          action={t("delete")}
          close={() => setOpen(null)}
          run={remove}
          type={name}
        >
          <p>{t("users.delete.text")}</p>
        </Confirm>
      ) : null}
    </Page>
  );
}

function Permissions({ user }: { user: User }) {
  const { t } = useI18n();
  return (
    <Card title={t("users.may")}>
      <Facts
        facts={[
          [
            t("users.policies"),
            <span key="policies" className="row wrap">
              {user.policies.map((policy) => (
                <Badge key={policy} tone="accent">
                  {policy}
                </Badge>
              ))}
            </span>,
          ],
          ...user.actions.map(
            ({ action, endpoints }) =>
              [
                <code key={action} className="small">
                  {action}
                </code>,
                endpoints.join() === "*" ? (
                  t("users.everywhere")
                ) : (
                  <code key="where" className="small break">
                    {endpoints.join(", ")}
                  </code>
                ),
              ] as const,
          ),
        ]}
      />
    </Card>
  );
}

function Context({ user }: { user: User }) {
  const { t } = useI18n();
  const limits = [...user.share_context];
  return (
    <Card title={t("users.context")}>
      {limits.length === 0 ? (
        <p className="card-body dim">{t("users.unlimited")}</p>
      ) : (
        <Facts
          facts={limits.map(([parameter, limit]) => [
            <code key={parameter}>{parameter}</code>,
            limit.allowed
              ? limit.allowed.map(told).join(", ")
              : t("param.between", { least: told(limit.minimum ?? "−∞"), most: told(limit.maximum ?? "∞") }),
          ])}
        />
      )}
    </Card>
  );
}

function CallbackSecret({ user }: { user: User }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const path = `/api/v1/users/${encodeURIComponent(user.name)}/callback-secret`;
  const { data, error } = useQuery({
    queryKey: ["callback-secret", user.name],
    queryFn: ({ signal }) =>
      json<{ state: "none" | "unshown" | "shown"; previous_until: string | null }>(path, { signal }),
  });
  const [asking, setAsking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const make = async (rotate: boolean) => {
    const made = await json<{ callback_secret: string }>(rotate ? `${path}/rotate` : path, {
      method: "POST",
      ...(rotate ? { body: { overlap: "24h" } } : {}),
    });
    setSecret(made.callback_secret);
    await client.invalidateQueries({ queryKey: ["callback-secret", user.name] });
  };
  return (
    <Card
      title={t("callback.title")}
      beside={
        data ? (
          data.state === "shown" ? (
            <Button size="small" icon="history" onClick={() => setAsking(true)}>
              {t("keys.rotate")}
            </Button>
          ) : (
            <Button size="small" icon="key" onClick={() => void make(false).catch(setFailure)}>
              {t("callback.make")}
            </Button>
          )
        ) : null
      }
    >
      <div className="card-body stack tight">
        <p className="ink2">{t("callback.text")}</p>
        {data?.previous_until ? (
          <p className="small dim">
            {t("callback.previous")} <Moment at={data.previous_until} style="full" />
          </p>
        ) : null}
        {error || failure ? <Failure error={failure ?? error} /> : null}
      </div>
      {asking ? (
        <Confirm
          title={t("callback.rotate.ask")}
          action={t("keys.rotate")}
          danger={false}
          close={() => setAsking(false)}
          run={() => make(true)}
        >
          <p>{t("callback.rotate.text")}</p>
        </Confirm>
      ) : null}
      {secret ? (
        <SecretDialog
          title={t("callback.title")}
          values={[{ label: t("callback.title"), value: secret }]}
          close={() => setSecret(null)}
        />
      ) : null}
    </Card>
  );
}
