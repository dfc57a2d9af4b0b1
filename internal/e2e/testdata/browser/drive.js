// Drives the documentation page as a user does, and prints what it saw as JSON.
// Arguments: Chromium's program, the server, a directory for screenshots, company, API key, secret.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [executablePath, origin, shots, company, key, secret] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
const page = await context.newPage();
page.setDefaultTimeout(30_000);
const report = { requests: [], foreign: [], errors: [], violations: {}, swagger: {} };
page.on("request", (request) => {
  const url = new URL(request.url());
  if (["data:", "blob:"].includes(url.protocol)) return;
  report.requests.push(`${request.method()} ${url.pathname}`);
  if (url.origin !== origin) report.foreign.push(request.url());
});
page.on("console", (message) => { if (message.type() === "error") report.errors.push(message.text()); });
page.on("pageerror", (error) => report.errors.push(String(error)));

// look notes what axe-core finds serious in our own markup, and takes a screenshot.
async function look(name) {
  // The world that evaluates is not under the page's policy.
  const found = await page.evaluate(async (source) => {
    (0, eval)(source);
    const { violations, passes } = await window.axe.run({ exclude: [["#swagger-ui"]] });
    return { passed: passes.length, found: violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map((node) => node.html) })) };
  }, axe);
  report.violations[name] = found;
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: name !== "reference" });
}

const rows = () => page.locator("#table tbody tr").allInnerTexts();
const status = () => page.locator("#status").innerText();
const snippet = () => page.locator("#snippet").innerText();

async function ran() {
  await page.waitForFunction(() => !document.getElementById("run").disabled);
  return { status: await status(), rows: await rows() };
}

await page.goto(`${origin}/docs`);
await page.addScriptTag({ content: "window.foreignScript = true" }).catch(() => {});
report.inlineScriptRan = await page.evaluate(() => window.foreignScript === true);
report.errors = report.errors.filter((text) => !text.includes("inline script")); // the one above, which is refused
await look("signed-out");
await page.evaluate(() => { document.querySelector("label[for=company]").hidden = true; });
await look("broken"); // to see that it is seen
await page.evaluate(() => { document.querySelector("label[for=company]").hidden = false; });

await page.fill("#company", company);
await page.fill("#key", key);
await page.fill("#secret", "wrong");
await page.click("#sign-in button");
await page.waitForFunction(() => document.getElementById("sign-in-error").textContent !== "");
report.wrongSecret = await page.locator("#sign-in-error").innerText();
report.errors = report.errors.filter((text) => !text.includes("401"));
await page.fill("#secret", secret);
await page.press("#secret", "Enter");
await page.waitForSelector("#endpoint:not([hidden])");
report.endpoints = await page.locator("#endpoints small").allInnerTexts();

const open = (path) => page.locator("#endpoints button", { has: page.locator(`small:text-is("${path}")`) }).click();
await open("default/vendas-por-regiao");
await page.fill("#parameter-data_inicio", "2026-01-01");
await page.selectOption("#parameter-regiao", "Sul");
await page.click("#run");
report.sync = await ran();
await look("sync");

report.snippets = {};
for (const tab of await page.locator("[role=tab]").all()) {
  await tab.click();
  report.snippets[(await tab.getAttribute("id")).replace("language-", "")] = await snippet();
}
await page.press("[role=tab][aria-selected=true]", "ArrowRight");
report.afterArrow = await page.evaluate(() => document.activeElement.textContent);
await page.click("#copy");
report.copied = (await page.evaluate(() => navigator.clipboard.readText())) === (await snippet());

await page.fill("#parameter-data_inicio", "");
await page.evaluate(() => document.getElementById("parameter-data_inicio").removeAttribute("required"));
await page.click("#run");
report.refused = { ...(await ran()), faults: await page.locator("#faults li").allInnerTexts() };
await look("refused");
report.errors = report.errors.filter((text) => !text.includes("422"));

await open("default/relatorio-mensal");
await page.click("#run");
report.async = await ran();
await look("async");

await page.click("#open-reference");
await page.waitForSelector("#swagger-ui .opblock");
report.swagger.operations = await page.locator("#swagger-ui .opblock").count();
const block = page.locator("#swagger-ui .opblock", { hasText: "/default/vendas-por-regiao/execute" }).first();
await block.locator(".opblock-summary-control").click();
await block.locator("button.execute").click();
await block.locator(".live-responses-table .response-col_status").first().waitFor();
report.swagger.status = await block.locator(".live-responses-table tbody .response-col_status").first().innerText();
report.swagger.body = await block.locator(".live-responses-table .microlight, .live-responses-table code").allInnerTexts();
await look("reference");

report.stored = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]);
await page.click("#sign-out");
await page.waitForSelector("#sign-in");
report.afterSignOut = { form: await page.locator("#signed-out").isVisible(), page: await page.locator("#signed-in").isVisible() };
await browser.close();
console.log(JSON.stringify(report));
