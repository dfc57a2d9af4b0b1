// One endpoint: what it is, how it is called, what it answers, how it came to be and how it fares.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link, useLocation } from "wouter";
import { useMay } from "../api/may";
import { callables, endpointPath, managed, managedOf } from "../api/queries";
import type { Callable, Managed } from "../api/types";
import { face } from "../lib/base";
import { Moment } from "../lib/format";
import { Problem } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { ask, fetched } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Page } from "../ui/page";
import { Badge, Bones, Button, Copy, Empty, Failure, Menu, MenuItem, Note } from "../ui/parts";
import { toast } from "../ui/toast";
import { save } from "../result/download";
import { States } from "./endpoints";
import { Reference } from "./reference";

const Revisions = lazy(() => import("./revisions"));
const Activity = lazy(() => import("./activity"));
const Links = lazy(() => import("./links"));

type View = "reference" | "revisions" | "activity" | "links";

interface Props {
  namespace: string;
  slug: string;
  view: View;
}

export default function Endpoint({ namespace, slug, view }: Props) {
  const { t } = useI18n();
  const may = useMay();
  const governs = face === "console" && may("visualization:view", `${namespace}/${slug}`);
  const own = useQuery({ ...managed(namespace, slug), enabled: governs });
  const missing = own.error instanceof Problem && (own.error.status === 404 || own.error.status === 403);
  const list = useQuery({ ...callables, enabled: !governs || missing });
  const found = list.data?.find((one) => one.namespace === namespace && one.slug === slug);
  const endpoint: Managed | Callable | undefined = own.data?.endpoint ?? found;

  if (endpoint) return <Known endpoint={endpoint} etag={own.data?.etag ?? ""} view={view} />;
  const error = own.error && !missing ? own.error : list.error;
  return (
    <Page title={`${namespace}/${slug}`} back={{ to: "/endpoints", title: t("nav.endpoints") }}>
      {error ? (
        <Failure error={error} again={() => void (own.error && !missing ? own.refetch() : list.refetch())} />
      ) : list.data ? (
        <Empty
          icon="endpoint"
          title={t("endpoint.missing")}
          action={
            face === "console" && may("visualization:edit", `${namespace}/${slug}`) ? (
              <Link className="button primary" href={`/endpoints/new?at=${namespace}/${slug}`}>
                {t("endpoint.make")}
              </Link>
            ) : null
          }
        >
          {t("endpoint.missing.text")}
        </Empty>
      ) : (
        <div className="card">
          <Bones lines={8} columns={2} />
        </div>
      )}
    </Page>
  );
}

/** The views that somebody has of an endpoint: how it came to be is for those who govern it, links are for those who may make them. */
function useViews(endpoint: Managed | Callable): View[] {
  const may = useMay();
  const name = `${endpoint.namespace}/${endpoint.slug}`;
  const links = face === "console" && may("data_api:create_link", name) && may("data_api:execute", name);
  return [
    "reference",
    ...("origin" in endpoint ? (["revisions", "activity"] as const) : []),
    ...(links ? (["links"] as const) : []),
  ];
}

function Known({ endpoint, etag, view: wanted }: { endpoint: Managed | Callable; etag: string; view: View }) {
  const { t } = useI18n();
  const own = "origin" in endpoint ? endpoint : null;
  const at = `/endpoints/${endpoint.namespace}/${endpoint.slug}`;
  const views = useViews(endpoint);
  const view = views.includes(wanted) ? wanted : "reference";
  return (
    <Page
      wide
      title={endpoint.title || endpoint.slug}
      {...(face === "console" ? { back: { to: "/endpoints", title: t("nav.endpoints") } } : {})}
      lead={
        <div className="stack tight">
          <div className="path-line">
            <code className="break">
              <span className="verb">POST</span> {endpoint.links.execute}
            </code>
            <Copy text={endpoint.links.execute} label={t("endpoint.copy.path")} />
          </div>
          <div className="row wrap">
            <Badge tone={endpoint.mode === "async" ? "info" : "accent"}>
              {t(endpoint.mode === "async" ? "mode.async.long" : "mode.sync.long")}
            </Badge>
            {own ? (
              <Badge title={own.path ?? undefined!}>
                {own.path ? (
                  <>
                    {t("origin.file")} · {own.path}
                  </>
                ) : (
                  t("origin.console")
                )}
              </Badge>
            ) : null}
            {endpoint.shared_by ? <Badge>{t("origin.shared", { company: endpoint.shared_by })}</Badge> : null}
            <States endpoint={endpoint} />
            {own?.updated_at ? (
              <span className="small dim">
                {own.author ?? "—"}, <Moment at={own.updated_at} />
              </span>
            ) : null}
          </div>
          {own && !own.may.edit ? (
            <p className="small dim why">
              <Icon name="lock" /> {own.path ? t("endpoint.infile") : (own.may.why_not ?? t("endpoint.readonly"))}
            </p>
          ) : null}
        </div>
      }
      actions={own ? <Actions endpoint={own} etag={etag} /> : null}
    >
      {own ? <Warnings endpoint={own} /> : null}
      {views.length > 1 ? (
        <nav className="tabs" aria-label={t("endpoint.views")}>
          {views.map((one) => (
            <Link
              key={one}
              href={one === "reference" ? at : `${at}/${one}`}
              aria-current={view === one ? "page" : undefined}
            >
              {t(`endpoint.${one}`)}
            </Link>
          ))}
        </nav>
      ) : null}
      <Suspense fallback={<Bones />}>
        {view === "revisions" && own ? (
          <Revisions endpoint={own} etag={etag} />
        ) : view === "activity" && own ? (
          <Activity endpoint={own} />
        ) : view === "links" ? (
          <Links endpoint={endpoint} />
        ) : (
          <Reference endpoint={endpoint} />
        )}
      </Suspense>
    </Page>
  );
}

