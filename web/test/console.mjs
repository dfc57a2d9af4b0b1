// Drives the console as an administrator does, from an empty company to the first row by a new key, and prints what it saw as JSON.
// Arguments: Chromium's program, the server, a one-time link, the name of a table with the columns n (whole numbers) and name (text).
// The test that runs this reads lines that ask it for something (a call with the new key), and answers on the standard input.
import { open, outside, rows } from "./page.mjs";

const [executablePath, origin, link, table] = process.argv.slice(2);
const { browser, page, seen, look } = await open(executablePath, origin);
const report = { ...seen, took: {} };
const began = performance.now();
const click = (name, role = "button") => page.getByRole(role, { name, exact: true }).first().click();
const toast = (text) => page.locator(".toast", { hasText: text }).first().waitFor();

// The one-time link: its code leaves the address bar, and works once.
await page.goto(link);
await page.waitForSelector(".nav");
report.address = page.url();
report.user = await page.locator(".account-name").innerText();
await page.waitForSelector("table.list, .empty");
await look("endpoints");

// An endpoint from nothing: with completion, and with a fault on purpose.
await click("New endpoint", "link");
await page.waitForSelector(".cm-content");
await page.locator(".address input").nth(0).fill("default");
await page.locator(".address input").nth(1).fill("made-here");
const editor = page.locator(".cm-content");
const write = async (text) => {
  await editor.focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
  await page.waitForTimeout(200);
  await page.keyboard.press("Escape"); // a completion that has opened by itself
};
const source = /source: (\S+)/.exec(await editor.innerText())[1];
await write(
  `/*---\ntitle: Made here\nsource: ${source}\nmode: sink\nactive: false\nparams:\n  least: { type: integer, required: true, example: 1 }\n---*/\nSELECT n, name FROM ${table} WHERE n >= @least ORDER BY n`,
);
await page.locator(".cm-lintRange-error").first().waitFor();
report.fault = { word: await page.locator(".cm-lintRange-error").first().innerText() };
await page.getByRole("tab", { name: /Faults/ }).click();
await page.waitForSelector(".faults li");
report.fault.text = await page.locator(".faults li").first().innerText();
await look("editor with a fault");
await page.locator(".faults button").first().click(); // to the word
await page.keyboard.press("Delete");
await page.keyboard.type("sy");
await page.keyboard.press("Control+Space");
await page.waitForSelector(".cm-tooltip-autocomplete li");
report.completed = await page.locator(".cm-tooltip-autocomplete li").allInnerTexts();
await page.waitForTimeout(150); // a completion that has just opened does not take Enter
await page.keyboard.press("Enter");
await page.locator(".check-state .badge.ok").waitFor();
report.line = (await editor.innerText()).split("\n").find((line) => line.startsWith("mode"));
// A name in the statement is completed from the table's columns.
await page.keyboard.press("Control+End");
await page.keyboard.type(", na");
await page.keyboard.press("Control+Space");
await page.waitForSelector(".cm-tooltip-autocomplete li");
report.columns = await page.locator(".cm-tooltip-autocomplete li").allInnerTexts();
await page.keyboard.press("Escape");
for (let i = 0; i < 4; i++) await page.keyboard.press("Backspace");
await page.locator(".check-state .badge.ok").waitFor();

// Run the draft.
await page.keyboard.press("Control+Enter");
await page.waitForSelector(".result");
report.preview = await rows(page);
await page.getByRole("tab", { name: "Chart" }).click();
await page.waitForSelector(".plot svg");
await look("editor with a chart");

// The draft outlives its tab.
await page.waitForTimeout(500);
await page.reload();
await page.waitForSelector(".cm-content");
report.draft = (await editor.innerText()).includes("Made here");
await page.locator(".address input").nth(0).fill("default");
await page.locator(".address input").nth(1).fill("made-here");

// Save with a message, activate.
await editor.focus();
await page.keyboard.press("Control+s");
await page.waitForSelector("dialog");
await page.locator("dialog input.input").fill("The first one");
await page.locator("dialog input[type=checkbox]").check();
await look("save");
await page.keyboard.press("Enter");
await toast("Saved, and live");
await page.waitForSelector(".param");
report.saved = page.url().replace(origin, "");
report.took.endpoint = performance.now() - began;

