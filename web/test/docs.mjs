// Drives the documentation page as a consumer does, and prints what it saw as JSON.
// Arguments: Chromium's program, the server, company, API key, secret, and the endpoint of the exact digits or nothing.
import { download, open, rows, run, signIn } from "./page.mjs";

const [executablePath, origin, company, key, secret, digits] = process.argv.slice(2);
const { browser, page, seen, look } = await open(executablePath, origin);
const report = { ...seen, programs: {} };

await page.goto(`${origin}/docs`);
await page.waitForSelector("input[name=company]");
await page.addScriptTag({ content: "window.foreignScript = true" }).catch(() => {});
report.inlineScriptRan = await page.evaluate(() => window.foreignScript === true);
report.inlineStyleHeld = await page.evaluate(() => {
  const element = document.createElement("p");
  element.setAttribute("style", "position: fixed");
  document.body.append(element);
  const held = getComputedStyle(element).position !== "fixed";
  element.remove();
  return held;
});
seen.errors.length = 0; // those two, which are refused
await look("signed out");
await page.evaluate(() => {
  const label = document.querySelector("label");
  label.hidden = true;
});
await look("broken"); // to see that it is seen
await page.evaluate(() => {
  document.querySelector("label").hidden = false;
});
await signIn(page, company, key, "wrong");
await page.waitForSelector("form .note.bad");
report.wrongSecret = await page.locator("form .note.bad").innerText();
await page.fill("input[name=secret]", secret);
await page.press("input[name=secret]", "Enter");
await page.waitForSelector(".tiles");
report.endpoints = await page.locator(".tiles code").allInnerTexts();
await look("start");

// A view has an address; what is typed there is found again after a reload, with the session.
await page.goto(`${origin}/docs/endpoints/default/vendas-por-regiao`);
await page.locator("input[name=data_inicio]").fill("2026-01-01");
await page.locator("select[name=regiao]").selectOption("Sul");
await run(page);
report.sync = { rows: await rows(page), facts: await page.locator(".result-facts").innerText() };
await look("answer");
await page.getByRole("tab", { name: "Chart" }).click();
await page.waitForSelector(".plot svg");
report.bars = await page.locator(".plot svg rect").count();
await look("chart");

for (const tab of await page.locator(".code-head [role=tab]").all()) {
  await tab.click();
  report.programs[(await tab.getAttribute("id")).replace("code-panel-", "")] = await page
    .locator(".code-body pre")
    .innerText();
}
await page.locator(".code-head [aria-selected=true]").press("ArrowRight");
report.afterArrow = await page.evaluate(() => document.activeElement.textContent);
await page.locator(".code-copy button").click();
report.copied = (await page.evaluate(() => navigator.clipboard.readText())) === report.programs.curl;

await page.locator("input[name=data_inicio]").fill("");
await page.locator("form .button.primary").first().click();
await page.waitForSelector(".answer .note.bad");
report.refused = await page.locator(".answer .note.bad").innerText();
report.refusedField = await page.locator(".param .fault").innerText();
await look("refused");

await page.goto(`${origin}/docs/endpoints/default/relatorio-mensal`);
await run(page);
report.async = { rows: await rows(page), facts: await page.locator(".result-facts").innerText() };

if (digits) {
  await page.goto(`${origin}/docs/endpoints/${digits}`);
  await page.waitForSelector(".markdown");
  report.title = await page.locator("h1").innerText();
  report.description = await page.locator(".markdown").innerText();
  report.markdownScripts = await page.locator(".markdown script, .markdown img").count();
  await run(page);
  report.digits = { rows: await rows(page) };
  await page.getByRole("button", { name: "Copy the rows" }).click();
  report.digits.copied = await page.evaluate(() => navigator.clipboard.readText());
  for (const format of ["JSON", "CSV"]) {
    report.digits[format] = await download(page, async () => {
      await page.getByRole("button", { name: "Download" }).click();
      await page.getByRole("menuitem", { name: format, exact: true }).click();
    });
  }
  await page.getByRole("tab", { name: "JSON" }).click();
  report.digits.shown = await page.locator("pre.json").innerText();
  report.scriptsOfCells = await page.evaluate(() => window.cellScript === true);
}

report.stored = await page.evaluate(() => ({
  local: Object.entries(localStorage).map(([name, value]) => `${name}=${value}`),
  session: sessionStorage.length,
  cookies: document.cookie,
}));
await page.reload();
await page.waitForSelector(".nav"); // the session has outlived the page
await page.locator(".account").click();
await page.getByRole("menuitem", { name: "Sign out" }).click();
await page.waitForSelector("input[name=company]");
report.afterSignOut = { views: await page.locator(".nav").count() };
await page.reload();
await page.waitForSelector("input[name=company]");
report.requests = seen.requests;
report.errors = seen.errors;
report.foreign = seen.foreign;
await browser.close();
console.log(JSON.stringify(report));
