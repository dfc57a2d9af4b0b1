// Requests to the API, and its errors.
import { root } from "./base";

/** One fault of a request: where it is, and what is allowed. */
export interface Fault {
  parameter?: string;
  code?: string;
  detail: string;
  line?: number;
  column?: number;
  end_line?: number;
  end_column?: number;
}

/** An answer that is an error: RFC 9457, with the catalogue's code. Status 0 means that there was no answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly faults: Fault[] = [],
    readonly requestId: string | null = null,
    readonly retryAfter: number | null = null,
    readonly document: Record<string, unknown> = {},
  ) {
    super(detail);
  }
}

/** Whether a request may succeed when it is sent again: there was no answer, or the server cannot answer at the moment. */
export const mayPass = (failure: unknown): boolean =>
  failure instanceof Problem && (failure.status === 0 || failure.status === 503);

export interface Options {
  method?: string;
  /** JSON text, or what becomes JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Sends a request without credentials of its own; rejects with a Problem when there is no answer. */
export async function send(
  path: string,
  { method = "GET", body, headers = {}, signal }: Options = {},
): Promise<Response> {
  const json: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  try {
    return await fetch(path.startsWith("/") ? root + path : path, {
      method,
      headers: { ...json, ...headers },
      cache: "no-store",
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === "AbortError") throw failure;
    throw new Problem(0, "", "offline");
  }
}

/** Turns an answer that is no success into a Problem. */
export async function refuse(answer: Response): Promise<never> {
  const text = await answer.text().catch(() => "");
  let document: Record<string, unknown> = {};
  try {
    document = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Something between here and the server has answered, in words of its own.
  }
  const string = (name: string) => (typeof document[name] === "string" ? document[name] : "");
  const wait = Number(answer.headers.get("Retry-After"));
  throw new Problem(
    answer.status,
    string("code"),
    string("detail") || string("title") || `HTTP ${answer.status}`,
    Array.isArray(document["errors"]) ? (document["errors"] as Fault[]) : [],
    answer.headers.get("X-Request-Id"),
    answer.headers.has("Retry-After") && Number.isFinite(wait) ? wait : null,
    document,
  );
}
