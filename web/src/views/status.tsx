// How the service fares: sources, store, queues, and what is at fault.
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { status } from "../api/queries";
import type { Status as Document } from "../api/types";
import { Count, Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { Table } from "../ui/list";
import { Card, Figures, Loaded } from "../ui/loaded";
import { Page } from "../ui/page";
import { Empty } from "../ui/parts";
import { StatusBadge } from "../ui/status";

export default function Status() {
  const { t } = useI18n();
  const found = useQuery(status);
  const { data } = found;
  return (
    <Page
      title={t("nav.status")}
      lead={
        data ? (
          <>
            {t("status.version", { version: data.version })} · {t("status.since")} <Moment at={data.started_at} />
          </>
        ) : (
          t("loading")
        )
      }
    >
      <Loaded query={found}>
        {(document) => (
          <>
            <Figures
              figures={[
                [t("status.store"), <StatusBadge key="1" status={document.store.state} />],
                [t("status.running"), <Count key="2" value={document.jobs?.running} />],
                [t("status.waiting"), <Count key="3" value={document.jobs?.waiting} />],
                [t("status.dead.deliveries"), <Count key="4" value={document.deliveries?.dead} />],
              ]}
            />
            <Card title={t("status.sources")}>
              <Table
                rows={document.sources}
                name={(source) => source.name}
                columns={[
                  { title: t("endpoints.source"), className: "strong", cell: (source) => source.name },
                  { title: t("column.type"), cell: (source) => source.kind },
                  { title: t("jobs.status"), cell: (source) => <StatusBadge status={source.state} /> },
                  { title: t("status.down.since"), cell: (source) => <Moment at={source.since} /> },
                ]}
              />
            </Card>
            <Card title={t("status.faults")}>
              <Problems document={document} />
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Problems({ document }: { document: Document }) {
  const { t } = useI18n();
  const rows = [
    ...[...document.faults, ...(document.warnings ?? [])].map((fault) => ({
      name: `${fault.path}:${fault.line}:${fault.column}`,
      where: (
        <code className="small break">
          {fault.path}
          <span className="nowrap">
            :{fault.line}:{fault.column}
          </span>
        </code>
      ),
      what: (
        <>
          {fault.message}
          {fault.effect ? <p className="small dim">{fault.effect}</p> : null}
        </>
      ),
    })),
    ...document.failing.map((one) => ({
      name: one.endpoint,
      where: (
        <Link href={`/endpoints/${one.endpoint}/activity`}>
          <code className="small break">{one.endpoint}</code>
        </Link>
      ),
      what: (
        <>
          <code>{one.code}</code> · {t("status.failures", { count: one.failures })} · <Moment at={one.last_at} />
        </>
      ),
    })),
  ];
  return rows.length === 0 ? (
    <Empty icon="check" title={t("status.sound")}>
      {t("status.sound.text")}
    </Empty>
  ) : (
    <Table
      rows={rows}
      name={(row) => row.name}
      columns={[
        { title: t("status.where"), className: "where", cell: (row) => row.where },
        { title: t("status.what"), className: "text break", cell: (row) => row.what },
      ]}
    />
  );
}
