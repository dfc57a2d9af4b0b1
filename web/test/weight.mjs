// Measures what a browser loads before the first view, what moves on it, and how long it takes, and prints it as JSON.
// Arguments: Chromium's program, the server, company, API key, secret.
import { launch } from "../scripts/browser.mjs";

const [executablePath, origin, company, key, secret] = process.argv.slice(2);
const browser = await launch(executablePath);

/** Opens an address in a new context with an empty cache, or in one that is given. `ready` is there when one can work. */
async function visit(address, ready, context = null) {
  const own = context ?? (await browser.newContext({ viewport: { width: 1280, height: 800 } }));
  const page = await own.newPage();
  await page.addInitScript((selector) => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        if (!entry.hadRecentInput)
          window.shifts.push({
            value: entry.value,
            what: entry.sources.map(
              ({ node }) => node?.outerHTML?.slice(0, 120) ?? node?.textContent?.slice(0, 60) ?? "",
            ),
          });
    }).observe({ type: "layout-shift", buffered: true });
    window.busyUntil = 0;
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) window.busyUntil = startTime + duration;
    }).observe({ type: "longtask", buffered: true });
    // From when one can work: what is waited for is there, and has been drawn.
    const look = () => {
      if (!document.querySelector(selector)) return void requestAnimationFrame(look);
      requestAnimationFrame(() => setTimeout(() => (window.readyAt = performance.now())));
    };
    look();
  }, ready);
  await page.goto(address);
  await page.waitForFunction(() => window.readyAt !== undefined);
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(1500); // what would still move
  const seen = await page.evaluate(() => ({
    interactive: Math.max(window.readyAt, ...(window.busyUntil < window.readyAt + 50 ? [window.busyUntil] : [])),
    shifts: window.shifts,
    scripts: performance
      .getEntriesByType("resource")
      .filter(({ name }) => /\.js$/.test(new URL(name).pathname))
      .map(({ name, encodedBodySize }) => ({ name: new URL(name).pathname, bytes: encodedBodySize })),
  }));
  await page.close();
  if (!context) await own.close();
  return seen;
}

const report = { console: [], control: [], views: {} };
for (let i = 0; i < 5; i++) {
  // The control is a file of the same server without a script: it is as slow as the machine is now.
  report.control.push((await visit(`${origin}/console/icon.svg`, "svg")).interactive);
  const seen = await visit(`${origin}/console/`, "input[name=company]");
  report.console.push(seen.interactive);
  report.scripts = seen.scripts;
  report.shifts = seen.shifts;
}
// Views, by who is signed in and loads them again.
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
const page = await context.newPage();
await page.goto(`${origin}/console/`);
await page.fill("input[name=company]", company);
await page.fill("input[name=key]", key);
await page.fill("input[name=secret]", secret);
await page.keyboard.press("Enter");
await page.waitForSelector("table.list");
await page.close();
for (const [path, ready] of [
  ["/console/endpoints", "table.list"],
  ["/console/endpoints/default/quick", "form .button.primary"],
  ["/console/endpoints/new", ".cm-content"],
  ["/console/endpoints/default/names/links", ".empty"],
  ["/console/jobs", "table.list, .empty"],
  ["/console/users", "table.list"],
  ["/console/usage", ".figures"],
  ["/console/status", ".figures"],
  ["/docs/", ".tiles"],
  ["/docs/endpoints/default/quick", "form .button.primary"],
]) {
  const { shifts } = await visit(origin + path, ready, context);
  report.views[path] = shifts;
}
await browser.close();
console.log(JSON.stringify(report));
