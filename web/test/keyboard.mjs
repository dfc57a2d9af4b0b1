// Works in the console without a mouse, as its own test asks, and prints what it saw as JSON.
// Arguments: Chromium's program, the server, company, API key, secret, the name of a table with the columns n and name.
import { open, outside, rows } from "./page.mjs";

const [executablePath, origin, company, key, secret, table] = process.argv.slice(2);
const { browser, page, seen, look } = await open(executablePath, origin);
const report = { ...seen, unseen: [], stops: {}, returned: {} };
const press = (keys) => page.keyboard.press(keys);
const type = (text) => page.keyboard.insertText(text);

/** What has the focus, in a few words; empty where nothing has it. */
const focused = () =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return "";
    const name = element.getAttribute("aria-label") ?? element.textContent ?? "";
    return `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ""} ${name.trim().slice(0, 60)}`;
  });
/** Says that what is shown only once was taken along, and tells where the focus comes back to. */
async function taken() {
  await to("dialog input[type=checkbox]");
  await press("Space");
  await to("dialog .button.primary");
  await press("Enter");
  await page.waitForSelector("dialog", { state: "detached" });
  await page.waitForFunction(() => document.activeElement !== document.body);
  return focused();
}

/** Whether it can be seen where the focus is: a ring around it or around the editor, and inside of the window. */
const isSeen = () =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body || element.id === "main") return true;
    const box = element.getBoundingClientRect();
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth && box.width > 0;
    const rings = (one) =>
      getComputedStyle(one).outlineStyle !== "none" && parseFloat(getComputedStyle(one).outlineWidth) >= 2;
    const card = element.closest(".editor-card");
    // Chromium's own ring, which is inside of a date's field at its picker.
    const native = element.matches("input[type=checkbox], input[type=radio], input[type=date]");
    const editor = element.closest(".cm-editor");
    return (
      inside &&
      (rings(element) ||
        native ||
        (editor !== null && rings(editor)) ||
        (card !== null && getComputedStyle(card).boxShadow !== "none"))
    );
  });
/** Goes on with Tab, or back, until something that fits has the focus. */
async function to(selector, name = null, { keys = "Tab", most = 90 } = {}) {
  const fits = () =>
    page.evaluate(
      ([wanted, words]) =>
        document.activeElement?.matches(wanted) &&
        (words === null ||
          (document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent ?? "").includes(
            words,
          )),
      [selector, name],
    );
  for (let i = 0; i < most; i++) {
    if (await fits()) return;
    await press(keys);
    if (!(await isSeen())) report.unseen.push(`${new URL(page.url()).pathname}: ${await focused()}`);
  }
  throw new Error(
    `${most} times ${keys}, and ${selector} ${name ?? ""} has no focus on ${page.url()}, but ${await focused()}`,
  );
}
/** Goes once around a view by Tab: how many stops there are, and whether every control that can be seen is one of them. */
async function around(name) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    getSelection()?.removeAllRanges();
  });
  const controls = await page.evaluate(() => {
    const all = document.querySelectorAll(
      "a[href], button, input, select, textarea, summary, [tabindex='0'], [contenteditable=true]",
    );
    const wanted = [...all].filter(
      (one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0,
    );
    wanted.forEach((one, index) => (one.dataset.stop = String(index)));
    return wanted.length;
  });
  const reached = new Set();
  let last = null;
  let again = 0;
  for (let i = 0; i < controls * 2 + 10 && reached.size < controls; i++) {
    await press("Tab");
    const stop = await page.evaluate(() => document.activeElement?.dataset.stop ?? "");
    if (stop !== "") reached.add(stop);
    if (!(await isSeen())) report.unseen.push(`${name}: ${await focused()}`);
    if (await page.evaluate(() => document.activeElement?.closest(".cm-editor") !== null)) await press("Escape"); // then Tab leaves
    again = stop === last ? again + 1 : 0;
    if (again > 3) break;
    last = stop;
  }
  const left = await page.evaluate(
    (there) =>
      [...document.querySelectorAll("[data-stop]")]
        .filter((one) => !there.includes(one.dataset.stop))
        // One radio button of a group is a stop, and one tab of a list: arrows lead on.
        .filter((one) => one.type !== "radio" && one.checkVisibility({ visibilityProperty: true }))
        .map((one) => one.outerHTML.slice(0, 120)),
    [...reached],
  );
  report.stops[name] = { controls, left };
  await page.evaluate(() => document.querySelectorAll("[data-stop]").forEach((one) => delete one.dataset.stop));
}

