// What the company has used: by day, endpoint, key and user, as a chart, a table and a file.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { query, usage } from "../api/queries";
import type { UsageLine } from "../api/types";
import { bytes, Count, useNow } from "../lib/format";
import { useAddress } from "../lib/hooks";
import { refuse } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { ask } from "../lib/session";
import { save } from "../result/run";
import { HourBars } from "../ui/hours";
import { Page } from "../ui/page";
import { Bones, Button, Empty, Failure, Note, Segments } from "../ui/parts";
import { toast } from "../ui/toast";

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
  const [busy, setBusy] = useState(false);
  const totals = daily.data?.totals;
  const calendar = Array.from({ length: Number(days) }, (_, index) => iso(Date.parse(span.from) + index * day));
  const byDay = new Map(daily.data?.usage.map((line) => [(line.day ?? "").slice(0, 10), line]));
  const csv = async () => {
    setBusy(true);
    try {
      const answer = await ask(`/api/v1/usage${query({ ...span, by: `day,${by}`, format: "csv", limit: 10000 })}`);
      if (!answer.ok) await refuse(answer);
      save(await answer.blob(), `usage-${span.from}-${by}.csv`);
    } catch (failure) {
      toast(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  };
  const error = daily.error ?? lines.error;
  return (
    <Page
      title={t("nav.usage")}
      lead={t("usage.lead")}
      actions={
        <Button icon="download" busy={busy} onClick={() => void csv()}>
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
        <Segments
          label={t("usage.by")}
          value={by}
          change={setBy}
          choices={(["endpoint", "user", "key"] as const).map((value) => ({
            value: value as string,
            title: t(`usage.by.${value}`),
          }))}
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
          <div className="figures">
            {(
              [
                ["usage.calls", <Count key="1" value={totals.calls} />],
                ["usage.errors", <Count key="2" value={errors(totals)} />],
                ["usage.rows", <Count key="3" value={totals.rows} />],
                ["usage.bytes", bytes(totals.bytes, language)],
                ["usage.seconds", <Count key="4" value={totals.database_seconds} />],
                ["usage.cache", <Count key="5" value={totals.cache_hits} />],
              ] as const
            ).map(([key, value]) => (
              <div key={key} className="figure">
                <p className="label">{t(key)}</p>
                <p className="value">{value}</p>
              </div>
            ))}
          </div>
          <section className="card">
            <div className="card-head">
              <h2>{t("usage.daily")}</h2>
            </div>
            <div className="card-body">
              <HourBars
                unit="day"
                hours={calendar}
                values={calendar.map((at) => byDay.get(at)?.calls ?? 0)}
                bad={calendar.map((at) => {
                  const line = byDay.get(at);
                  return line ? errors(line) : 0;
                })}
              />
            </div>
          </section>
          <section className="card">
            {lines.data?.more ? <Note tone="warn">{t("usage.more")}</Note> : null}
            {!lines.data ? (
              <Bones />
            ) : lines.data.usage.length === 0 ? (
              <Empty icon="usage" title={t("usage.none")}>
                {t("usage.none.text")}
              </Empty>
            ) : (
              <table className="list stacking">
                <thead>
                  <tr>
                    <th scope="col">{t(`usage.by.${by as "endpoint"}`)}</th>
                    {(
                      [
                        "usage.calls",
                        "usage.errors",
                        "usage.rows",
                        "usage.bytes",
                        "usage.seconds",
                        "usage.cache",
                      ] as const
                    ).map((key) => (
                      <th key={key} scope="col" className="right">
                        {t(key)}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {lines.data.usage.map((line, index) => {
                    const name = line.endpoint ?? line.user ?? line.api_key ?? line.key ?? "";
                    return (
                      <tr key={index}>
                        <td className="break strong">{name || <span className="dim">{t("usage.other")}</span>}</td>
                        <td data-label={t("usage.calls")} className="right">
                          <Count value={line.calls} />
                        </td>
                        <td data-label={t("usage.errors")} className="right">
                          <Count value={errors(line)} />
                        </td>
                        <td data-label={t("usage.rows")} className="right">
                          <Count value={line.rows} />
                        </td>
                        <td data-label={t("usage.bytes")} className="right digits nowrap">
                          {bytes(line.bytes, language)}
                        </td>
                        <td data-label={t("usage.seconds")} className="right">
                          <Count value={line.database_seconds} />
                        </td>
                        <td data-label={t("usage.cache")} className="right">
                          <Count value={line.cache_hits} />
                        </td>
                      </tr>
                    );
                  })}
                </tbody>
              </table>
            )}
          </section>
        </>
      )}
    </Page>
  );
}
