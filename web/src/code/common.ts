// What the programs of every language share.
import type { Callable } from "../api/types";

/** A call that becomes a program: where the server is, the caller's company, the endpoint, and parameter_values as JSON text. */
export interface Call {
  origin: string;
  company: string;
  endpoint: Pick<Callable, "slug" | "mode" | "on_timeout" | "links" | "columns">;
  values: string;
}

/** The request's JSON. It stays text, so that each number keeps its digits. */
export const body = (call: Pick<Call, "values">) => `{"parameter_values": ${call.values}}`;

type Endpoint = Call["endpoint"];

// A call may become a job, which has to be polled; a caller who may not poll waits for it instead.
export const mayBeJob = (endpoint: Endpoint) => endpoint.mode === "async" || endpoint.on_timeout === "continue";
export const polls = (endpoint: Endpoint) => mayBeJob(endpoint) && Boolean(endpoint.links.jobs);
export const waits = (endpoint: Endpoint) => mayBeJob(endpoint) && !endpoint.links.jobs;

export const shellQuote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
export const codeQuote = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
export const mQuote = (text: string) => `"${text.replaceAll("#(", "#(#)(").replaceAll('"', '""')}"`;

// A job can take longer than an access token is valid. So each program signs in again when it is answered 401, and asks once
// more. JavaScript's numbers would change digits, such as those of 9007199254740993 and 1.10: there, numbers that would not
// stay as they are written are read as text.
export const exactJSON = `// Numbers that JavaScript would write otherwise than the server, such as 9007199254740993 or 1.10, are read as text.
const parse = (text) => JSON.parse(text.replace(/"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?/g,
  (part) => (part[0] === '"' || /e/i.test(part) || String(Number(part)) === part ? part : \`"\${part}"\`)));
`;
