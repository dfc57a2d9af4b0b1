// What the browser tests share: a page that notes what it asks for and what goes wrong, and a first sign-in.
import { createInterface } from "node:readline";
import { axe, launch } from "../scripts/browser.mjs";

let answers = null;

/** Asks the test that runs this to do something outside of the browser: a line of its own each, answered on the standard input. */
export async function outside(what, values) {
  answers ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log(JSON.stringify({ ask: what, ...values }));
  return JSON.parse((await answers.next()).value);
}

/** Starts a browser with one page; `seen` is what it has noted. */
export async function open(executablePath, origin, options = {}) {
  const browser = await launch(executablePath);
  const context = await browser.newContext({
    viewport: { width: 1366, height: 900 },
    locale: "en-US",
    reducedMotion: "reduce",
    acceptDownloads: true,
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const seen = { requests: [], foreign: [], errors: [], findings: {} };
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (["data:", "blob:"].includes(url.protocol)) return;
    seen.requests.push(`${request.method()} ${url.pathname}`);
    if (url.origin !== origin) seen.foreign.push(request.url());
  });
  page.on("console", (message) => {
    // An answer that is an error is told of here too: those that a test asks for are no fault.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      seen.errors.push(message.text());
  });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  const look = async (name) => {
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await page.waitForTimeout(250); // colours change over some frames;
      seen.findings[`${name}, ${theme}`] = await axe(page);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  };
  return { browser, context, page, seen, look };
}

/** Signs in with a key. */
export async function signIn(page, company, key, secret) {
  await page.fill("input[name=company]", company);
  await page.fill("input[name=key]", key);
  await page.fill("input[name=secret]", secret);
  await page.press("input[name=secret]", "Enter");
}

/** The rows of the result that is shown, cell by cell. */
export const rows = (page) =>
  page
    .locator(".grid-row")
    .evaluateAll((lines) =>
      lines.map((line) => [...line.querySelectorAll(".grid-td")].map((cell) => cell.textContent)),
    );

/** Runs the form that is shown, and waits for its answer. */
export async function run(page) {
  await page.locator("form .button.primary").first().click();
  await page.locator(".result, .answer .note.bad").first().waitFor();
}

/** Takes the file that a click downloads. */
export async function download(page, click) {
  const [file] = await Promise.all([page.waitForEvent("download"), click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  return { name: file.suggestedFilename(), text: Buffer.concat(chunks).toString("utf8") };
}
