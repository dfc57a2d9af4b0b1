// How an endpoint is called: its description, its parameters with a field for each, its columns, the call as a program, the answer.
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type RefObject } from "react";
import type { Callable, DescribedColumn, Managed } from "../api/types";
import { useMay } from "../api/may";
import { CodePanel } from "../code/panel";
import { Fields } from "../form/fields";
import { initialValues, valuesJSON, type Typed } from "../form/values";
import { origin } from "../lib/base";
import { Problem } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { useCompany } from "../lib/hooks";
import { fetched } from "../lib/session";
import { formats, mediaTypes, run, type Format, type JobProgress, type Ran } from "../result/run";
import { Table } from "../ui/list";
import { Card } from "../ui/loaded";
import { Badge, Bones, Button, Empty, Failure } from "../ui/parts";

const Markdown = lazy(() => import("../ui/markdown"));
const Result = lazy(() => import("../result/view").then((module) => ({ default: module.ResultView })));

export function Reference({ endpoint }: { endpoint: Managed | Callable }) {
  const { t } = useI18n();
  const company = useCompany();
  const may = useMay();
  const callable = may("data_api:execute", `${endpoint.namespace}/${endpoint.slug}`) || Boolean(endpoint.shared_by);
  const served = !("live_revision" in endpoint) || endpoint.live_revision !== null;
  const pinned = useMemo(() => endpoint.pinned ?? [], [endpoint]);
  const [values, setValues] = useState<Typed>(() => initialValues(endpoint.parameters));
  const json = valuesJSON(endpoint.parameters, pinned, values);
  const call = useMemo(() => ({ origin, company, endpoint, values: json }), [company, endpoint, json]);
  const place = useRef<HTMLElement>(null);
  const { start, stop, ...runner } = useRunner(endpoint, json, place);
  const problem = runner.error instanceof Problem ? runner.error : null;
  return (
    <div className="reference">
      <div className="stack loose">
        {endpoint.description ? (
          <Suspense fallback={<Bones lines={2} columns={1} />}>
            <Markdown text={endpoint.description} />
          </Suspense>
        ) : null}
        <form
          className="card"
          aria-label={t("params")}
          onSubmit={(event) => {
            event.preventDefault();
            start();
          }}
          onKeyDown={(event) => {
            if ((event.ctrlKey || event.metaKey) && event.key === "Enter") start();
          }}
        >
          <div className="card-head">
            <h2>{t("params")}</h2>
            <p className="small dim">
              {t("endpoint.limits", {
                seconds: endpoint.limits?.timeout_seconds ?? 0,
                rows: endpoint.limits?.max_rows ?? 0,
              })}
            </p>
          </div>
          {endpoint.parameters ? (
            <Fields
              parameters={endpoint.parameters}
              pinned={pinned}
              values={values}
              change={(name, value) => setValues((before) => ({ ...before, [name]: value }))}
              faults={problem?.faults ?? []}
            />
          ) : (
            <p className="card-body dim">{t("params.unknown")}</p>
          )}
          <div className="card-foot row wrap">
            <Button type="submit" look="primary" icon="play" busy={runner.running} disabled={!callable || !served}>
              {t("run")}
            </Button>
            {runner.running ? (
              <Button icon="stop" onClick={stop}>
                {t("stop")}
              </Button>
            ) : (
              <span className="small dim wide-only">{t("run.keys")}</span>
            )}
            <span className="small dim" role="status">
              {runner.running ? (runner.job ? t("job.running", { rows: runner.job.rows ?? 0 }) : t("running")) : null}
            </span>
          </div>
        </form>
        <section aria-label={t("answer")} ref={place} className="answer">
          {runner.error ? (
            <Failure error={runner.error} />
          ) : runner.ran ? (
            <Suspense fallback={<Bones />}>
              <Result
                key={runner.count}
                ran={runner.ran}
                name={endpoint.slug}
                chart={endpoint.chart}
                download={(format) => again(endpoint, json, runner.ran!, format)}
                available={runner.ran.jobId ? formats : formats.filter((one) => one !== "parquet")}
              />
            </Suspense>
          ) : (
            <div className="card">
              {runner.running ? (
                <Bones />
              ) : (
                <Empty icon="play" title={t("answer.none")}>
                  {t("answer.none.text")}
                </Empty>
              )}
            </div>
          )}
        </section>
        <Columns columns={endpoint.columns} />
      </div>
      <div className="reference-side">
        <CodePanel call={call} />
      </div>
    </div>
  );
}

/** The same call again, for a file. A job's result is had from the job. */
function again(endpoint: Callable, json: string, ran: Ran, format: Format): Promise<Response> {
  if (ran.jobId) return fetched(`${endpoint.links.jobs}/${ran.jobId}/result.${format}`);
  return fetched(`${endpoint.links.execute}.${format}`, {
    method: "POST",
    body: `{"parameter_values":${json}}`,
    headers: { Accept: mediaTypes[format] },
  });
}

function useRunner(endpoint: Callable, json: string, place: RefObject<HTMLElement | null>) {
  const [state, setState] = useState<{
    ran: Ran | null;
    error: unknown;
    running: boolean;
    job: JobProgress | null;
    count: number;
  }>({
    ran: null,
    error: null,
    running: false,
    job: null,
    count: 0,
  });
  const controller = useRef<AbortController | null>(null);
  // A reader who leaves, leaves no query behind.
  useEffect(() => () => controller.current?.abort(), []);
  const start = () => {
    controller.current?.abort();
    const mine = new AbortController();
    controller.current = mine;
    setState((before) => ({ ...before, error: null, running: true, job: null }));
    run(endpoint, json, { signal: mine.signal, progress: (job) => setState((before) => ({ ...before, job })) }).then(
      (ran) => {
        if (mine.signal.aborted) return;
        setState((before) => ({ ran, error: null, running: false, job: null, count: before.count + 1 }));
        requestAnimationFrame(() => {
          const box = place.current?.getBoundingClientRect();
          if (box && box.top > innerHeight * 0.75) place.current?.scrollIntoView({ block: "nearest" });
        });
      },
      (error: unknown) => {
        if (!mine.signal.aborted) setState((before) => ({ ...before, error, running: false, job: null }));
      },
    );
  };
  const stop = () => {
    controller.current?.abort();
    setState((before) => ({ ...before, running: false, job: null }));
  };
  return { ...state, start, stop };
}

export function Columns({ columns }: { columns: DescribedColumn[] | null }) {
  const { t } = useI18n();
  return (
    <Card title={t("columns")}>
      {columns ? (
        <Table
          rows={columns}
          name={(column) => column.name}
          columns={[
            {
              title: t("column.name"),
              className: "term",
              cell: (column) => <code className="strong break">{column.name}</code>,
            },
            {
              title: t("column.type"),
              cell: (column) => (
                <span className="row wrap">
                  {column.type ? (
                    <code className="small ink2">{column.type}</code>
                  ) : (
                    <span className="small dim">{t("column.untyped")}</span>
                  )}
                  {column.nullable === false ? <Badge>{t("column.notnull")}</Badge> : null}
                </span>
              ),
            },
            columns.some((column) => column.description) && {
              title: t("column.about"),
              className: "text small ink2 break",
              cell: (column) => column.description,
            },
          ]}
        />
      ) : (
        <p className="card-body dim">{t("columns.unknown")}</p>
      )}
    </Card>
  );
}
