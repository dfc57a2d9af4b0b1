// The API as the signed-in user has it. Tokens are held here and nowhere else: neither in storage, nor in a URL.

import { root } from "./root.js";

// BASE stands before the paths of the API: nothing, or what something in front of the server takes away.
export const BASE = root.slice(0, -1);

// Problem is an answer that is an error: RFC 9457, with the catalogue's code.
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = document.code ?? "";
    this.faults = document.errors ?? [];
  }
}

let tokens = null;

async function send(path, { method = "GET", body, headers = {} } = {}) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  return fetch(path, { method, body, headers: { ...json, ...headers }, credentials: "omit", cache: "no-store" });
}

async function read(answer) {
  const text = await answer.text();
  const document = text === "" ? {} : parse(text);
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}

// Digits is a number as it is written, which JavaScript's own might change.
export class Digits {
  constructor(source) { this.source = source; }
  toString() { return this.source; }
  toJSON() { return Number(this.source); }
}

// parse reads JSON. Where the browser tells how a number is written, it stays so.
function parse(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source && String(value) !== context.source ? new Digits(context.source) : value);
}

export async function signIn(company, key, secret) {
  const body = JSON.stringify({ company_slug: company, api_key: key, api_secret: secret });
  keep(await read(await send(BASE + "/api/v1/auth/api-key", { method: "POST", body })));
  return tokens.user;
}

function keep(pair) {
  tokens = { ...pair, expires: performance.now() + 1000 * pair.access_token_expires_in };
}

export async function signOut() {
  const refresh = tokens?.refresh_token;
  tokens = null;
  if (refresh) await send(BASE + "/api/v1/auth/logout", { method: "POST", body: JSON.stringify({ refresh_token: refresh }) });
}

// bearer returns the value of the Authorization header, with a token that has some seconds left.
export async function bearer() {
  if (tokens && performance.now() > tokens.expires - 5000) await renew();
  return `Bearer ${tokens?.access_token}`;
}

let renewing = null;

// renew exchanges the refresh token, once for all who wait: it is for one use.
function renew() {
  renewing ??= (async () => {
    const body = JSON.stringify({ refresh_token: tokens.refresh_token });
    keep(await read(await send(BASE + "/api/v1/auth/refresh", { method: "POST", body })));
  })().finally(() => { renewing = null; });
  return renewing;
}

// request sends a request with the token.
async function request(path, options = {}) {
  return send(path, { ...options, headers: { ...options.headers, Authorization: await bearer() } });
}

export async function endpoints() {
  const all = [];
  for (let cursor = ""; cursor !== null; ) {
    const page = await read(await request(`${BASE}/api/v1/data-api?limit=1000&cursor=${encodeURIComponent(cursor)}`));
    all.push(...page.endpoints);
    cursor = page.next_cursor;
  }
  return all;
}

// openAPI returns the caller's OpenAPI document as text.
export async function openAPI() {
  const answer = await request(BASE + "/api/v1/data-api/openapi.json");
  const text = await answer.text();
  if (!answer.ok) throw new Problem(answer.status, parse(text));
  return text;
}

// run executes an endpoint and returns its result. What becomes a job is polled, and told of through progress.
export async function run(endpoint, values, progress) {
  const headers = endpoint.mode === "async" && !endpoint.links.jobs ? { Prefer: "wait=60" } : {};
  const answer = await request(endpoint.links.execute, { method: "POST", body: `{"parameter_values":${values}}`, headers });
  const result = await read(answer);
  if (!result.polling_url) return result;
  if (!endpoint.links.jobs) throw new Error("The call is a job now, which you may not read.");
  for (;;) {
    const job = await read(await request(result.polling_url, { headers: { Prefer: "wait=5" } }));
    if (job.status === "completed") return job.result;
    if (job.status !== "processing") throw new Problem(0, { code: job.error?.code, detail: job.error?.detail ?? `The job is ${job.status}.` });
    progress(job);
  }
}
