// One callback: each attempt, and one more where it is wanted.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { delivery } from "../api/queries";
import type { Attempt, Delivery as Document } from "../api/types";
import { milliseconds, Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { detail, whyNot } from "../lib/reasons";
import { json } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { Card, Facts, Loaded } from "../ui/loaded";
import { Page } from "../ui/page";
import { Button } from "../ui/parts";
import { StatusBadge } from "../ui/status";
import { toast } from "../ui/toast";

export default function Delivery({ id }: { id: string }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const found = useQuery({
    ...delivery(id),
    refetchInterval: (query) => (query.state.data?.state === "pending" ? 2000 : false),
  });
  const { data } = found;
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
      <Loaded query={found}>
        {(one) => (
          <div className="split even">
            <Card title={t("jobs.facts")} beside={<StatusBadge status={one.state} />}>
              <Facts
                facts={[
                  [
                    t("deliveries.job"),
                    <Link key="1" href={`/jobs/${one.job_id}`}>
                      <code className="small">{one.job_id}</code>
                    </Link>,
                  ],
                  [
                    t("deliveries.message"),
                    <code key="2" className="small">
                      {one.message_id}
                    </code>,
                  ],
                  [t("endpoints.endpoint"), one.endpoint],
                  [t("jobs.by"), one.user],
                  [t("jobs.began"), <Moment key="3" at={one.created_at} style="full" />],
                  one.next_attempt_at ? [t("deliveries.next"), <Moment key="4" at={one.next_attempt_at} />] : null,
                ]}
              />
            </Card>
            <Card title={t("deliveries.attempts")}>
              <Attempts attempts={one.log ?? (one.last ? [one.last] : [])} />
            </Card>
          </div>
        )}
      </Loaded>
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

/** Why an attempt did not succeed; the server's own words are for those who look into it. */
function Why({ attempt }: { attempt: Attempt }) {
  const { t } = useI18n();
  const [why, more] = [whyNot(attempt, t), detail(attempt)];
  return (
    <>
      {why ? <p className="small fault">{why}</p> : null}
      {more && more !== why ? (
        <code className="xs dim break" lang="en">
          {more}
        </code>
      ) : null}
    </>
  );
}

function Attempts({ attempts }: { attempts: Attempt[] }) {
  const { t, language } = useI18n();
  return (
    <ol className="timeline card-body">
      {attempts.toReversed().map((attempt, index) => (
        <li key={index} className={[index === 0 && "current", attempt.error && "bad"].filter(Boolean).join(" ")}>
          <p className="strong">
            {attempt.status ? `HTTP ${attempt.status}` : t("deliveries.noanswer")}{" "}
            <span className="dim small">{milliseconds(attempt.duration_ms, language)}</span>
          </p>
          <Why attempt={attempt} />
          <p className="small dim">
            <Moment at={attempt.at} style="full" />
          </p>
        </li>
      ))}
      {attempts.length === 0 ? <li className="dim">{t("deliveries.notyet")}</li> : null}
    </ol>
  );
}
