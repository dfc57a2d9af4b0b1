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
import { Listing } from "../ui/list";
import { Page } from "../ui/page";
import { Button } from "../ui/parts";
import { StatusBadge, StatusFilter } from "../ui/status";
import { toast } from "../ui/toast";

export default function Jobs() {
  const { t } = useI18n();
  const [status, setStatus] = useAddress("status");
  const [endpoint, setEndpoint] = useAddress("endpoint");
  const list = useInfiniteQuery({
    ...jobs({ status, endpoint }),
    refetchInterval: 2500,
    placeholderData: (before) => before,
  });
  return (
    <Page title={t("nav.jobs")} lead={t("jobs.lead")}>
      <div className="filters">
        <StatusFilter value={status} change={setStatus} choices={["processing", "completed", "failed", "cancelled"]} />
        {endpoint ? (
          <Button size="small" icon="close" onClick={() => setEndpoint("")}>
            {endpoint}
          </Button>
        ) : null}
      </div>
      <Listing
        link
        query={list}
        rows={(page) => page.jobs}
        name={(job) => job.job_id}
        empty={{
          icon: "jobs",
          title: t(status || endpoint ? "none.found" : "jobs.none"),
          text: t(status || endpoint ? "none.found.text" : "jobs.none.text"),
        }}
        columns={[
          {
            title: t("endpoints.endpoint"),
            cell: (job) => (
              <>
                <Link className="cover break" href={`/jobs/${job.job_id}`}>
                  {job.endpoint}
                </Link>
                <code className="under">{job.job_id}</code>
              </>
            ),
          },
          {
            title: t("jobs.status"),
            cell: (job) => (
              <span className="row wrap">
                <StatusBadge status={job.status} />
                {job.phase === "waiting" ? <span className="small dim">{t("jobs.waiting")}</span> : null}
                {job.error ? <code className="xs fault">{job.error.code}</code> : null}
              </span>
            ),
          },
          { title: t("jobs.by"), cell: (job) => job.user },
          { title: t("jobs.began"), cell: (job) => <Moment at={job.created_at} /> },
          { title: t("jobs.took"), right: true, className: "digits nowrap", cell: (job) => <Took job={job} /> },
          {
            title: t("result.rows"),
            right: true,
            cell: (job) => <Count value={job.row_count ?? job.progress?.rows} />,
          },
          { title: t("actions"), right: true, actions: true, cell: (job) => <CancelJob job={job} /> },
        ]}
      />
    </Page>
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

/** Cancels a job that runs, where that is allowed; nothing otherwise. */
export function CancelJob({ job }: { job: JobRow }) {
  const { t } = useI18n();
  const may = useMay();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const run = async () => {
    const after = await json<JobRow>(`/api/v1/jobs/${encodeURIComponent(job.job_id)}`, { method: "DELETE" });
    await client.invalidateQueries({ queryKey: ["jobs"] });
    await client.invalidateQueries({ queryKey: ["job", job.job_id] });
    toast(t(after.status === "cancelled" ? "jobs.cancelled" : "jobs.ended"));
  };
  if (!asking && (job.status !== "processing" || !may("data_api:cancel_job", job.endpoint))) return null;
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
