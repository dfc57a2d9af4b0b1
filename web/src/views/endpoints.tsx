// The list of endpoints: everything that there is, how it fares, and a search over all of it.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useMay } from "../api/may";
import { activity, callables, catalog, sources } from "../api/queries";
import type { Activity, Callable, Managed } from "../api/types";
import { Count, milliseconds } from "../lib/format";
import { useAddress, useRested } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { Icon } from "../ui/icons";
import { More } from "../ui/more";
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
    (one) =>
      one.shared_by &&
      (mode === "" || one.mode === mode) &&
      `${one.namespace}/${one.slug} ${one.title} ${one.description}`.toLowerCase().includes(words),
  );
  const filtered = rested !== "" || origin !== "" || mode !== "";
  const closed =
    may("visualization:edit") && where.data?.length && !where.data.some((one) => one.author) ? where.data[0] : null;
  return (
    <>
      <div className="filters">
        <Search label={t("endpoints.search")} value={typed} onChange={(event) => setTyped(event.target.value)} />
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
            <Table rows={[...rows, ...foreign]} activity={active.data?.endpoints ?? null} />
          )}
          <More query={list} />
        </div>
      )}
    </>
  );
}

function Callables() {
  const { t } = useI18n();
  const list = useQuery(callables);
  const [typed, setTyped] = useState("");
  const rows = (list.data ?? []).filter((one) =>
    `${one.namespace}/${one.slug} ${one.title} ${one.description}`.toLowerCase().includes(typed.toLowerCase()),
  );
  return (
    <>
      <div className="filters">
        <Search label={t("endpoints.search")} value={typed} onChange={(event) => setTyped(event.target.value)} />
      </div>
      {list.error ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : (
        <div className="card">
          {list.isPending ? (
            <Bones />
          ) : rows.length === 0 ? (
            <Nothing filtered={typed !== ""} create={false} clear={() => setTyped("")} />
          ) : (
            <Table rows={rows} activity={null} />
          )}
        </div>
      )}
    </>
  );
}

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

function Table({ rows, activity: figures }: { rows: (Managed | Callable)[]; activity: Activity[] | null }) {
  const { t, language } = useI18n();
  const by = new Map(figures?.map((one) => [one.endpoint, one]));
  return (
    <table className="list stacking">
      <thead>
        <tr>
          <th scope="col">{t("endpoints.endpoint")}</th>
          <th scope="col">{t("endpoints.origin")}</th>
          <th scope="col">{t("endpoints.source")}</th>
          {figures ? (
            <>
              <th scope="col">{t("endpoints.day")}</th>
              <th scope="col" className="right">
                {t("endpoints.calls")}
              </th>
              <th scope="col" className="right">
                {t("endpoints.errors")}
              </th>
              <th scope="col" className="right">
                {t("endpoints.p95")}
              </th>
            </>
          ) : null}
        </tr>
      </thead>
      <tbody>
        {rows.map((one) => {
          const own = "origin" in one ? one : null;
          const figure = by.get(figureName(one));
          return (
            <tr key={`${own?.origin ?? one.shared_by} ${one.namespace}/${one.slug}`} className="link">
              <td>
                <div className="row wrap">
                  <Link className="cover break" href={`/endpoints/${one.namespace}/${one.slug}`}>
                    {one.title || one.slug}
                  </Link>
                  {one.mode === "async" ? <Badge tone="info">{t("mode.async")}</Badge> : null}
                  <States endpoint={one} />
                </div>
                <code className="xs dim break">
                  {one.namespace}/{one.slug}
                </code>
              </td>
              <td data-label={t("endpoints.origin")} className="small ink2 nowrap">
                {own ? t(`origin.${own.origin}`) : t("origin.shared", { company: one.shared_by ?? "" })}
              </td>
              <td data-label={t("endpoints.source")} className="small ink2">
                {own?.source || "—"}
              </td>
              {figures ? (
                <>
                  <td className="wide-only">
                    {figure ? (
                      <Spark
                        values={figure.calls}
                        bad={figure.errors}
                        label={t("endpoints.spark", { calls: figure.totals.calls, errors: figure.totals.errors })}
                      />
                    ) : null}
                  </td>
                  <td data-label={t("endpoints.calls")} className="right">
                    <Count value={figure?.totals.calls ?? 0} />
                  </td>
                  <td data-label={t("endpoints.errors")} className="right">
                    <span className={figure?.totals.errors ? "fault" : "dim"}>
                      <Count value={figure?.totals.errors ?? 0} />
                    </span>
                  </td>
                  <td data-label={t("endpoints.p95")} className="right digits nowrap">
                    {figure?.totals.p95_ms == null ? (
                      <span className="dim">—</span>
                    ) : (
                      milliseconds(figure.totals.p95_ms, language)
                    )}
                  </td>
                </>
              ) : null}
            </tr>
          );
        })}
      </tbody>
    </table>
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