// Sign in.
await page.goto(`${origin}/console/`);
await page.waitForSelector("input[name=company]");
await to("input[name=company]");
await type(company);
await press("Tab");
await type(key);
await press("Tab");
await type(secret);
await press("Enter");
await page.waitForSelector("table.list");

// The first stop of a page leads past the navigation.
await page.reload();
await page.waitForSelector("table.list");
await press("Tab");
report.skip = await focused();
await press("Enter");
report.skipped = await focused();
await around("endpoints");

// Find an endpoint, from another view.
await to("a", "Jobs", { keys: "Shift+Tab" });
await press("Enter");
await page.waitForSelector("h1:has-text('Jobs')");
await press("Control+k");
await page.waitForFunction(() => document.activeElement?.type === "search");
await type("quick");
await page.waitForFunction(() => document.querySelectorAll("a.cover").length === 1);
await press("ArrowDown");
await press("Enter");
await page.waitForSelector("h1:has-text('quick')");
report.found = new URL(page.url()).pathname;
await page.waitForSelector("form .button.primary");
await around("endpoint");

// Run it, sort its table, look at a cell, and come back from there.
await to("form .button.primary");
await press("Enter");
await page.waitForSelector(".grid-row");
await to(".grid");
await press("ArrowUp");
for (let i = 0; i < 2; i++) await press("Enter");
await page.waitForSelector("[aria-sort=descending]");
report.sorted = await rows(page);
await press("ArrowDown");
await press("Enter");
await page.waitForSelector("dialog .cell-text");
report.cell = await page.locator("dialog .cell-text").innerText();
await press("Escape");
await page.waitForSelector("dialog", { state: "detached" });
report.returned.cell = await focused();
await press("Tab");
report.afterGrid = await focused();

// Write an endpoint, save it, and let it go live.
await press("Control+k");
await page.waitForFunction(() => document.activeElement?.type === "search");
await to("a", "New endpoint", { keys: "Shift+Tab" });
await press("Enter");
await page.waitForSelector(".cm-content");
await to(".address input");
await press("Tab");
await type("by-keyboard");
await to(".cm-content");
await press("Tab"); // is written, as editors do
report.tabInEditor = await page.evaluate(() => document.activeElement?.classList.contains("cm-content"));
await press("Escape");
await press("Tab");
report.leftEditor = await focused();
await to(".cm-content", null, { keys: "Shift+Tab" });
await press("Control+a");
await press("Delete"); // what is written over keeps its colours in the browser, as inline styles, which the page's policy blocks
await type(`/*---\ntitle: By keyboard\nsource: main\nactive: false\n---*/\nSELECT n, name FROM ${table}`);
await page.locator(".check-state .badge.ok").waitFor();
await press("Control+Enter");
await page.waitForSelector(".grid-row");
await press("Control+s");
await page.waitForSelector("dialog");
await look("save");
await press("Escape");
await page.waitForSelector("dialog", { state: "detached" });
report.returned.save = await page.evaluate(() => document.activeElement?.classList.contains("cm-content"));
await around("editor");
await to(".cm-content");
await press("Control+s");
await page.waitForSelector("dialog");
await type("Written without a mouse");
await press("Enter");
await page.locator(".toast", { hasText: "Saved" }).first().waitFor();
await page.waitForSelector("h1:has-text('By keyboard')");
await to(".page-head button", "Activate");
await press("Enter");
await page.waitForSelector("dialog");
await to("dialog .button", "Activate");
await press("Enter");
await page.locator(".toast", { hasText: "Activated" }).first().waitFor();
await page.waitForSelector("dialog", { state: "detached" });
await page.waitForFunction(() => document.activeElement !== document.body);
report.returned.activate = await focused();

