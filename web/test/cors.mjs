// Calls the API from a page of another origin, and prints what the page saw as JSON.
// Arguments: Chromium's program, the API's origin, the page that is let in, one that is not, company, API key, secret.
import { launch } from "../scripts/browser.mjs";

const [executablePath, api, friend, stranger, company, key, secret] = process.argv.slice(2);
const browser = await launch(executablePath);

/** What a page does with the API; it runs in the browser. */
const visit = async ({ api, company, key, secret }) => {
  const seen = {};
  let access = "";
  const path = `${api}/api/v1/data-api/default`;
  const attempt = async (what) => {
    try {
      return await what();
    } catch (error) {
      return `${error.name}`;
    }
  };
  seen.token = await attempt(async () => {
    const response = await fetch(`${api}/api/v1/auth/api-key`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ company_slug: company, api_key: key, api_secret: secret }),
    });
    access = (await response.json()).access_token;
    return response.status;
  });
  const headers = { Authorization: `Bearer ${access}`, "Content-Type": "application/json" };
  const execute = (name, values, more = {}) =>
    fetch(`${path}/${name}`, {
      method: "POST",
      headers: { ...headers, ...more },
      body: JSON.stringify({ parameter_values: values }),
    });

  seen.allowed = await attempt(async () => {
    const response = await execute("few/execute", {});
    return { status: response.status, rows: (await response.json()).row_count, fields: [...response.headers.keys()] };
  });
  seen.refused = await attempt(async () => {
    const response = await execute("vendas-por-regiao/execute", { regiao: "Atlantis" });
    return {
      status: response.status,
      code: (await response.json()).code,
      request: response.headers.get("x-request-id") !== null,
    };
  });
  seen.unauthenticated = await attempt(async () => {
    const response = await fetch(`${path}/few/execute`, { headers: { Authorization: "Bearer x" } });
    return { status: response.status, code: (await response.json()).code };
  });
  seen.job = await attempt(async () => {
    const accepted = await execute("few/execute", {}, { Prefer: "respond-async" });
    const job = api + accepted.headers.get("location");
    const cancelled = await fetch(job, { method: "DELETE", headers });
    return { status: accepted.status, cancelled: cancelled.status };
  });
  const read = async (name) => {
    const response = await execute(`${name}/execute.ndjson`, {});
    const reader = response.body.getReader();
    let parts = 0;
    let bytes = 0;
    let first;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { status: response.status, parts, bytes, ended: "well", took: performance.now() - first };
        first ??= performance.now();
        parts++;
        bytes += value.length;
      }
    } catch (error) {
      return { status: response.status, parts, bytes, ended: error.name };
    }
  };
  seen.streamed = await attempt(() => read("steady"));
  seen.broken = await attempt(() => read("late"));
  return seen;
};

const report = {};
for (const [name, address] of Object.entries({ friend, stranger })) {
  const page = await browser.newPage();
  await page.goto(address);
  report[name] = await page.evaluate(visit, { api, company, key, secret });
  await page.close();
}
await browser.close();
console.log(JSON.stringify(report));
