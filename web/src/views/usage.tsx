// What the company has used: by day, endpoint, key and user, as a chart, a table and a file.
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { query, usage } from "../api/queries";
import type { UsageLine } from "../api/types";
import { bytes, Count, Some, useNow } from "../lib/format";
import { useAddress, useCompany } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { pageOf, toOwn } from "../lib/named";
import { fetched } from "../lib/session";
import { useDownload } from "../result/download";
import { HourBars } from "../ui/hours";
import { Table } from "../ui/list";
import { Card, Figures } from "../ui/loaded";
import { Page } from "../ui/page";
import { Bones, Button, Empty, Failure, Note, Segments } from "../ui/parts";

const day = 86_400_000;
const iso = (time: number) => new Date(time).toISOString().slice(0, 10);
const errors = (line: UsageLine) => Object.values(line.errors).reduce((sum, count) => sum + count, 0);

export default function Usage() {
  const { t, language } = useI18n();
  const [days, setDays] = useAddress("days", "30");
  const [by, setBy] = useAddress("by", "endpoint");
  const today = Date.parse(iso(useNow(false)));
  const span = { from: iso(today - (Number(days) - 1) * day), to: iso(today + day) };
  const daily = useQuery(usage({ ...span, by: "day" }));
  const lines = useQuery(usage({ ...span, by, limit: 1000 }));
  const { busy, download } = useDownload();
  const totals = daily.data?.totals;
  const calendar = Array.from({ length: Number(days) }, (_, index) => iso(Date.parse(span.from) + index * day));
  const byDay = new Map(daily.data?.usage.map((line) => [(line.day ?? "").slice(0, 10), line]));
  const csv = () =>
    download(`usage-${span.from}-${by}.csv`, () =>
      fetched(`/api/v1/usage${query({ ...span, by: `day,${by}`, format: "csv", limit: 10000 })}`),
    );
  const error = daily.error ?? lines.error;
  return (
    <Page
      title={t("nav.usage")}
      lead={t("usage.lead")}
      actions={
        <Button icon="download" busy={busy} onClick={csv}>
          CSV
        </Button>
      }
    >
      <div className="filters">
        <Segments
          label={t("usage.span")}
          value={days}
          change={setDays}
          choices={["7", "30", "90"].map((value) => ({ value, title: t("usage.days", { count: Number(value) }) }))}
        />
      </div>
      {error ? (
        <Failure error={error} again={() => void Promise.all([daily.refetch(), lines.refetch()])} />
      ) : !totals ? (
        <div className="card">
          <Bones lines={8} />
        </div>
      ) : (
        <>
          <Figures
            figures={[
              [t("usage.calls"), <Count key="1" value={totals.calls} />],
              [t("usage.errors"), <Count key="2" value={errors(totals)} />],
              [t("usage.rows"), <Count key="3" value={totals.rows} />],
              [t("usage.bytes"), bytes(totals.bytes, language)],
              [t("usage.seconds"), <Count key="4" value={totals.database_seconds} />],
              [t("usage.cache"), <Count key="5" value={totals.cache_hits} />],
            ]}
          />
          <Card title={t("usage.daily")}>
            <HourBars
              unit="day"
              hours={calendar}
              values={calendar.map((at) => byDay.get(at)?.calls ?? 0)}
              bad={calendar.map((at) => {
                const line = byDay.get(at);
                return line ? errors(line) : 0;
              })}
            />
          </Card>
          <Card
            title={t("usage.breakdown")}
            beside={
              <Segments
                label={t("usage.by")}
                value={by}
                change={setBy}
                choices={(["endpoint", "user", "key"] as const).map((value) => ({
                  value: value as string,
                  title: t(`usage.by.${value}`),
                }))}
              />
            }
          >
            {lines.data?.more ? <Note tone="warn">{t("usage.more")}</Note> : null}
            {!lines.data ? (
              <Bones />
            ) : lines.data.usage.length === 0 ? (
              <Empty icon="usage" title={t("usage.none")}>
                {t("usage.none.text")}
              </Empty>
            ) : (
              <Lines lines={lines.data.usage} by={by} />
            )}
          </Card>
        </>
      )}
    </Page>
  );
}

function Lines({ lines, by }: { lines: UsageLine[]; by: string }) {
  const { t, language } = useI18n();
  const company = useCompany();
  const who = (line: UsageLine) =>
    line.endpoint ? (
      <Link className="cover break" href={pageOf(line.endpoint)}>
        {toOwn(line.endpoint, company)}
      </Link>
    ) : (
      line.user || line.api_key || line.key || <span className="dim">{t("usage.other")}</span>
    );
  const figure = (title: string, value: (line: UsageLine) => number, bad = false) => ({
    title,
    right: true,
    cell: (line: UsageLine) => <Some value={value(line)} bad={bad} />,
  });
  return (
    <Table
      link={by === "endpoint"}
      rows={lines}
      name={(line) => JSON.stringify([line.endpoint, line.user, line.api_key, line.key])}
      columns={[
        {
          title: t(`usage.by.${by as "endpoint"}`),
          className: "break strong",
          cell: who,
        },
        figure(t("usage.calls"), (line) => line.calls),
        figure(t("usage.errors"), errors, true),
        figure(t("usage.rows"), (line) => line.rows),
        {
          title: t("usage.bytes"),
          right: true,
          className: "digits",
          cell: (line) => bytes(line.bytes, language),
        },
        figure(t("usage.seconds"), (line) => line.database_seconds),
        figure(t("usage.cache"), (line) => line.cache_hits),
      ]}
    />
  );
}
