// Shows what somebody may have put into titles, cells, errors and Markdown to do harm, or what is only too much, and prints what came of it.
// Arguments: Chromium's program, the server, company, API key, secret.
import { statSync } from "node:fs";
import { open, run, signIn } from "./page.mjs";

const [executablePath, origin, company, key, secret] = process.argv.slice(2);
const { browser, page, seen, look } = await open(executablePath, origin);
const report = { ...seen, shown: {}, foreignElements: [], responsive: {}, huge: {}, downloaded: {}, drawn: {} };
let dialogs = 0;
page.on("dialog", (dialog) => {
  dialogs++;
  void dialog.dismiss();
});

/** What of the page comes from a hostile text: any element or attribute that the application does not make. */
const foreign = () =>
  page.evaluate(() =>
    [
      ...document.querySelectorAll(
        "script:not([src]), iframe, object, embed, img, form[action], base, [onerror], [onload], [onclick], a[href^='javascript'], a[href^='data']",
      ),
    ].map((one) => one.outerHTML.slice(0, 200)),
  );
async function view(name, path, ready) {
  await page.goto(origin + path);
  await page.waitForSelector(ready);
  await check(name);
}
async function check(name) {
  report.foreignElements.push(...(await foreign()).map((one) => `${name}: ${one}`));
  report.shown[name] = (await page.locator("main").innerText()).includes("<img src=x");
}
/** How long the page takes to do something small, at most of three times, in milliseconds. */
async function answers(what) {
  let longest = 0;
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    await what(i);
    longest = Math.max(longest, performance.now() - began);
  }
  return longest;
}

await page.goto(`${origin}/console/`);
await page.waitForSelector("input[name=company]");
await signIn(page, company, key, secret);
await page.waitForSelector("table.list");
await view("endpoints", "/console/endpoints", "table.list");
await view("endpoint", "/console/endpoints/default/markup", ".markdown");
report.title = await page.title();
await run(page);
await page.waitForSelector(".grid-row");
await check("table");
await page.locator(".grid-td.text").first().dblclick();
await page.waitForSelector("dialog .cell-text");
await check("cell");
await page.keyboard.press("Escape");
await page.getByRole("tab", { name: "JSON" }).click();
await page.waitForSelector("pre.json");
await check("json");
await page.getByRole("tab", { name: "Chart" }).click();
await page.waitForSelector(".plot svg");
await check("chart");
await look("chart of markup");
await view("refused", "/console/endpoints/default/choice", ".param");
await page.locator("input[name=choice]").fill("<img src=x onerror=window.ran=1>");
await page.locator("form .button.primary").first().click();
await page.waitForSelector(".answer .note.bad");
await check("refused");
await view("faults", "/console/endpoints/default/faulty", ".note.bad");
await view("status", "/console/status", ".figures");
await view("activity", "/console/endpoints/default/choice/activity", ".figures");
await view("links", "/console/endpoints/default/choice/links", "table.list");
await view("revisions", "/console/endpoints/default/kept/revisions", ".versions li");
await view("user", "/console/users/evil", ".facts");
await view("users", "/console/users", "table.list");
await page.waitForSelector("td:has-text('evil')");
await view("keys", "/console/keys", "table.list");
await view("docs", "/docs/", ".tiles");
await view("docs endpoint", "/docs/endpoints/default/markup", ".markdown");
report.links = await page
  .locator(".markdown a")
  .evaluateAll((all) => all.map((one) => [one.getAttribute("href"), one.getAttribute("rel")]));
await view("editor", "/console/endpoints/default/kept/edit", ".cm-content");
await view("address", `/console/endpoints?q=${encodeURIComponent("<img src=x onerror=window.ran=1>")}`, "table.list");

// A text that reads from right to left stays in its cell, and turns nothing around it.
await page.goto(`${origin}/console/endpoints/default/arabic`);
await run(page);
await page.waitForSelector(".grid-row");
report.rightToLeft = await page.evaluate(() => ({
  page: getComputedStyle(document.body).direction,
  cell: getComputedStyle(document.querySelector(".grid-td.text")).direction,
  wide: document.documentElement.scrollWidth - innerWidth,
}));

// A result that is cut says so at the table and at the chart.
await page.goto(`${origin}/console/endpoints/default/truncated`);
await run(page);
await page.waitForSelector(".plot svg");
report.truncatedChart = await page.locator(".result .note.warn").innerText();
await page.getByRole("tab", { name: "Table" }).click();
await page.waitForSelector(".grid-row");
report.truncatedTable = await page.locator(".result .note.warn").innerText();

// Five hundred columns: only those that are seen are drawn, and the last one can be reached.
await page.goto(`${origin}/console/endpoints/default/wide`);
await run(page);
await page.waitForSelector(".grid-row");
await page.locator(".grid").focus();
report.responsive.columns = await answers((i) => page.keyboard.press(i % 2 ? "Home" : "End"));
await page.waitForSelector(".grid-th[aria-colindex='500']");
report.cells = await page.locator(".grid-td").count();

/** Opens a cell and copies it: how much of it is in the table, in the dialog, and in the clipboard. */
async function cell(kind) {
  const drawn = page.locator(`.grid-td.${kind}`).first();
  await page.evaluate(() => navigator.clipboard.writeText(""));
  const seen = { table: (await drawn.innerText()).length };
  await drawn.dblclick();
  await page.waitForSelector("dialog .cell-text");
  seen.dialog = await page.locator("dialog .cell-text").evaluate((one) => one.textContent.length);
  await page.locator("dialog .button.quiet").click();
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).length > 1e6);
  seen.copied = await page.evaluate(async () => (await navigator.clipboard.readText()).length);
  await page.keyboard.press("Escape");
  return seen;
}
/** Downloads the result; returns the file's length. */
async function downloaded(format) {
  await page.getByRole("button", { name: "Download" }).click();
  const coming = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: format, exact: true }).click();
  return statSync(await (await coming).path()).size;
}
const show = (name) => page.getByRole("tab", { name }).click();

// Cells of millions of characters, more than a page should draw: table, dialog, chart and JSON show their beginning, the page goes on
// answering, and the copy and the download are whole.
for (const [name, kinds] of [
  ["huge", ["text"]],
  ["huge-postgres", ["text", "json"]],
]) {
  await page.goto(`${origin}/console/endpoints/default/${name}`);
  await run(page);
  await page.waitForSelector(".grid-row");
  report.responsive[name] = await answers(() => page.locator(".grid").press("ArrowRight"));
  for (const kind of kinds) report.huge[`${name} ${kind}`] = await cell(kind);
  report.downloaded[name] = await downloaded("CSV");
  await show("Chart");
  await page.waitForSelector(".plot svg");
  report.drawn[name] = await page.locator(".chart").evaluate((one) => one.textContent.length);
  await show("JSON");
  await page.waitForSelector("pre.json");
  report.drawn[`${name} json`] = await page.locator("pre.json").evaluate((one) => one.textContent.length);
  report.responsive[`${name} json`] = await answers((i) => show(i % 2 ? "JSON" : "Table"));
}

report.ran = await page.evaluate(() => window.ran !== undefined);
report.dialogs = dialogs;
await browser.close();
report.requests = undefined;
console.log(JSON.stringify({ report }));
