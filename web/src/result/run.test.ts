import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../lib/http";
import { follow } from "./run";

const answers = vi.hoisted(() => [] as (() => Response)[]);
vi.mock("../lib/base", () => ({ root: "" })); // which reads the page
vi.mock("../lib/session", () => ({
  ask: () => Promise.reject(new Error("nothing else is asked for")),
  fetched: async () => {
    const next = answers.shift();
    if (!next) throw new Error("there is no further answer");
    return next();
  },
}));

const events = (...lines: [name: string, data: unknown][]) =>
  lines.map(([name, data], i) => `id: ${i + 1}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");
const stream = (text: string) => () => new Response(text);
const running = { job_id: "j", status: "processing", error: null, progress: { rows: 7 } };

/** A stream that breaks off after a text, as when its server is killed. */
const broken = (text: string) => () =>
  new Response(
    new ReadableStream({
      start: (to) => to.enqueue(new TextEncoder().encode(text)),
      pull: (to) => to.error(new TypeError("network error")),
    }),
  );

const offline = () => {
  throw new Problem(0, "", "offline");
};

describe("follow", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    answers.length = 0;
  });

  /** Follows a job over these answers; returns the rows that were told, or the failure. */
  async function followed(...of: (() => Response)[]) {
    answers.push(...of);
    const rows: (number | null)[] = [];
    const end = follow("/job", new AbortController().signal, (job) => rows.push(job.rows)).then(
      () => rows,
      (failure: unknown) => failure,
    );
    await vi.advanceTimersByTimeAsync(60_000);
    return end;
  }

  const completed = stream(events(["end", { ...running, status: "completed", progress: { rows: 9 } }]));

  it("opens the stream again where it ends before the job", async () => {
    const reconnect = stream(events(["progress", running], ["reconnect", {}]));
    expect(await followed(reconnect, stream(events(["reconnect", {}])), stream(""), completed)).toEqual([7, 9]);
  });

  it("outlives a restart of the server", async () => {
    const busy = () => {
      throw new Problem(503, "OVERLOADED", "come back later");
    };
    expect(await followed(broken(events(["progress", running])), offline, busy, completed)).toEqual([7, 9]);
    expect(answers).toHaveLength(0);
  });

  it("gives up where no answer comes any more, and at once where the answer is no", async () => {
    expect(await followed(...Array<() => Response>(21).fill(offline))).toMatchObject({ message: "offline" });
    expect(answers).toHaveLength(0);
    const gone = () => {
      throw new Problem(404, "JOB_NOT_FOUND", "there is no such job");
    };
    expect(await followed(gone, completed)).toMatchObject({ code: "JOB_NOT_FOUND" });
  });

  it("tells why a job has failed", async () => {
    const error = { code: "EXECUTION_TIMEOUT", detail: "it took too long" };
    const failed = stream(events(["progress", running], ["end", { ...running, status: "failed", error }]));
    expect(await followed(failed)).toMatchObject({ code: "EXECUTION_TIMEOUT", message: "it took too long" });
  });
});
