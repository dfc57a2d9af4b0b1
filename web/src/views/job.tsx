// One job: what it was asked, how it goes, what came of it.
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { useMay } from "../api/may";
import { job as jobQuery } from "../api/queries";
import type { JobRow } from "../api/types";
import { bytes, Count, Moment } from "../lib/format";
import { indent } from "../lib/exact";
import { refuse } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { ask } from "../lib/session";
import { finish, formats } from "../result/run";
import { Page } from "../ui/page";
import { Bones, Button, Copy, Failure, Note, StatusBadge } from "../ui/parts";
import { CancelJob, Took } from "./jobs";

const Result = lazy(() => import("../result/view").then((module) => ({ default: module.ResultView })));

export default function Job({ id }: { id: string }) {
  const { t, language } = useI18n();
  const may = useMay();
  const {
    data: job,
    error,
    refetch,
  } = useQuery({
    ...jobQuery(id),
    refetchInterval: (query) => (query.state.data?.status === "processing" ? 1500 : false),
  });
  return (
    <Page
      title={job?.endpoint ?? id}
      back={{ to: "/jobs", title: t("nav.jobs") }}
      lead={
        <span className="row">
          <code className="small break">{id}</code>
          <Copy text={id} />
        </span>
      }
      actions={
        job?.status === "processing" && may("data_api:cancel_job", job.endpoint) ? <CancelJob job={job} /> : null
      }
    >
      {error ? (
        <Failure error={error} again={() => void refetch()} />
      ) : !job ? (
        <div className="card">
          <Bones lines={6} columns={2} />
        </div>
      ) : (
        <>
          {job.status === "processing" ? (
            <Note role="status">
              {job.phase === "waiting"
                ? t("jobs.phase.waiting")
                : t("jobs.phase.running", { rows: job.progress?.rows ?? 0 })}
            </Note>
          ) : null}
          {job.error ? (
            <Note tone="bad">
              <code className="strong">{job.error.code}</code> {job.error.detail}
            </Note>
          ) : null}
          <div className="split even">
            <section className="card">
              <div className="card-head">
                <h2>{t("jobs.facts")}</h2>
                <StatusBadge status={job.status} />
              </div>
              <dl className="facts card-body">
                <dt>{t("endpoints.endpoint")}</dt>
                <dd>
                  <Link href={`/endpoints/${job.endpoint.split("/").slice(-2).join("/")}`}>{job.endpoint}</Link>
                </dd>
                <dt>{t("jobs.by")}</dt>
                <dd>{job.user}</dd>
                <dt>{t("keys.key")}</dt>
                <dd>
                  <code className="small">{job.api_key || "—"}</code>
                </dd>
                <dt>{t("jobs.began")}</dt>
                <dd>
                  <Moment at={job.created_at} style="full" />
                </dd>
                <dt>{t("jobs.ended.at")}</dt>
                <dd>
                  <Moment at={job.completed_at} style="full" />
                </dd>
                <dt>{t("jobs.took")}</dt>
                <dd className="digits">
                  <Took job={job} />
                </dd>
                <dt>{t("jobs.attempts")}</dt>
                <dd className="digits">{job.attempts}</dd>
                <dt>{t("result.rows")}</dt>
                <dd>
                  <Count value={job.row_count} />
                  {job.result_bytes ? <span className="dim"> · {bytes(job.result_bytes, language)}</span> : null}
                </dd>
                <dt>{t("jobs.expires")}</dt>
                <dd>
                  <Moment at={job.expires_at} />
                </dd>
                {job.callback_url ? (
                  <>
                    <dt>{t("jobs.callback")}</dt>
                    <dd>
                      {may("access:manage") ? (
                        <Link href={`/deliveries/${job.job_id}`}>{job.callback_url}</Link>
                      ) : (
                        job.callback_url
                      )}
                    </dd>
                  </>
                ) : null}
              </dl>
            </section>
            <section className="card">
              <div className="card-head">
                <h2>{t("params")}</h2>
              </div>
              {job.parameters ? (
                <pre className="json" tabIndex={0} aria-label={t("params")}>
                  {indent(JSON.stringify(job.parameters))}
                </pre>
              ) : (
                <p className="card-body dim">{t("jobs.noparams")}</p>
              )}
            </section>
          </div>
          {job.links.result ? <JobResult job={job} /> : null}
        </>
      )}
    </Page>
  );
}

function JobResult({ job }: { job: JobRow }) {
  const { t } = useI18n();
  const [wanted, setWanted] = useState((job.result_bytes ?? 0) < 2_000_000);
  const { data, error } = useQuery({
    queryKey: ["result", job.job_id],
    queryFn: async ({ signal }) =>
      finish(await ask(`${job.links.result}?rows_as=arrays`, { signal }), performance.now(), job.job_id),
    enabled: wanted,
    staleTime: Infinity,
    retry: false,
  });
  const download = async (format: string) => {
    const answer = await ask(`${job.links.result}.${format}`);
    if (!answer.ok) await refuse(answer);
    return answer;
  };
  return (
    <section className="stack" aria-label={t("answer")}>
      <h2>{t("answer")}</h2>
      {error ? (
        <Failure error={error} />
      ) : data ? (
        <Suspense fallback={<Bones />}>
          <Result ran={data} name={job.job_id} download={download} available={formats} />
        </Suspense>
      ) : wanted ? (
        <div className="card">
          <Bones />
        </div>
      ) : (
        <p>
          <Button icon="table" onClick={() => setWanted(true)}>
            {t("jobs.show")}
          </Button>
        </p>
      )}
    </section>
  );
}
