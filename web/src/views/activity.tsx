// How an endpoint fares: its calls of the last day, and what has gone wrong.
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { endpointActivity } from "../api/queries";
import type { Managed } from "../api/types";
import { Count, milliseconds, Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { Bones, Copy, Empty, Failure } from "../ui/parts";
import { HourBars } from "../ui/hours";

export default function Activity({ endpoint }: { endpoint: Managed }) {
  const { t, language } = useI18n();
  const { data, error, refetch } = useQuery({
    ...endpointActivity(endpoint.namespace, endpoint.slug),
    refetchInterval: 15_000,
  });
  if (error) return <Failure error={error} again={() => void refetch()} />;
  if (!data)
    return (
      <div className="card">
        <Bones />
      </div>
    );
  return (
    <>
      <div className="figures">
        <div className="figure">
          <p className="label">{t("activity.calls")}</p>
          <p className="value">
            <Count value={data.totals.calls} />
          </p>
        </div>
        <div className="figure">
          <p className="label">{t("activity.errors")}</p>
          <p className="value">
            <Count value={data.totals.errors} />
          </p>
        </div>
        <div className="figure">
          <p className="label">{t("activity.p95")}</p>
          <p className="value">{data.totals.p95_ms === null ? "—" : milliseconds(data.totals.p95_ms, language)}</p>
        </div>
      </div>
      <section className="card">
        <div className="card-head">
          <h2>{t("activity.day")}</h2>
        </div>
        <div className="card-body">
          <HourBars hours={data.hours} values={data.calls} bad={data.errors} />
        </div>
      </section>
      <section className="card">
        <div className="card-head">
          <h2>{t("activity.recent")}</h2>
        </div>
        {data.recent_errors.length === 0 ? (
          <Empty icon="check" title={t("activity.none")}>
            {t("activity.none.text")}
          </Empty>
        ) : (
          <table className="list stacking">
            <thead>
              <tr>
                <th scope="col">{t("activity.error")}</th>
                <th scope="col">{t("activity.who")}</th>
                <th scope="col">{t("activity.when")}</th>
                <th scope="col">{t("error.request")}</th>
              </tr>
            </thead>
            <tbody>
              {data.recent_errors.map((one) => (
                <tr key={one.request_id + one.at}>
                  <td>
                    <code className="strong">{one.code}</code>
                    <p className="small ink2 break">{one.detail}</p>
                  </td>
                  <td data-label={t("activity.who")}>{one.user}</td>
                  <td data-label={t("activity.when")}>
                    <Moment at={one.at} />
                  </td>
                  <td data-label={t("error.request")}>
                    <span className="row">
                      {one.job_id ? (
                        <Link href={`/jobs/${one.job_id}`}>
                          <code className="xs">{one.request_id}</code>
                        </Link>
                      ) : (
                        <code className="xs">{one.request_id}</code>
                      )}
                      <Copy text={one.request_id} />
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}
