// The company's jobs: what runs now, what has ended, and how.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { useMay } from "../api/may";
import { jobs } from "../api/queries";
import type { JobRow } from "../api/types";
import { Count, milliseconds, Moment, useNow } from "../lib/format";
import { useAddress } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { json } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { More } from "../ui/more";
import { Page } from "../ui/page";
import { Bones, Button, Empty, Failure, Segments, StatusBadge } from "../ui/parts";
import { toast } from "../ui/toast";

const statuses = ["", "processing", "completed", "failed", "cancelled"] as const;

export default function Jobs() {
  const { t } = useI18n();
  const [status, setStatus] = useAddress("status");
  const [endpoint, setEndpoint] = useAddress("endpoint");
  const list = useInfiniteQuery({
    ...jobs({ status, endpoint }),
    refetchInterval: 2500,
    placeholderData: (before) => before,
  });
  const rows = list.data?.pages.flatMap((page) => page.jobs) ?? [];
  return (
    <Page title={t("nav.jobs")} lead={t("jobs.lead")}>
      <div className="filters">
        <Segments
          label={t("jobs.status")}
          value={status}
          change={setStatus}
          choices={statuses.map((value) => ({
            value: value as string,
            title: t(value === "" ? "jobs.all" : `status.${value}`),
          }))}
        />
        {endpoint ? (
          <Button size="small" icon="close" onClick={() => setEndpoint("")}>
            {endpoint}
          </Button>
        ) : null}
      </div>
      {list.error ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : (
        <div className="card">
          {list.isPending ? (
            <Bones />
          ) : rows.length === 0 ? (
            <Empty icon="jobs" title={t(status ? "none.found" : "jobs.none")}>
              {t("jobs.none.text")}
            </Empty>
          ) : (
            <table className="list stacking">
              <thead>
                <tr>
                  <th scope="col">{t("endpoints.endpoint")}</th>
                  <th scope="col">{t("jobs.status")}</th>
                  <th scope="col">{t("jobs.by")}</th>
                  <th scope="col">{t("jobs.began")}</th>
                  <th scope="col" className="right">
                    {t("jobs.took")}
                  </th>
                  <th scope="col" className="right">
                    {t("result.rows")}
                  </th>
                  <th scope="col">
                    <span className="unseen">{t("actions")}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {rows.map((job) => (
                  <Row key={job.job_id} job={job} />
                ))}
              </tbody>
            </table>
          )}
          <More query={list} />
        </div>
      )}
    </Page>
  );
}

function Row({ job }: { job: JobRow }) {
  const { t } = useI18n();
  const may = useMay();
  return (
    <tr className="link">
      <td>
        <Link className="cover break" href={`/jobs/${job.job_id}`}>
          {job.endpoint}
        </Link>
        <br />
        <code className="xs dim break">{job.job_id}</code>
      </td>
      <td data-label={t("jobs.status")}>
        <StatusBadge status={job.status} />
        {job.phase === "waiting" ? <span className="small dim"> {t("jobs.waiting")}</span> : null}
        {job.error ? <code className="xs fault"> {job.error.code}</code> : null}
      </td>
      <td data-label={t("jobs.by")}>{job.user}</td>
      <td data-label={t("jobs.began")}>
        <Moment at={job.created_at} />
      </td>
      <td data-label={t("jobs.took")} className="right digits nowrap">
        <Took job={job} />
      </td>
      <td data-label={t("result.rows")} className="right">
        <Count value={job.row_count ?? job.progress?.rows} />
      </td>
      <td className="right">
        {job.status === "processing" && may("data_api:cancel_job", job.endpoint) ? <CancelJob job={job} /> : null}
      </td>
    </tr>
  );
}

/** How long a job has run, or runs. */
export function Took({ job }: { job: JobRow }) {
  const { language } = useI18n();
  const now = useNow(job.status === "processing");
  if (!job.started_at) return <span className="dim">—</span>;
  const end = job.completed_at ? new Date(job.completed_at).getTime() : now;
  return (
    <>{milliseconds(Math.max(0, job.progress?.elapsed_ms ?? end - new Date(job.started_at).getTime()), language)}</>
  );
}

export function CancelJob({ job }: { job: JobRow }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const run = async () => {
    const after = await json<JobRow>(`/api/v1/jobs/${encodeURIComponent(job.job_id)}`, { method: "DELETE" });
    await client.invalidateQueries({ queryKey: ["jobs"] });
    await client.invalidateQueries({ queryKey: ["job", job.job_id] });
    toast(t(after.status === "cancelled" ? "jobs.cancelled" : "jobs.ended"));
  };
  return (
    <>
      <Button size="small" onClick={() => setAsking(true)}>
        {t("jobs.cancel")}
      </Button>
      {asking ? (
        <Confirm title={t("jobs.cancel.ask")} action={t("jobs.cancel")} close={() => setAsking(false)} run={run}>
          <p>{t("jobs.cancel.text", { endpoint: job.endpoint })}</p>
        </Confirm>
      ) : null}
    </>
  );
}
