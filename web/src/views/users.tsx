// Who may call, and who may govern.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { UserForm } from "../access/form";
import { users } from "../api/queries";
import { Moment } from "../lib/format";
import { useAddress, useRested } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { More } from "../ui/more";
import { Page } from "../ui/page";
import { Badge, Bones, Button, Empty, Failure, Search } from "../ui/parts";

export default function Users() {
  const { t } = useI18n();
  const [, go] = useLocation();
  const [q, setQ] = useAddress("q");
  const rested = useRested(q);
  const [making, setMaking] = useState(false);
  const list = useInfiniteQuery({ ...users({ q: rested }), placeholderData: (before) => before });
  const rows = list.data?.pages.flatMap((page) => page.users) ?? [];
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
      {list.error ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : (
        <div className="card">
          {list.isPending ? (
            <Bones />
          ) : rows.length === 0 ? (
            <Empty icon="users" title={t(q ? "none.found" : "users.none")}>
              {t("users.none.text")}
            </Empty>
          ) : (
            <table className="list stacking">
              <thead>
                <tr>
                  <th scope="col">{t("keys.user")}</th>
                  <th scope="col">{t("users.policies")}</th>
                  <th scope="col">{t("endpoints.origin")}</th>
                  <th scope="col" className="right">
                    {t("users.keys")}
                  </th>
                  <th scope="col">{t("keys.used")}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((one) => (
                  <tr key={one.name} className="link">
                    <td>
                      <span className="row wrap">
                        <Link className="cover break" href={`/users/${one.name}`}>
                          {one.display_name || one.name}
                        </Link>
                        {one.active ? null : <Badge>{t("state.inactive")}</Badge>}
                        {one.faulty ? <Badge tone="bad">{t("state.unsound")}</Badge> : null}
                      </span>
                      <code className="xs dim">{one.name}</code>
                    </td>
                    <td data-label={t("users.policies")}>
                      <span className="row wrap">
                        {one.policies.map((policy) => (
                          <Badge key={policy}>{policy}</Badge>
                        ))}
                        {one.share_context && Object.keys(one.share_context).length > 0 ? (
                          <Badge tone="warn">{t("users.limited")}</Badge>
                        ) : null}
                      </span>
                    </td>
                    <td data-label={t("endpoints.origin")} className="small ink2">
                      {one.origin === "file" ? t("origin.file") : t("origin.console")}
                    </td>
                    <td data-label={t("users.keys")} className="right digits">
                      {one.keys.active}
                    </td>
                    <td data-label={t("keys.used")}>
                      {one.keys.last_used_at ? (
                        <Moment at={one.keys.last_used_at} />
                      ) : (
                        <span className="dim">{t("keys.never")}</span>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          <More query={list} />
        </div>
      )}
      {making ? <UserForm close={() => setMaking(false)} done={(name) => go(`/users/${name}`)} /> : null}
    </Page>
  );
}