// A user, and a key.
await click("Users", "link");
await click("New user");
await page.locator("dialog input.mono").fill("robot");
await look("new user");
await click("Create user");
await page.waitForSelector("h1:has-text('robot')");
await click("New key");
await page.locator("dialog input.input").first().fill("Robot");
await click("Create key");
await page.waitForSelector("[data-secret]");
const [key, secret] = await page.locator("[data-secret]").allInnerTexts();
await look("secret");
await page.locator("dialog input[type=checkbox]").check();
await click("Done");
await page.waitForSelector("table.list");
report.called = await outside("call", { key, secret, endpoint: "default/made-here", values: '{"least": 2}' });
report.took.row = performance.now() - began;

// The call is seen.
await page.goto(`${origin}/console/usage?by=user`);
await page.locator("table.list tr", { hasText: "robot" }).first().waitFor();
report.usage = await page.locator("table.list tr", { hasText: "robot" }).first().innerText();
await look("usage");

// A job is cancelled, after one is asked.
const job = await outside("job", { key, secret });
await page.goto(`${origin}/console/jobs/${job.id}`);
await page.getByRole("button", { name: "Cancel job" }).first().click();
await page.waitForSelector("dialog");
await look("cancel job");
await page.locator("dialog .button.solid").click();
await page.locator(".badge", { hasText: "Cancelled" }).first().waitFor();
report.cancelled = true;

// A delivery is sent again.
const delivery = await outside("delivery", { key, secret });
await page.goto(`${origin}/console/deliveries/${delivery.id}`);
await click("Send again");
await page.waitForSelector("dialog");
await page.locator("dialog .button.primary").click();
await toast("It will be sent again");
report.replayed = await outside("received", { id: delivery.id });
await look("delivery");

// A change, and the way back.
await page.goto(`${origin}/console/endpoints/default/made-here/edit`);
await page.waitForSelector(".cm-content");
await write((await editor.innerText()).replace("Made here", "Changed here").replace(/\n\n+/g, "\n"));
await page.getByRole("tab", { name: "Compare" }).click();
await page.waitForSelector(".diff-views .cm-editor");
await look("compare");
await page.locator(".check-state .badge.ok").waitFor();
await editor.first().focus();
await page.keyboard.press("Control+s");
await page.waitForSelector("dialog");
await page.keyboard.press("Enter");
await toast("Saved, and live");
await page.waitForSelector("h1:has-text('Changed here')");
await click("Revisions", "link");
await page.waitForSelector(".versions li");
report.versions = await page.locator(".versions li .strong").allInnerTexts();
await page.locator(".versions li button").nth(1).click();
await click("Restore this version");
await page.waitForSelector("dialog");
await page.locator("dialog .button.primary").click();
await page.waitForSelector("h1:has-text('Made here')");
report.restored = await page.locator("h1").innerText();
await look("revisions");

// A stale save is merged.
await page.goto(`${origin}/console/endpoints/default/made-here/edit`);
await page.waitForSelector(".cm-content");
await write((await editor.innerText()).replace("Made here", "My title").replace(/\n\n+/g, "\n"));
await outside("edit", { endpoint: "default/made-here", from: "Made here", to: "Their title" });
await page.locator(".check-state .badge.ok").waitFor();
await editor.focus();
await page.keyboard.press("Control+s");
await page.waitForSelector("dialog");
await page.keyboard.press("Enter");
await page.waitForSelector(".conflict");
report.conflict = await page.locator(".conflict pre").allInnerTexts();
await look("stale save");
await page.getByRole("radio", { name: "Mine", exact: true }).check();
await click("Merge into my draft");
await editor.focus();
await page.keyboard.press("Control+s");
await page.waitForSelector("dialog");
await page.keyboard.press("Enter");
await toast("Saved, and live");
await page.waitForSelector("h1:has-text('My title')");
report.merged = await page.locator("h1").innerText();

// Sign out: neither the views nor the session are there any more.
await page.locator(".account").click();
await click("Sign out", "menuitem");
await page.waitForSelector("input[name=company]");
await page.goto(link);
await page.waitForSelector("form .note.bad");
report.linkAgain = await page.locator("form .note.bad").innerText();
report.took.all = performance.now() - began;
report.stored = await page.evaluate(() => ({
  local: Object.keys(localStorage),
  session: sessionStorage.length,
  cookies: document.cookie,
}));
await browser.close();
report.requests = undefined;
console.log(JSON.stringify({ report }));
