// Running a call: what answers at once, what becomes a job, and how much of it a page can hold.
import type { Callable } from "../api/types";
import { readResult, type Result } from "../lib/exact";
import { mayPass, Problem, refuse } from "../lib/http";
import { ask, fetched } from "../lib/session";

/** How much text of a result is read at most. What lies beyond is for the downloads. */
export const most = 24 * 1024 * 1024;

export interface JobProgress {
  job_id: string;
  rows: number | null;
}

/** A result with all that is known of how it came. */
export interface Ran {
  result: Result;
  /** The answer's JSON as it came, as far as it was read. */
  text: string;
  milliseconds: number;
  requestId: string | null;
  jobId: string | null;
  revision: string | null;
}

/** A format of downloads; its suffix is that of the URL. */
export const formats = ["json", "csv", "ndjson", "arrow", "parquet"] as const;
export type Format = (typeof formats)[number];

export const mediaTypes: Record<Format, string> = {
  json: "application/json",
  csv: "text/csv",
  ndjson: "application/x-ndjson",
  arrow: "application/vnd.apache.arrow.stream",
  parquet: "application/vnd.apache.parquet",
};

/** Reads an answer's text up to the most that is read; then the request is given up, which ends its query. */
export async function readText(
  answer: Response,
  progress: (characters: number) => void = () => undefined,
): Promise<string> {
  if (!answer.body) return "";
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let length = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const part = decoder.decode(value, { stream: true });
    parts.push(part);
    length += part.length;
    progress(length);
    if (length > most) {
      void reader.cancel();
      break;
    }
  }
  return parts.join("");
}

const waits = (endpoint: Callable) =>
  (endpoint.mode === "async" || endpoint.on_timeout === "continue") && !endpoint.links.jobs;

/** Runs an endpoint. The values are JSON text, so that each number keeps its digits. */
export async function run(
  endpoint: Callable,
  values: string,
  { signal, progress }: { signal: AbortSignal; progress: (job: JobProgress) => void },
): Promise<Ran> {
  const began = performance.now();
  const answer = await ask(`${endpoint.links.execute}?rows_as=arrays`, {
    method: "POST",
    body: `{"parameter_values":${values}}`,
    headers: waits(endpoint) ? { Prefer: "wait=60" } : {},
    signal,
  });
  if (answer.status !== 202) return finish(answer, began, null);
  if (!answer.ok) return refuse(answer);
  const accepted = (await answer.json()) as { job_id: string; polling_url: string };
  progress({ job_id: accepted.job_id, rows: null });
  await follow(accepted.polling_url, signal, progress);
  return finish(await ask(`${accepted.polling_url}/result?rows_as=arrays`, { signal }), began, accepted.job_id);
}

/** Turns an answer into a result. */
export async function finish(answer: Response, began: number, jobId: string | null): Promise<Ran> {
  if (!answer.ok) await refuse(answer);
  const text = await readText(answer);
  return {
    result: readResult(text),
    text,
    milliseconds: performance.now() - began,
    requestId: answer.headers.get("X-Request-Id"),
    revision: answer.headers.get("X-Data-Api-Revision"),
    jobId,
  };
}

interface JobDocument {
  job_id: string;
  status: string;
  error: { code: string; detail: string } | null;
  progress?: { rows: number } | null;
}

/** How often in a row a job is asked for in vain: a server that restarts, and a network that changes, are back by then. */
const mostFailures = 20;

/** Whether a stream may be opened again: it broke off, nothing answered, or a proxy says that its server is away. */
const passes = (failure: unknown) =>
  failure instanceof TypeError ||
  mayPass(failure) ||
  (failure instanceof Problem && (failure.status === 502 || failure.status === 504));

/**
 * Waits for the end of a job by its event stream, and opens it again where it ends before the job does: the server ends it with the
 * configuration, and with the access token. Rejects with a Problem when the job has not completed.
 */
export async function follow(url: string, signal: AbortSignal, progress: (job: JobProgress) => void): Promise<void> {
  for (let failures = 0; ;) {
    let job: JobDocument | null = null;
    try {
      const answer = await fetched(url, { headers: { Accept: "text/event-stream" }, signal });
      job = await lastEvent(answer, (document) => {
        failures = 0;
        progress({ job_id: document.job_id, rows: document.progress?.rows ?? null });
      });
    } catch (failure) {
      if (!passes(failure) || ++failures > mostFailures) throw failure;
    }
    if (job?.status === "completed") return;
    if (job && job.status !== "processing")
      throw new Problem(0, job.error?.code ?? "JOB_NOT_COMPLETED", job.error?.detail ?? job.status);
    await new Promise((resolve) => setTimeout(resolve, 500));
    signal.throwIfAborted();
  }
}

/** Reads server-sent events until the stream ends; returns the last document. */
async function lastEvent(answer: Response, each: (document: JobDocument) => void): Promise<JobDocument | null> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let last: JobDocument | null = null;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return last;
    buffer += value;
    const events = buffer.split(/\r?\n\r?\n/);
    buffer = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split(/\r?\n/);
      const field = (name: string) =>
        lines
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trim())
          .join("\n");
      const data = field("data");
      if (data === "" || field("event") === "reconnect") continue; // the latter has no job
      last = JSON.parse(data) as JobDocument;
      each(last);
      if (last.status !== "processing") {
        void reader.cancel();
        return last;
      }
    }
  }
}
