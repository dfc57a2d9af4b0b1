// One job: what it was asked, how it goes, what came of it.
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { useMay } from "../api/may";
import { job as jobQuery } from "../api/exact";
import type { JobRow } from "../api/types";
import { bytes, Count, Moment } from "../lib/format";
import { indent } from "../lib/exact";
import { useI18n } from "../lib/i18n";
import { pageOf } from "../lib/named";
import { ask, fetched } from "../lib/session";
import { finish, formats } from "../result/run";
import { Card, Facts, Loaded } from "../ui/loaded";
import { Page } from "../ui/page";
import { Bones, Button, Copy, Failure, Note } from "../ui/parts";
import { StatusBadge } from "../ui/status";
import { CancelJob, Took } from "./jobs";

const Result = lazy(() => import("../result/view").then((module) => ({ default: module.ResultView })));

export default function Job({ id }: { id: string }) {
  const { t } = useI18n();
  const found = useQuery({
    ...jobQuery(id),
    refetchInterval: (query) => (query.state.data?.status === "processing" ? 1500 : false),
  });
  return (
    <Page
      title={found.data?.endpoint ?? id}
      back={{ to: "/jobs", title: t("nav.jobs") }}
      lead={
        <span className="row">
          <code className="small break">{id}</code>
          <Copy text={id} />
        </span>
      }
      actions={found.data ? <CancelJob job={found.data} /> : null}
    >
      <Loaded query={found}>
        {(job) => (
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
              <JobFacts job={job} />
              <Card title={t("params")}>
                {job.parameters !== null && job.parameters !== "{}" ? (
                  <pre className="json" tabIndex={0} aria-label={t("params")}>
                    {indent(job.parameters)}
                  </pre>
                ) : (
                  <p className="card-body dim">{t(job.parameters ? "jobs.emptyparams" : "jobs.noparams")}</p>
                )}
              </Card>
            </div>
            {job.links.result ? <JobResult job={job} /> : null}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function JobFacts({ job }: { job: JobRow }) {
  const { t, language } = useI18n();
  const may = useMay();
  return (
    <Card title={t("jobs.facts")} beside={<StatusBadge status={job.status} />}>
      <Facts
        facts={[
          [
            t("endpoints.endpoint"),
            <Link key="1" href={pageOf(job.endpoint)}>
              {job.endpoint}
            </Link>,
          ],
          [t("jobs.by"), job.user],
          job.api_key
            ? [
                t("keys.key"),
                <code key="2" className="small">
                  {job.api_key}
                </code>,
              ]
            : null,
          [t("jobs.began"), <Moment key="3" at={job.created_at} style="full" />],
          job.completed_at ? [t("jobs.ended.at"), <Moment key="4" at={job.completed_at} style="full" />] : null,
          [t("jobs.took"), <Took key="5" job={job} />],
          [t("jobs.attempts"), job.attempts],
          job.row_count === null
            ? null
            : [
                t("result.rows"),
                <span key="6">
                  <Count value={job.row_count} />
                  {job.result_bytes ? <span className="dim"> · {bytes(job.result_bytes, language)}</span> : null}
                </span>,
              ],
          job.expires_at ? [t("jobs.expires"), <Moment key="7" at={job.expires_at} />] : null,
          job.callback_url
            ? [
                t("jobs.callback"),
                may("access:manage") ? (
                  <Link key="8" href={`/deliveries/${job.job_id}`}>
                    {job.callback_url}
                  </Link>
                ) : (
                  job.callback_url
                ),
              ]
            : null,
        ]}
      />
    </Card>
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
  const download = (format: string) => fetched(`${job.links.result}.${format}`);
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
