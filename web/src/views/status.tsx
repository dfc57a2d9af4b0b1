// How the service fares: sources, store, queues, and what is at fault.
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { status } from "../api/queries";
import { Count, Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { Page } from "../ui/page";
import { Bones, Empty, Failure, StatusBadge } from "../ui/parts";

export default function Status() {
  const { t } = useI18n();
  const { data, error, refetch } = useQuery(status);
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
      {error ? (
        <Failure error={error} again={() => void refetch()} />
      ) : !data ? (
        <div className="card">
          <Bones />
        </div>
      ) : (
        <>
          <div className="figures">
            <div className="figure">
              <p className="label">{t("status.store")}</p>
              <p className="value">
                <StatusBadge status={data.store.state} />
              </p>
            </div>
            <div className="figure">
              <p className="label">{t("status.running")}</p>
              <p className="value">
                <Count value={data.jobs?.running} />
              </p>
            </div>
            <div className="figure">
              <p className="label">{t("status.waiting")}</p>
              <p className="value">
                <Count value={data.jobs?.waiting} />
              </p>
            </div>
            <div className="figure">
              <p className="label">{t("status.dead.deliveries")}</p>
              <p className="value">
                <Count value={data.deliveries?.dead} />
              </p>
            </div>
          </div>
          <section className="card">
            <div className="card-head">
              <h2>{t("status.sources")}</h2>
            </div>
            <table className="list stacking">
              <thead>
                <tr>
                  <th scope="col">{t("endpoints.source")}</th>
                  <th scope="col">{t("column.type")}</th>
                  <th scope="col">{t("jobs.status")}</th>
                  <th scope="col">{t("status.down.since")}</th>
                </tr>
              </thead>
              <tbody>
                {data.sources.map((source) => (
                  <tr key={source.name}>
                    <td className="strong">{source.name}</td>
                    <td data-label={t("column.type")}>{source.kind}</td>
                    <td data-label={t("jobs.status")}>
                      <StatusBadge status={source.state} />
                    </td>
                    <td data-label={t("status.down.since")}>
                      <Moment at={source.since} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          <section className="card">
            <div className="card-head">
              <h2>{t("status.faults")}</h2>
            </div>
            {data.faults.length + (data.warnings?.length ?? 0) + data.failing.length === 0 ? (
              <Empty icon="check" title={t("status.sound")}>
                {t("status.sound.text")}
              </Empty>
            ) : (
              <table className="list stacking">
                <thead>
                  <tr>
                    <th scope="col">{t("status.where")}</th>
                    <th scope="col">{t("status.what")}</th>
                  </tr>
                </thead>
                <tbody>
                  {[...data.faults, ...(data.warnings ?? [])].map((fault) => (
                    <tr key={`${fault.path}:${fault.line}:${fault.column}`}>
                      <td>
                        <code className="small break">
                          {fault.path}:{fault.line}:{fault.column}
                        </code>
                      </td>
                      <td className="break">
                        {fault.message}
                        {fault.effect ? <p className="small dim">{fault.effect}</p> : null}
                      </td>
                    </tr>
                  ))}
                  {data.failing.map((one) => (
                    <tr key={one.endpoint}>
                      <td>
                        <Link href={`/endpoints/${one.endpoint}/activity`}>
                          <code className="small break">{one.endpoint}</code>
                        </Link>
                      </td>
                      <td>
                        <code>{one.code}</code> · {t("status.failures", { count: one.failures })} ·{" "}
                        <Moment at={one.last_at} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </section>
        </>
      )}
    </Page>
  );
}
