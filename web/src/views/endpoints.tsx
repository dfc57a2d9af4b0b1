// The list of endpoints: everything that there is, how it fares, and a search over all of it.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useMay } from "../api/may";
import { activity, callables, catalog, sources } from "../api/queries";
import type { Activity, Callable, Managed } from "../api/types";
import { milliseconds, Some } from "../lib/format";
import { useAddress, useRested } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { Icon } from "../ui/icons";
import { More, Table } from "../ui/list";
import { Loaded } from "../ui/loaded";
import { Page } from "../ui/page";
import { Badge, Bones, Empty, Failure, Note, Search } from "../ui/parts";
import { Spark } from "../ui/spark";

export default function Endpoints() {
  const { t } = useI18n();
  const may = useMay();
  return (
    <Page
      title={t("nav.endpoints")}
      lead={t("endpoints.lead")}
      actions={
        may("visualization:edit") ? (
          <Link className="button primary" href="/endpoints/new">
            <Icon name="plus" />
            {t("endpoints.new")}
          </Link>
        ) : null
      }
    >
      {may("visualization:view") ? <Catalog /> : <Callables />}
    </Page>
  );
}

function Catalog() {
  const { t } = useI18n();
  const may = useMay();
  const [q, setQ] = useAddress("q");
  const [typed, setTyped] = useState(q);
  const rested = useRested(typed);
  const [origin, setOrigin] = useAddress("origin");
  const [mode, setMode] = useAddress("mode");
  useEffect(() => {
    if (rested !== q) setQ(rested);
    // The address follows what is typed, not the other way round.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [rested]);
  const list = useInfiniteQuery({ ...catalog({ q: rested, origin, mode }), placeholderData: (before) => before });
  const shared = useQuery({ ...callables, enabled: origin === "" });
  const active = useQuery(activity);
  const where = useQuery({ ...sources, enabled: may("visualization:edit") });
  const rows: (Managed | Callable)[] = list.data?.pages.flatMap((page) => page.endpoints) ?? [];
  const words = rested.toLowerCase();
  const foreign = (shared.data ?? []).filter(
    (one) => one.shared_by && (mode === "" || one.mode === mode) && named(one).includes(words),
  );
  const filtered = rested !== "" || origin !== "" || mode !== "";
  const closed =
    may("visualization:edit") && where.data?.length && !where.data.some((one) => one.author) ? where.data[0] : null;
  return (
    <>
      <div className="filters">
        <Find typed={typed} type={setTyped} />
        <select
          className="input"
          aria-label={t("endpoints.origin")}
          value={origin}
          onChange={(event) => setOrigin(event.target.value)}
        >
          <option value="">{t("endpoints.origin.any")}</option>
          <option value="file">{t("origin.file")}</option>
          <option value="console">{t("origin.console")}</option>
        </select>
        <select
          className="input"
          aria-label={t("endpoints.mode")}
          value={mode}
          onChange={(event) => setMode(event.target.value)}
        >
          <option value="">{t("endpoints.mode.any")}</option>
          <option value="sync">{t("mode.sync")}</option>
          <option value="async">{t("mode.async")}</option>
        </select>
      </div>
      {closed ? (
        <Note>
          {t("endpoints.closed", { source: closed.name })} <code>{closed.how_to_author}</code>
        </Note>
      ) : null}
      {list.error ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : (
        <div className="card" aria-busy={list.isFetching}>
          {list.isPending ? (
            <Bones />
          ) : rows.length + foreign.length === 0 ? (
            <Nothing
              filtered={filtered}
              create={may("visualization:edit")}
              clear={() => {
                setTyped("");
                setOrigin("");
                setMode("");
              }}
            />
          ) : (
            <EndpointTable rows={[...rows, ...foreign]} activity={active.data?.endpoints ?? null} />
          )}
          <More query={list} />
        </div>
      )}
    </>
  );
}

function Callables() {
  const list = useQuery(callables);
  const [typed, setTyped] = useState("");
  return (
    <>
      <div className="filters">
        <Find typed={typed} type={setTyped} />
      </div>
      <Loaded query={list}>
        {(all) => {
          const rows = all.filter((one) => named(one).includes(typed.toLowerCase()));
          return (
            <div className="card">
              {rows.length === 0 ? (
                <Nothing filtered={typed !== ""} create={false} clear={() => setTyped("")} />
              ) : (
                <EndpointTable rows={rows} activity={null} />
              )}
            </div>
          );
        }}
      </Loaded>
    </>
  );
}

/** Finds among the endpoints. The arrow leads from the field into what was found. */
function Find({ typed, type }: { typed: string; type: (text: string) => void }) {
  const { t } = useI18n();
  return (
    <Search
      finder
      label={t("endpoints.search")}
      value={typed}
      onChange={(event) => type(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== "ArrowDown") return;
        event.preventDefault();
        document.querySelector<HTMLElement>("a.cover")?.focus();
      }}
    />
  );
}

/** What a search looks at. */
const named = (one: Callable) => `${one.namespace}/${one.slug} ${one.title} ${one.description}`.toLowerCase();

function Nothing({ filtered, create, clear }: { filtered: boolean; create: boolean; clear: () => void }) {
  const { t } = useI18n();
  return filtered ? (
    <Empty
      icon="search"
      title={t("none.found")}
      action={
        <button type="button" className="button" onClick={clear}>
          {t("filters.clear")}
        </button>
      }
    >
      {t("none.found.text")}
    </Empty>
  ) : (
    <Empty
      icon="endpoint"
      title={t("endpoints.none")}
      action={
        create ? (
          <Link className="button primary" href="/endpoints/new">
            {t("endpoints.new")}
          </Link>
        ) : null
      }
    >
      {t(create ? "endpoints.none.create" : "endpoints.none.ask")}
    </Empty>
  );
}

/** How an endpoint is called in the figures. */
const figureName = (one: Callable) => (one.shared_by ? `${one.shared_by}/` : "") + `${one.namespace}/${one.slug}`;

function EndpointTable({ rows, activity: figures }: { rows: (Managed | Callable)[]; activity: Activity[] | null }) {
  const { t, language } = useI18n();
  const by = new Map(figures?.map((one) => [one.endpoint, one]));
  const figure = (one: Callable) => by.get(figureName(one));
  const own = (one: Managed | Callable) => ("origin" in one ? one : null);
  return (
    <Table
      link
      rows={rows}
      name={(one) => `${own(one)?.origin ?? one.shared_by} ${one.namespace}/${one.slug}`}
      columns={[
        {
          title: t("endpoints.endpoint"),
          cell: (one) => (
            <>
              <span className="row wrap">
                <Link className="cover break" href={`/endpoints/${one.namespace}/${one.slug}`}>
                  {one.title || one.slug}
                </Link>
                {one.mode === "async" ? <Badge tone="info">{t("mode.async")}</Badge> : null}
                <States endpoint={one} />
              </span>
              <code className="under">
                {one.namespace}/{one.slug}
              </code>
            </>
          ),
        },
        {
          title: t("endpoints.origin"),
          className: "small ink2 nowrap",
          cell: (one) => {
            const origin = own(one)?.origin;
            return origin ? t(`origin.${origin}`) : t("origin.shared", { company: one.shared_by ?? "" });
          },
        },
        figures && {
          title: t("endpoints.source"),
          className: "small ink2 wide-only",
          cell: (one) => own(one)?.source || <span className="dim">—</span>,
        },
        figures && {
          title: t("endpoints.day"),
          className: "wide-only",
          cell: (one) => {
            const shown = figure(one);
            return shown ? (
              <Spark
                values={shown.calls}
                bad={shown.errors}
                label={t("endpoints.spark", { calls: shown.totals.calls, errors: shown.totals.errors })}
              />
            ) : null;
          },
        },
        figures && {
          title: t("endpoints.calls"),
          right: true,
          cell: (one) => <Some value={figure(one)?.totals.calls} />,
        },
        figures && {
          title: t("endpoints.errors"),
          right: true,
          cell: (one) => <Some value={figure(one)?.totals.errors} bad />,
        },
        figures && {
          title: t("endpoints.p95"),
          right: true,
          className: "digits nowrap",
          cell: (one) => {
            const p95 = figure(one)?.totals.p95_ms;
            return p95 == null ? <span className="dim">—</span> : milliseconds(p95, language);
          },
        },
      ]}
    />
  );
}

/** What is out of the ordinary about an endpoint. */
export function States({ endpoint }: { endpoint: Managed | Callable }) {
  const { t } = useI18n();
  const own = "origin" in endpoint ? endpoint : null;
  return (
    <>
      {own && !own.active ? <Badge>{t("state.inactive")}</Badge> : null}
      {own && own.faults.length > 0 ? (
        <Badge tone="bad">{t("state.faulty", { count: own.faults.length })}</Badge>
      ) : null}
      {own?.shadowed ? <Badge tone="warn">{t("state.shadowed")}</Badge> : null}
      {endpoint.deprecated ? <Badge tone="warn">{t("state.deprecated")}</Badge> : null}
    </>
  );
}
