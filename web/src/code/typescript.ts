import type { DescribedColumn } from "../api/types";
import { body, codeQuote, exactJSON, polls, waits, type Call } from "./common";

/** The type of a column's values, as the program reads them. */
function valueType(type: string): string {
  const array = /^array<(.+)>$/.exec(type);
  if (array) return `(${valueType(array[1]!)} | null)[]`;
  switch (type) {
    case "smallint":
    case "integer":
      return "number";
    case "bigint":
    case "decimal":
    case "real":
    case "double":
      return "number | string";
    case "boolean":
      return "boolean";
    case "json":
      return "unknown";
    default:
      return "string";
  }
}

const member = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

function rowType(columns: DescribedColumn[] | null): string {
  if (!columns) return "type Row = Record<string, unknown>;\n";
  const lines = columns.map(
    (column) => `  ${member(column.name)}: ${valueType(column.type)}${column.nullable === false ? "" : " | null"};`,
  );
  return `interface Row {\n${lines.join("\n")}\n}\n`;
}

export function typescript({ origin, company, endpoint, ...call }: Call): string {
  const poll = polls(endpoint)
    ? `for (let path = result.polling_url; path; ) {
  const job: Answer = await call(path, undefined, { Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed" || !job.result) throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`
    : "";
  return `// npx tsx call.mts
${rowType(endpoint.columns)}
interface Answer {
  rows?: Row[];
  polling_url?: string;
  status?: string;
  result?: Answer;
  error?: unknown;
  access_token?: string;
  code?: string;
  detail?: string;
  errors?: unknown[];
}

const BASE = ${codeQuote(origin)};
let token = "";

${exactJSON.replace("const parse = (text) =>", "const parse = (text: string): Answer =>").trimEnd()}

async function send(path: string, body?: string, headers: Record<string, string> = {}): Promise<{ status: number; document: Answer }> {
  const answer = await fetch(BASE + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer " + token, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, document: parse(await answer.text()) };
}

function checked({ status, document }: { status: number; document: Answer }): Answer {
  if (status >= 400) throw new Error(\`\${document.code}: \${document.detail} \${JSON.stringify(document.errors ?? [])}\`);
  return document;
}

async function call(path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = token ? await send(path, body, headers) : null;
  if (answer && answer.status !== 401) return checked(answer);
  // There is no token yet, or it has expired.
  const key = { company_slug: ${JSON.stringify(company)}, api_key: process.env["DATA_API_KEY"], api_secret: process.env["DATA_API_SECRET"] };
  token = checked(await send("/api/v1/auth/api-key", JSON.stringify(key))).access_token ?? "";
  return checked(await send(path, body, headers));
}

const body = ${codeQuote(body(call))};
${poll ? "let" : "const"} result: Answer = await call(${codeQuote(endpoint.links.execute)}, body${waits(endpoint) ? ', { Prefer: "wait=60" }' : ""});
${poll}for (const row of result.rows ?? []) console.log(JSON.stringify(row));
`;
}
