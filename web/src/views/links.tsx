// The presigned links to an endpoint: the user's own, and those of the company for an administrator of its keys.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { MakeLink } from "../access/links";
import { links, linksKey } from "../api/links";
import { useMay } from "../api/may";
import { endpointPath } from "../api/queries";
import type { Callable, LinkRow, Managed } from "../api/types";
import { Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { json } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { Listing } from "../ui/list";
import { Badge, Button, Empty } from "../ui/parts";
import { toast } from "../ui/toast";

/** Whether links can be made to an endpoint: it is served, and answers at once. */
function linkable(endpoint: Managed | Callable): boolean {
  return endpoint.mode !== "async" && (!("live_revision" in endpoint) || endpoint.live_revision !== null);
}

export default function Links({ endpoint }: { endpoint: Managed | Callable }) {
  const { t } = useI18n();
  const [making, setMaking] = useState(false);
  const list = useInfiniteQuery({ ...links(endpoint.namespace, endpoint.slug), enabled: linkable(endpoint) });
  const { hasNextPage, isFetching, fetchNextPage } = list;
  // A page holds what others have made, too, which is left out for users who may not see it: there may be more behind an empty one.
  const none = list.data?.pages.every((page) => page.links.length === 0) ?? false;
  const looking = none && hasNextPage && !list.error;
  useEffect(() => {
    if (looking && !isFetching) void fetchNextPage();
  }, [looking, isFetching, fetchNextPage]);
  if (!linkable(endpoint)) {
    return (
      <div className="card">
        <Empty icon="link" title={t("links.closed")}>
          {t("links.closed.text")}
        </Empty>
      </div>
    );
  }
  return (
    <section className="stack" aria-label={t("endpoint.links")}>
      <div className="row wrap apart">
        <p className="lead">{t("links.lead")}</p>
        <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
          {t("links.new")}
        </Button>
      </div>
      <Listing
        query={{ ...list, isPending: list.isPending || looking }}
        rows={(page) => page.links}
        name={(one) => one.link_id}
        empty={{ icon: "link", title: t("links.none"), text: t("links.none.text") }}
        columns={[
          { title: t("links.link"), className: "about", cell: (one) => <About one={one} /> },
          {
            title: t("keys.state"),
            cell: (one) => (
              <Badge dot tone={one.state === "active" ? "ok" : "warn"}>
                {t(`links.state.${one.state}`)}
              </Badge>
            ),
          },
          { title: t("links.runs"), className: "text", cell: (one) => <Runs one={one} /> },
          {
            title: t("links.uses"),
            className: "digits nowrap",
            cell: (one) =>
              one.uses === null ? (
                <span className="dim">{t("links.uses.any")}</span>
              ) : (
                t("links.uses.of", { used: one.used ?? 0, uses: one.uses })
              ),
          },
          { title: t("keys.expires"), cell: (one) => <Moment at={one.expires_at} /> },
          {
            title: t("actions"),
            right: true,
            actions: true,
            cell: (one) => <Revoke endpoint={endpoint} one={one} />,
          },
        ]}
      />
      {making ? <MakeLink endpoint={endpoint} close={() => setMaking(false)} /> : null}
    </section>
  );
}

/** What a link is, and who has made it, for those who see others'. */
function About({ one }: { one: LinkRow }) {
  const { t } = useI18n();
  const may = useMay();
  return (
    <>
      {one.name ? <span className="strong break">{one.name}</span> : <span className="dim">{t("links.unnamed")}</span>}
      <code className="under">{one.link_id}</code>
      <span className="small dim">
        {may("access:manage") ? (
          <>
            <Link href={`/users/${one.user}`}>{one.user}</Link> ·{" "}
          </>
        ) : null}
        {t("links.made.at")} <Moment at={one.created_at} />
      </span>
    </>
  );
}

/** What a link asks for: its format with the options, the parameters that it is bound to, and what is free. */
function Runs({ one }: { one: LinkRow }) {
  const { t } = useI18n();
  const value = (text: string) => (text.startsWith('"') ? (JSON.parse(text) as string) : text);
  return (
    <span className="row wrap">
      <Badge>{[one.format, ...Object.values(one.options)].join(" · ")}</Badge>
      {[...one.parameter_values].map(([name, text]) => (
        <code key={name} className="small break">
          {name}={value(text)}
        </code>
      ))}
      {one.free.map((name) => (
        <span key={name} className="row wrap">
          <code className="small break">{name}</code>
          <Badge tone="info">{t("links.free.one")}</Badge>
        </span>
      ))}
    </span>
  );
}

function Revoke({ endpoint, one }: { endpoint: Managed | Callable; one: LinkRow }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { namespace, slug } = endpoint;
  const name = one.name || one.link_id;
  const revoke = async () => {
    await json(`${endpointPath(namespace, slug)}/links/${encodeURIComponent(one.link_id)}`, { method: "DELETE" });
    toast(t("links.revoked"));
    await client.invalidateQueries({ queryKey: linksKey(namespace, slug) });
  };
  return (
    <>
      <Button
        size="small"
        look="quiet"
        icon="trash"
        aria-label={`${t("keys.revoke")}: ${name}`}
        title={t("keys.revoke")}
        onClick={() => setAsking(true)}
      />
      {asking ? (
        <Confirm
          title={t("keys.revoke.ask", { name })}
          action={t("keys.revoke")}
          close={() => setAsking(false)}
          run={revoke}
        >
          <p>{t("links.revoke.text")}</p>
        </Confirm>
      ) : null}
    </>
  );
}
