// Who may call, and who may govern.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { UserForm } from "../access/form";
import { users } from "../api/queries";
import { Moment } from "../lib/format";
import { useAddress, useRested } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { Listing } from "../ui/list";
import { Page } from "../ui/page";
import { Badge, Button, Search } from "../ui/parts";

export default function Users() {
  const { t } = useI18n();
  const [, go] = useLocation();
  const [q, setQ] = useAddress("q");
  const rested = useRested(q);
  const [making, setMaking] = useState(false);
  const list = useInfiniteQuery({ ...users({ q: rested }), placeholderData: (before) => before });
  const authorable = list.data?.pages[0]?.authorable ?? true;
  return (
    <Page
      title={t("nav.users")}
      lead={t("users.lead")}
      actions={
        authorable ? (
          <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
            {t("users.new")}
          </Button>
        ) : null
      }
    >
      <div className="filters">
        <Search label={t("users.search")} value={q} onChange={(event) => setQ(event.target.value)} />
      </div>
      <Listing
        link
        query={list}
        rows={(page) => page.users}
        name={(one) => one.name}
        empty={{
          icon: "users",
          title: t(q ? "none.found" : "users.none"),
          text: t(q ? "none.found.text" : "users.none.text"),
        }}
        columns={[
          {
            title: t("keys.user"),
            cell: (one) => (
              <>
                <span className="row wrap">
                  <Link className="cover break" href={`/users/${one.name}`}>
                    {one.display_name || one.name}
                  </Link>
                  {one.active ? null : <Badge>{t("state.inactive")}</Badge>}
                  {one.faulty ? <Badge tone="bad">{t("state.unsound")}</Badge> : null}
                </span>
                <code className="under">{one.name}</code>
              </>
            ),
          },
          {
            title: t("users.policies"),
            cell: (one) => (
              <span className="row wrap">
                {one.policies.map((policy) => (
                  <Badge key={policy}>{policy}</Badge>
                ))}
                {Object.keys(one.share_context ?? {}).length > 0 ? (
                  <Badge tone="warn">{t("users.limited")}</Badge>
                ) : null}
              </span>
            ),
          },
          {
            title: t("endpoints.origin"),
            className: "small ink2",
            cell: (one) => t(one.origin === "file" ? "origin.file" : "origin.console"),
          },
          { title: t("users.keys"), right: true, className: "digits", cell: (one) => one.keys.active },
          {
            title: t("keys.used"),
            cell: (one) => <Moment at={one.keys.last_used_at} none={t("keys.never")} />,
          },
        ]}
      />
      {making ? <UserForm close={() => setMaking(false)} done={(name) => go(`/users/${name}`)} /> : null}
    </Page>
  );
}
