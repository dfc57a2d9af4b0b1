// One callback: each attempt, and one more where it is wanted.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { delivery } from "../api/queries";
import type { Delivery as Document } from "../api/types";
import { milliseconds, Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { json } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { Page } from "../ui/page";
import { Bones, Button, Failure, StatusBadge } from "../ui/parts";
import { toast } from "../ui/toast";

export default function Delivery({ id }: { id: string }) {
  const { t, language } = useI18n();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { data, error, refetch } = useQuery({
    ...delivery(id),
    refetchInterval: (query) => (query.state.data?.state === "pending" ? 2000 : false),
  });
  const replay = async () => {
    const after = await json<Document>(`/api/v1/deliveries/${encodeURIComponent(id)}/replay`, { method: "POST" });
    client.setQueryData(delivery(id).queryKey, (before) => ({ ...before, ...after }));
    await client.invalidateQueries({ queryKey: ["deliveries"] });
    await client.invalidateQueries({ queryKey: ["delivery", id] });
    toast(t("deliveries.replayed"));
  };
  return (
    <Page
      title={data?.url ?? id}
      back={{ to: "/deliveries", title: t("nav.deliveries") }}
      actions={
        data && data.state !== "pending" ? (
          <Button look={data.state === "dead" ? "primary" : "quiet"} icon="history" onClick={() => setAsking(true)}>
            {t("deliveries.replay")}
          </Button>
        ) : null
      }
    >
      {error ? (
        <Failure error={error} again={() => void refetch()} />
      ) : !data ? (
        <div className="card">
          <Bones />
        </div>
      ) : (
        <div className="split even">
          <section className="card">
            <div className="card-head">
              <h2>{t("jobs.facts")}</h2>
              <StatusBadge status={data.state} />
            </div>
            <dl className="facts card-body">
              <dt>{t("deliveries.job")}</dt>
              <dd>
                <Link href={`/jobs/${data.job_id}`}>
                  <code className="small">{data.job_id}</code>
                </Link>
              </dd>
              <dt>{t("deliveries.message")}</dt>
              <dd>
                <code className="small">{data.message_id}</code>
              </dd>
              <dt>{t("endpoints.endpoint")}</dt>
              <dd>{data.endpoint}</dd>
              <dt>{t("jobs.by")}</dt>
              <dd>{data.user}</dd>
              <dt>{t("jobs.began")}</dt>
              <dd>
                <Moment at={data.created_at} style="full" />
              </dd>
              <dt>{t("deliveries.next")}</dt>
              <dd>
                <Moment at={data.next_attempt_at} />
              </dd>
            </dl>
          </section>
          <section className="card">
            <div className="card-head">
              <h2>{t("deliveries.attempts")}</h2>
            </div>
            <ol className="timeline card-body">
              {(data.log ?? (data.last ? [data.last] : [])).toReversed().map((attempt, index) => (
                <li key={index} className={index === 0 ? "current" : ""}>
                  <p className="strong">
                    {attempt.status ? `HTTP ${attempt.status}` : t("deliveries.noanswer")}{" "}
                    <span className="dim small">{milliseconds(attempt.duration_ms, language)}</span>
                  </p>
                  {attempt.error ? <p className="small fault">{attempt.error}</p> : null}
                  <p className="small dim">
                    {attempt.attempt ? `${t("deliveries.attempt", { number: attempt.attempt })} · ` : ""}
                    <Moment at={attempt.at} style="full" />
                  </p>
                </li>
              ))}
              {data.attempts === 0 ? <li className="dim">{t("deliveries.notyet")}</li> : null}
            </ol>
          </section>
        </div>
      )}
      {asking ? (
        <Confirm
          title={t("deliveries.replay.ask")}
          action={t("deliveries.replay")}
          danger={false}
          close={() => setAsking(false)}
          run={replay}
        >
          <p className="break">{t("deliveries.replay.text", { url: data?.url ?? "" })}</p>
        </Confirm>
      ) : null}
    </Page>
  );
}