function Warnings({ endpoint }: { endpoint: Managed }) {
  const { t } = useI18n();
  return (
    <>
      {endpoint.faults.length > 0 ? (
        <Note tone="bad">
          <p className="strong">{t(endpoint.live_revision ? "endpoint.faulty.live" : "endpoint.faulty")}</p>
          <ul>
            {endpoint.faults.slice(0, 8).map((fault, index) => (
              <li key={index}>
                <code>
                  {fault.line}:{fault.column}
                </code>{" "}
                {fault.message}
              </li>
            ))}
          </ul>
        </Note>
      ) : null}
      {!endpoint.active ? <Note>{t("endpoint.inactive")}</Note> : null}
    </>
  );
}

function Actions({ endpoint, etag }: { endpoint: Managed; etag: string }) {
  const { t } = useI18n();
  const may = useMay();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [asking, setAsking] = useState<"activate" | "deactivate" | "delete" | null>(null);
  const path = endpointPath(endpoint.namespace, endpoint.slug);
  const at = `/endpoints/${endpoint.namespace}/${endpoint.slug}`;
  const renew = () =>
    Promise.all([
      client.invalidateQueries({ queryKey: ["catalog"] }),
      client.invalidateQueries({ queryKey: ["managed", endpoint.namespace, endpoint.slug] }),
      client.invalidateQueries({ queryKey: ["revisions", endpoint.namespace, endpoint.slug] }),
    ]);
  const change = async (what: "activate" | "deactivate") => {
    const answer = await managedOf(await ask(`${path}/${what}`, { method: "POST", headers: { "If-Match": etag } }));
    client.setQueryData(managed(endpoint.namespace, endpoint.slug).queryKey, answer);
    await renew();
    toast(t(what === "activate" ? "endpoint.activated" : "endpoint.deactivated"));
  };
  const remove = async () => {
    await fetched(path, { method: "DELETE", headers: { "If-Match": etag } });
    toast(t("endpoint.deleted"));
    go("/endpoints");
    await renew();
  };
  return (
    <>
      {endpoint.may.edit ? (
        <>
          <Link className="button" href={`${at}/edit`}>
            <Icon name="edit" />
            {t("edit")}
          </Link>
          {endpoint.active ? null : (
            <Button look="primary" onClick={() => setAsking("activate")}>
              {t("activate")}
            </Button>
          )}
        </>
      ) : null}
      <Menu label={t("actions")} icon="more">
        {may("visualization:edit") ? (
          <MenuItem icon="copy" onClick={() => go(`/endpoints/new?from=${endpoint.namespace}/${endpoint.slug}`)}>
            {t("endpoint.copy")}
          </MenuItem>
        ) : null}
        <MenuItem
          icon="download"
          onClick={() => save(new Blob([endpoint.text ?? ""], { type: "application/sql" }), `${endpoint.slug}.sql`)}
        >
          {t("endpoint.download")}
        </MenuItem>
        {endpoint.may.edit && endpoint.active ? (
          <MenuItem icon="stop" onClick={() => setAsking("deactivate")}>
            {t("deactivate")}
          </MenuItem>
        ) : null}
        {endpoint.may.delete ? (
          <MenuItem icon="trash" danger onClick={() => setAsking("delete")}>
            {t("delete")}
          </MenuItem>
        ) : null}
      </Menu>
      {asking === "delete" ? (
        <Confirm
          title={t("endpoint.delete.ask", { name: endpoint.slug })}
          action={t("delete")}
          close={() => setAsking(null)}
          run={remove}
          type={endpoint.slug}
        >
          <p>{t("endpoint.delete.text")}</p>
        </Confirm>
      ) : asking ? (
        <Confirm
          title={t(asking === "activate" ? "endpoint.activate.ask" : "endpoint.deactivate.ask", {
            name: endpoint.slug,
          })}
          action={t(asking)}
          danger={asking === "deactivate"}
          close={() => setAsking(null)}
          run={() => change(asking)}
        >
          <p>{t(asking === "activate" ? "endpoint.activate.text" : "endpoint.deactivate.text")}</p>
        </Confirm>
      ) : null}
    </>
  );
}
