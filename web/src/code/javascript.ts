import { body, codeQuote, exactJSON, polls, waits, type Call } from "./common";

export function javascript({ origin, company, endpoint, ...call }: Call): string {
  const poll = polls(endpoint)
    ? `for (let path = result.polling_url; path; ) {
  const job = await call(path, undefined, { Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed") throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`
    : "";
  return `// Node.js, as a module: node call.mjs
const BASE = ${codeQuote(origin)};
let token = "";

${exactJSON}
async function send(path, body, headers) {
  const answer = await fetch(BASE + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer " + token, ...headers },
    body,
  });
  return { status: answer.status, document: parse(await answer.text()) };
}

function checked({ status, document }) {
  if (status >= 400) throw new Error(\`\${document.code}: \${document.detail} \${JSON.stringify(document.errors ?? [])}\`);
  return document;
}

async function call(path, body, headers) {
  const answer = token && await send(path, body, headers);
  if (answer && answer.status !== 401) return checked(answer);
  // There is no token yet, or it has expired.
  const key = { company_slug: ${JSON.stringify(company)}, api_key: process.env.DATA_API_KEY, api_secret: process.env.DATA_API_SECRET };
  token = checked(await send("/api/v1/auth/api-key", JSON.stringify(key))).access_token;
  return checked(await send(path, body, headers));
}

const body = ${codeQuote(body(call))};
${poll ? "let" : "const"} result = await call(${codeQuote(endpoint.links.execute)}, body${waits(endpoint) ? ', { Prefer: "wait=60" }' : ""});
${poll}for (const row of result.rows) console.log(JSON.stringify(row));
`;
}
