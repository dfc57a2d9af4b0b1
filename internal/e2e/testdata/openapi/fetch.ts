// Runs the demo's two endpoints with openapi-fetch over the types of openapi-typescript, as a customer's program would.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

type Json = "application/json" | "application/problem+json"; // of the formats that there are

const [baseUrl, company_slug, api_key, api_secret] = process.argv.slice(2) as [string, string, string, string];
const anonymous = createClient<paths, Json>({ baseUrl });
const exchanged = await anonymous.POST("/api/v1/auth/api-key", { body: { company_slug, api_key, api_secret } });
if (!exchanged.data) throw new Error(exchanged.error?.detail);
const api = createClient<paths, Json>({ baseUrl, headers: { Authorization: `Bearer ${exchanged.data.access_token}` } });

const sales = await api.POST("/api/v1/data-api/default/vendas-por-regiao/execute", {
  body: { parameter_values: { data_inicio: "2026-01-01", regiao: "Sul" } },
});
if (!sales.data) throw new Error("no result");
const row = sales.data.rows[0]!;
const region: string | null = row.regiao;
const total: number | null = row.total;
console.log(`${region} ${total}`);

const report = await api.POST("/api/v1/data-api/default/relatorio-mensal/execute", { body: { parameter_values: { mes: "2026-03" } } });
if (!report.data) throw new Error("no job");
for (;;) {
  const polled = await api.GET("/api/v1/data-api/default/relatorio-mensal/jobs/{job_id}", {
    params: { path: { job_id: report.data.job_id }, header: { Prefer: "wait=10" } },
  });
  if (!polled.data) throw new Error(polled.error?.detail);
  if (polled.data.status === "processing") continue;
  const rows = polled.data.result?.rows ?? [];
  console.log(`${polled.data.status} ${rows.length} ${rows.map((r) => r.regiao).join(",")}`);
  break;
}

// The same by its URL.
const read = await api.GET("/api/v1/data-api/default/vendas-por-regiao/execute", { params: { query: { data_inicio: "2026-01-01", regiao: "Sul" } } });
if (read.data?.rows[0]?.total !== total) throw new Error("GET has another result");

const refused = await api.POST("/api/v1/data-api/default/vendas-por-regiao/execute", {
  // @ts-expect-error: an unknown region
  body: { parameter_values: { data_inicio: "2026-01-01", regiao: "Atlantis" } },
});
console.log(`${refused.error?.code} ${refused.error?.errors?.[0]?.parameter}`);

export const faults = [
  // @ts-expect-error: a required parameter is missing
  () => api.POST("/api/v1/data-api/default/vendas-por-regiao/execute", { body: { parameter_values: { regiao: "Sul" } } }),
  // @ts-expect-error: there is no such endpoint
  () => api.POST("/api/v1/data-api/default/nothing/execute", { body: { parameter_values: {} } }),
  // @ts-expect-error: there is no such column
  () => row.receita,
];
