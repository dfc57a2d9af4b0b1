// Runs the demo's two endpoints with the client that @hey-api/openapi-ts generates.
import { client } from "./client/client.gen.js";
import {
  exchangeApiKey, executeDefaultRelatorioMensal, executeDefaultVendasPorRegiao, getJobOfDefaultRelatorioMensal,
} from "./client/sdk.gen.js";

const [baseUrl, company_slug, api_key, api_secret] = process.argv.slice(2) as [string, string, string, string];
client.setConfig({ baseUrl });
const exchanged = await exchangeApiKey({ body: { company_slug, api_key, api_secret }, throwOnError: true });
client.setConfig({ baseUrl, auth: () => exchanged.data.access_token });

const sales = await executeDefaultVendasPorRegiao({
  body: { parameter_values: { data_inicio: "2026-01-01", regiao: "Sul" } }, throwOnError: true,
});
if (!("rows" in sales.data)) throw new Error("no result");
const region: string | null | undefined = sales.data.rows[0]?.regiao;
const total: number | null | undefined = sales.data.rows[0]?.total;
console.log(`${region} ${total}`);

const report = await executeDefaultRelatorioMensal({ body: { parameter_values: { mes: "2026-03" } }, throwOnError: true });
if (!("job_id" in report.data)) throw new Error("no job");
for (;;) {
  const polled = await getJobOfDefaultRelatorioMensal({
    path: { job_id: report.data.job_id }, headers: { Prefer: "wait=10" }, throwOnError: true,
  });
  if (typeof polled.data === "string") throw new Error("no document");
  if (polled.data.status === "processing") continue;
  const rows = polled.data.result?.rows ?? [];
  console.log(`${polled.data.status} ${rows.length} ${rows.map((row) => row.regiao).join(",")}`);
  break;
}

const refused = await executeDefaultVendasPorRegiao({
  // @ts-expect-error: an unknown region
  body: { parameter_values: { data_inicio: "2026-01-01", regiao: "Atlantis" } },
});
const problem = refused.error as { code?: string; errors?: { parameter: string }[] } | undefined;
console.log(`${problem?.code} ${problem?.errors?.[0]?.parameter}`);
