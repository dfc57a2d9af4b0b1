// Takes a picture of every view, in four sizes and two themes, and lets axe-core look at each.
// Arguments: Chromium's program, the server's address, company, API key, secret, a directory for the pictures. A regular expression in
// VIEWS chooses some views, SIZES and THEMES some sizes and themes.
import { mkdirSync } from "node:fs";
import { axe, launch } from "./browser.mjs";

const [executablePath, origin, company, key, secret, into = "shots"] = process.argv.slice(2);
const sizes = { phone: [360, 780], tablet: [820, 1100], laptop: [1366, 860], wide: [2560, 1300] };
const only = new RegExp(process.env.VIEWS ?? ".");
const wanted = (list, name) => !process.env[list] || process.env[list].split(",").includes(name);
const scheme = process.env.LANGUAGE ?? "en-US";

/** Runs the endpoint that is shown, and shows its result in a way. */
const ran = (view) => async (page) => {
  await page.locator("form .button.primary").first().click();
  await page.waitForSelector(".result");
  if (view !== "table") await page.getByRole("tab", { name: view === "chart" ? /Chart|Gráfico/ : "JSON" }).click();
  if (view === "chart") await page.waitForSelector(".plot svg");
  await page.waitForTimeout(300);
};
const wait = (selector) => async (page) => void (await page.waitForSelector(selector));
const press = (name) => async (page) => void (await page.getByRole("button", { name }).first().click());

const first = process.env.FIRST ?? "default/vendas-por-regiao";
const chart = process.env.CHART ?? "housing/by-year";
const own = process.env.OWN ?? "default/vendas-console";
const job = process.env.JOB ?? "";
const delivery = process.env.DELIVERY ?? "";
const views = [
  ["endpoints", "/console/endpoints", wait("table.list")],
  ["endpoints-none", "/console/endpoints?q=zzz", wait(".empty")],
  ["endpoint", `/console/endpoints/${first}`, wait(".param")],
  ["endpoint-ran", `/console/endpoints/${chart}`, ran("table")],
  ["endpoint-chart", `/console/endpoints/${chart}`, ran("chart")],
  ["endpoint-json", `/console/endpoints/${first}`, ran("json")],
  ["revisions", `/console/endpoints/${own}/revisions`, wait(".cm-mergeView")],
  ["activity", `/console/endpoints/${own}/activity`, wait(".bars")],
  ["editor-new", "/console/endpoints/new", wait(".cm-content")],
  [
    "editor",
    `/console/endpoints/${own}/edit`,
    async (page) => {
      await page.waitForSelector(".cm-content");
      await page.locator(".side-body .button.primary").first().click();
      await page.waitForSelector(".result");
    },
  ],
  ["jobs", "/console/jobs", wait("table.list")],
  ...(job ? [["job", `/console/jobs/${job}`, wait(".facts")]] : []),
  ["deliveries", "/console/deliveries", wait("table.list, .empty")],
  ...(delivery ? [["delivery", `/console/deliveries/${delivery}`, wait(".timeline")]] : []),
  ["users", "/console/users", wait("table.list")],
  [
    "user-new",
    "/console/users",
    async (page) => {
      await press(/New user|Novo usuário/)(page);
      await page.waitForSelector("dialog .check");
    },
  ],
  ["user", "/console/users/housing-reader", wait(".facts")],
  ["keys", "/console/keys", wait("table.list")],
  [
    "key-revoke",
    "/console/keys",
    async (page) => {
      await page.locator("table.list .menu button").first().click();
      await page.locator(".menu-list .danger").click();
      await page.waitForSelector("dialog");
    },
  ],
  ["usage", "/console/usage", wait("table.list, .empty")],
  ["status", "/console/status", wait(".figures")],
  ["notfound", "/console/nothing", wait(".empty")],
  ["docs", "/docs/", wait(".tiles, .empty")],
  ["docs-endpoint", `/docs/endpoints/${chart}`, ran("chart")],
];

mkdirSync(into, { recursive: true });
const browser = await launch(executablePath);
let findings = 0;
const find = (text) => {
  findings++;
  console.error(text);
};
for (const colorScheme of ["light", "dark"].filter((name) => wanted("THEMES", name))) {
  const context = await browser.newContext({ colorScheme, locale: scheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    if (message.type() === "error" && !/401/.test(message.text())) console.error(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => console.error(`page: ${error}`));
  const look = async (name) => {
    for (const [size, [width, height]] of Object.entries(sizes).filter(([one]) => wanted("SIZES", one))) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(150);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) find(`${name}, ${size}: ${over} pixels too wide`);
      await page.screenshot({ path: `${into}/${name}-${size}-${colorScheme}.png` });
      if (size === "laptop" || size === "phone") {
        const { found } = await axe(page);
        for (const one of found)
          find(`${name}, ${size}, ${colorScheme}: axe-core: ${one.id} (${one.impact}): ${one.nodes.join("\n    ")}`);
      }
    }
  };
  await page.goto(`${origin}/console/`);
  await page.waitForSelector("input[name=company]");
  if (only.test("sign-in")) await look("sign-in");
  await page.fill("input[name=company]", company);
  await page.fill("input[name=key]", key);
  await page.fill("input[name=secret]", secret);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".nav");
  for (const [name, path, ready] of views.filter(([name]) => only.test(name))) {
    await page.setViewportSize({ width: 1366, height: 860 });
    await page.goto(origin + path);
    try {
      await ready(page);
    } catch (failure) {
      find(`${name}: ${failure.message.split("\n")[0]}`);
    }
    await look(name);
  }
  await context.close();
}
await browser.close();
console.log(`${findings} findings; the pictures are in ${into}`);
process.exitCode = findings > 0 ? 1 : 0;