// Make a link to it, and revoke it.
await to(".tabs a", "Links");
await press("Enter");
await page.waitForSelector(".empty");
await around("links");
await to(".page button", "New link");
await press("Enter");
await page.waitForSelector("dialog");
await type("By keyboard");
await look("new link");
await to("dialog .button.primary");
await press("Enter");
await page.waitForSelector("[data-secret]");
report.link = await page.locator("[data-secret]").first().innerText();
report.returned.link = await taken();
await to("td.actions button");
await press("Enter");
await page.waitForSelector("dialog");
report.firstOfRevoke = await focused();
await to("dialog .button.solid");
await press("Enter");
await page.waitForSelector("dialog", { state: "detached" });
await page.waitForSelector(".empty");
await page.waitForFunction(() => document.activeElement !== document.body);
report.returned.links = await focused();

// Make a key.
await to("a", "API keys", { keys: "Shift+Tab" });
await press("Enter");
await page.waitForSelector("table.list .menu");
await around("keys");
await to(".page-head button", "New key");
await press("Enter");
await page.waitForSelector("dialog option[value=ana]", { state: "attached" });
await to("dialog select");
await type("");
await page.keyboard.type("Ana");
await to("dialog .button.primary");
await press("Enter");
await page.waitForSelector("[data-secret]");
report.made = await page.locator("[data-secret]").count();
report.returned.key = await taken();

// A menu: its arrows, and the dialog that one of its items opens.
await to("table.list .menu button");
await press("Enter");
await page.waitForSelector(".menu-list");
await press("ArrowDown");
report.menuItem = await focused();
await press("Enter");
await page.waitForSelector("dialog");
await press("Escape");
await page.waitForSelector("dialog", { state: "detached" });
report.returned.menu = await page.evaluate(() => document.activeElement?.getAttribute("aria-haspopup") ?? "");

// Cancel a job.
await outside("job", {});
await to("a", "Jobs", { keys: "Shift+Tab" });
await press("Enter");
await page.waitForSelector("table.list td.actions button");
await to("td.actions button");
await press("Enter");
await page.waitForSelector("dialog");
report.firstOfConfirm = await focused(); // the way back, not what cannot be undone
await to("dialog .button.solid");
await press("Enter");
await page.locator(".badge", { hasText: "Cancelled" }).first().waitFor();
await page.waitForSelector("dialog", { state: "detached" });
await page.waitForFunction(() => document.activeElement !== document.body);
report.returned.job = await focused();

for (const [name, path] of [
  ["usage", "/console/usage"],
  ["users", "/console/users"],
  ["user", "/console/users/ana"],
  ["deliveries", "/console/deliveries"],
  ["status", "/console/status"],
  ["revisions", "/console/endpoints/default/by-keyboard/revisions"],
  ["docs", "/docs/"],
  ["docs endpoint", "/docs/endpoints/default/quick"],
]) {
  await page.goto(origin + path);
  await page.waitForSelector("h1");
  await page.waitForFunction(() => !document.querySelector(".bone"));
  await around(name);
}

// Sign out.
await page.goto(`${origin}/console/`);
await page.waitForSelector("table.list");
await to(".account");
await press("Enter");
await page.waitForSelector(".menu-list");
await press("End");
await press("Enter");
await page.waitForSelector("input[name=company]");
report.out = true;
await browser.close();
report.requests = undefined;
console.log(JSON.stringify({ report }));
