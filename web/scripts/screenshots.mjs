// Takes a picture of every view, in four sizes and two themes, and lets axe-core look at each.
// Arguments: Chromium's program, the server's address, a directory for the pictures. The standard input is JSON: company, key and secret of
// an administrator, the ids of a job whose callback was taken (good), one whose callback was not (bad), one that has failed (job), and
// in `empty` the credentials of a company that has nothing yet. A regular expression in VIEWS chooses some views; SIZES, THEMES and
// LANGUAGES choose some of those. SIZES may name others too, such as 360x740.
import { mkdirSync, readFileSync } from "node:fs";
import { axe, launch } from "./browser.mjs";

const [executablePath, origin, into = "shots"] = process.argv.slice(2);
const given = JSON.parse(readFileSync(0, "utf8"));
const sizes = { phone: [320, 640], tablet: [768, 1024], laptop: [1280, 800], wide: [2560, 1300] };
const only = new RegExp(process.env.VIEWS ?? ".");
const wanted = (list, name) => !process.env[list] || process.env[list].split(",").includes(name);

const wait = (selector) => async (page) => void (await page.waitForSelector(selector));
const press = (name) => async (page) => void (await page.getByRole("button", { name }).first().click());
/** Does one thing after the other. */
const steps =
  (...all) =>
  async (page) => {
    for (const one of all) await one(page);
  };
/** Runs the endpoint that is shown, and shows its result in a way. */
const ran = (view) => async (page) => {
  await page.locator("form .button.primary").first().click();
  await page.waitForSelector(".result");
  const name = { table: /Table|Tabela/, chart: /Chart|Gráfico/, json: "JSON" }[view];
  await page.getByRole("tab", { name }).click();
  if (view === "chart") await page.waitForSelector(".plot svg");
};
/** Writes into the editor, and waits for what the server says of it. */
const write = (change) => async (page) => {
  await page.waitForSelector(".cm-content");
  const before = await page.locator(".cm-content").first().innerText();
  await page.locator(".cm-content").first().focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete"); // the browser would keep the colours of what is written over, as inline styles
  await page.keyboard.insertText(change(before.replace(/\n\n+/g, "\n")));
  await page.keyboard.press("Escape");
  await page.waitForSelector(".check-state .badge");
};
const tab = (name) => async (page) => void (await page.getByRole("tab", { name }).first().click());

/** Opens the account's menu: on a small screen that of the page before it. */
async function openMenu(page) {
  const drawer = page.locator(".bar > button");
  if ((await drawer.isVisible()) && (await drawer.getAttribute("aria-expanded")) === "false") await drawer.click();
  if (!(await page.locator(".menu-list").isVisible())) await page.locator(".account").click();
  await page.waitForSelector(".menu-list");
}

/** Asks the API, as who is shown in the pictures. */
async function api(method, path, body, headers = {}) {
  const { company, key, secret } = given;
  const token = await fetch(`${origin}/api/v1/auth/api-key`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ company_slug: company, api_key: key, api_secret: secret }),
  }).then((answer) => answer.json());
  const answer = await fetch(origin + path, {
    method,
    headers: { Authorization: `Bearer ${token.access_token}`, "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return answer.status === 204 ? null : answer.json();
}

const own = "default/vendas-console";
const at = (endpoint, view = "") => `/console/endpoints/${endpoint}${view}`;
let running = "";
// Each view: its name, its address, what to do until it is there, when its pictures are taken, and at each size.
const views = [
  ["endpoints", "/console/endpoints", wait("table.list")],
  ["endpoints-filtered", "/console/endpoints?q=zzz", wait(".empty")],
  ["menu", "/console/endpoints", wait("table.list"), undefined, openMenu],
  ["endpoint", at("default/vendas-por-regiao"), wait(".param")],
  ["endpoint-ran", at("housing/by-year"), ran("table")],
  ["endpoint-chart", at("housing/by-year"), ran("chart")],
  [
    "endpoint-lines",
    at("default/vendas-por-regiao"),
    steps(
      wait("input[name=data_inicio]"),
      async (page) => page.fill("input[name=data_inicio]", "2026-01-01"),
      ran("chart"),
    ),
  ],
  ["endpoint-json", at("default/vendas-console"), ran("json")],
  ["endpoint-one-row", at("default/old"), ran("table")],
  ["endpoint-truncated", at("housing/truncated"), ran("chart")],
  ["endpoint-fifty-columns", at("default/wide"), ran("table")],
  ["endpoint-long-texts", at("default/long-texts"), ran("table")],
  [
    "endpoint-cell",
    at("default/long-texts"),
    steps(ran("table"), async (page) => page.locator(".grid-td.json").first().dblclick(), wait("dialog .cell-text")),
  ],
  ["endpoint-many-rows", at("housing/many"), ran("table")],
  ["endpoint-many-points", at("housing/many"), ran("chart")],
  ["endpoint-no-rows", at("default/nothing"), ran("table")],
  [
    "endpoint-failed",
    at("default/refused"),
    steps(
      wait(".param, .params-none"),
      async (page) => page.locator("form .button.primary").first().click(),
      wait(".answer .note.bad"),
    ),
  ],
  [
    "endpoint-refused",
    at("default/vendas-por-regiao"),
    steps(
      wait(".param"),
      async (page) => {
        await page.locator("input[name=data_inicio]").fill("");
        await page.locator("form .button.primary").first().click();
      },
      wait(".answer .note.bad"),
    ),
  ],
  ["endpoint-faulty", at("default/broken"), wait(".note.bad")],
  ["endpoint-missing", at("default/not-there"), wait(".empty")],
  [
    "endpoint-delete",
    at(own),
    steps(
      wait(".page-head .menu"),
      async (page) => page.locator(".page-head .menu button").click(),
      async (page) => page.locator(".menu-list .danger").click(),
      wait("dialog"),
    ),
  ],
  ["revisions", at(own, "/revisions"), wait(".cm-mergeView")],
  ["revisions-file", at("housing/by-year", "/revisions"), wait(".empty")],
  ["activity", at("default/refused", "/activity"), wait(".bars")],
  ["links", at("default/vendas-por-regiao", "/links"), wait("table.list")],
  ["links-none", at("housing/by-year", "/links"), wait(".empty")],
  ["links-closed", at("default/quick", "/links"), wait(".empty")],
  ["link-new", at("default/vendas-por-regiao", "/links"), steps(press(/New link|Novo link/), wait("dialog .param"))],
  [
    "link-made",
    at("default/vendas-por-regiao", "/links"),
    steps(press(/New link|Novo link/), async (page) => {
      await page.locator("dialog input[name=data_inicio]").fill("2026-01-01");
      await page.locator("dialog .param input[type=checkbox]").nth(2).check();
      await page.locator("dialog .button.primary").click();
      await page.waitForSelector("[data-secret]");
    }),
  ],
  [
    "link-revoke",
    at("default/vendas-por-regiao", "/links"),
    steps(async (page) => page.locator("td.actions button").first().click(), wait("dialog")),
  ],
  ["editor-new", at("new"), wait(".cm-content")],
  [
    "editor",
    at(own, "/edit"),
    steps(
      wait(".cm-content"),
      async (page) => page.locator(".side-body .button.primary").first().click(),
      wait(".result"),
    ),
  ],
  ["editor-tables", at(own, "/edit"), steps(wait(".cm-content"), tab(/Tables|Tabelas/), wait(".table-entry"))],
  [
    "editor-faults",
    at(own, "/edit"),
    steps(
      write((text) => text.replace("source: main", "source: main\nmode: sink").replace("name", "nome")),
      tab(/Faults|Falhas|Erros/),
      wait(".faults li"),
    ),
  ],
  [
    "editor-compare",
    at(own, "/edit"),
    steps(
      write((text) => text.replace("SELECT n", "SELECT n, n * 2 AS twice")),
      tab(/Compare|Comparar/),
      wait(".diff .cm-editor"),
    ),
  ],
  [
    "editor-save",
    at(own, "/edit"),
    steps(
      write((text) => text.replace("SELECT n", "SELECT n, n * 2 AS twice")),
      async (page) => page.keyboard.press("Control+s"),
      wait("dialog"),
    ),
  ],
  [
    "editor-merge",
    at(own, "/edit"),
    steps(
      write((text) => text.replace(/title: .*/, "title: My title")),
      async () => {
        const { text } = await api("GET", `/api/v1/data-api/${own}`);
        await api(
          "PUT",
          `/api/v1/data-api/${own}`,
          { text: text.replace(/title: .*/, `title: Their title ${Date.now()}`), message: "from elsewhere" },
          { "If-Match": "*" },
        );
      },
      async (page) => page.keyboard.press("Control+s"),
      wait("dialog"),
      async (page) => page.keyboard.press("Enter"),
      wait(".conflict"),
    ),
  ],
  [
    "job-running",
    "/console/jobs",
    async (page) => {
      running = (await api("POST", "/api/v1/data-api/default/slow/execute", { parameter_values: {} })).job_id;
      await page.goto(`${origin}/console/jobs/${running}`);
      await page.waitForSelector(".facts");
    },
  ],
  [
    "job-cancel",
    "/console/jobs",
    steps(
      async (page) => page.goto(`${origin}/console/jobs/${running}`),
      async (page) =>
        page
          .locator(".page-head")
          .getByRole("button", { name: /Cancel/ })
          .click(),
      wait("dialog"),
    ),
    () => api("DELETE", `/api/v1/jobs/${running}`),
  ],
  ["jobs", "/console/jobs", wait("table.list")],
  ["job", `/console/jobs/${given.good}`, steps(wait(".facts"), wait(".result"))],
  ["job-failed", `/console/jobs/${given.job}`, wait(".facts")],
  ["deliveries", "/console/deliveries", wait("table.list")],
  ["delivery", `/console/deliveries/${given.good}`, wait(".timeline")],
  ["delivery-dead", `/console/deliveries/${given.bad}`, wait(".timeline")],
  ["users", "/console/users", wait("table.list")],
  ["user-new", "/console/users", steps(press(/New user|Novo usuário/), wait("dialog .check"))],
  ["user-file", "/console/users/ana", wait(".facts")],
  ["user", "/console/users/housing-reader", steps(wait(".facts"), wait("table.list"))],
  [
    "user-edit",
    "/console/users/housing-reader",
    steps(
      wait(".page-head .menu"),
      async (page) => page.locator(".page-head .menu button").click(),
      async (page) => page.locator(".menu-list button").first().click(),
      wait("dialog .check"),
    ),
  ],
  ["user-missing", "/console/users/nobody", wait(".note.bad")],
  ["keys", "/console/keys", wait("table.list")],
  ["key-new", "/console/keys", steps(press(/New key|Nova chave/), wait("dialog"))],
  [
    "key-secret",
    "/console/keys",
    steps(press(/New key|Nova chave/), async (page) => {
      await page.locator("dialog option[value=housing-reader]").waitFor({ state: "attached" });
      await page.locator("dialog select").selectOption("housing-reader");
      await page.locator("dialog .button.primary").click();
      await page.waitForSelector("[data-secret]");
    }),
  ],
  [
    "key-revoke",
    "/console/keys",
    steps(
      async (page) => page.locator("table.list .menu button").first().click(),
      async (page) => page.locator(".menu-list .danger").click(),
      wait("dialog"),
    ),
  ],
  ["usage", "/console/usage", wait("table.list")],
  ["status", "/console/status", wait(".figures")],
  ["notfound", "/console/nothing", wait(".empty")],
  ["docs", "/docs/", wait(".tiles")],
  ["docs-endpoint", "/docs/endpoints/default/vendas-por-regiao", wait(".param")],
  ["docs-chart", "/docs/endpoints/housing/by-year", ran("chart")],
  [
    "signed-out",
    "/console/jobs",
    steps(wait("table.list"), async (page) => {
      await page.route("**/api/v1/auth/**", (route) =>
        route.fulfill({ status: 401, contentType: "application/problem+json", body: "{}" }),
      );
      await page.route("**/api/v1/jobs*", (route) =>
        route.fulfill({ status: 401, contentType: "application/problem+json", body: "{}" }),
      );
      await page.waitForSelector("dialog input[name=secret]");
      await page.unrouteAll();
    }),
  ],
];
const empties = [
  ["empty-endpoints", "/console/endpoints", wait(".empty")],
  ["empty-jobs", "/console/jobs", wait(".empty")],
  ["empty-deliveries", "/console/deliveries", wait(".empty")],
  ["empty-usage", "/console/usage", wait(".empty")],
  ["empty-status", "/console/status", wait(".figures")],
  ["empty-editor", "/console/endpoints/new", wait(".cm-content")],
  ["empty-docs", "/docs/", wait(".empty")],
];

mkdirSync(into, { recursive: true });
const browser = await launch(executablePath);
let findings = 0;
const find = (text) => {
  findings++;
  console.log(text);
};

/** Takes the pictures of what is shown. */
async function look(page, name, suffix, which, each) {
  for (const [size, [width, height]] of which) {
    await page.setViewportSize({ width, height });
    await each?.(page);
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.waitForTimeout(120);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) find(`${name}, ${size}: ${over} pixels too wide`);
    await page.screenshot({ path: `${into}/${name}-${size}-${suffix}.png`, fullPage: true });
    const { found } = await axe(page);
    for (const one of found)
      find(`${name}, ${size}, ${suffix}: axe-core: ${one.id} (${one.impact}): ${one.nodes.join("\n    ")}`);
  }
}

/** Signs in as somebody, in a browser of their own, and goes through some views. */
async function tour({ locale, theme, who, list, first, which }) {
  const context = await browser.newContext({ colorScheme: theme, locale, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      find(`${shown}: console: ${message.text().slice(0, 200)}`);
  });
  page.on("pageerror", (error) => find(`${shown}: ${error}`));
  let shown = "";
  const suffix = locale === "en-US" ? theme : `${theme}-${locale}`;
  await page.goto(`${origin}/console/`);
  await page.waitForSelector("input[name=company]");
  const signIn = async ({ company, key, secret }) => {
    await page.fill("input[name=company]", company);
    await page.fill("input[name=key]", key);
    await page.fill("input[name=secret]", secret);
    await page.keyboard.press("Enter");
  };
  if (first && only.test("sign-in")) {
    await look(page, "sign-in", suffix, which);
    await signIn({ ...who, secret: "wrong" });
    await page.waitForSelector("form .note.bad");
    await look(page, "sign-in-refused", suffix, which);
    await page.goto(`${origin}/console/#/sign-in?failed=unknown`);
    await page.reload();
    await page.waitForSelector("form .note.bad");
    await look(page, "sign-in-failed", suffix, which);
  }
  await signIn(who);
  await page.waitForSelector(".nav", { state: "attached" });
  for (const [name, path, ready, after, each] of list.filter(([name]) => only.test(name))) {
    shown = name;
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(origin + path);
    try {
      await ready(page);
      await look(page, name, suffix, which, each);
    } catch (failure) {
      find(`${name}: ${failure.message.split("\n").slice(0, 3).join(" ")}`);
    }
    await after?.();
    await page.evaluate(() =>
      Object.keys(localStorage).forEach((key) => /draft/.test(key) && localStorage.removeItem(key)),
    );
  }
  await context.close();
}

const others = (process.env.SIZES ?? "").split(",").filter((size) => /^\d+x\d+$/.test(size));
const chosen = [
  ...Object.entries(sizes).filter(([size]) => wanted("SIZES", size)),
  ...others.map((size) => [size, size.split("x").map(Number)]),
];
for (const theme of ["light", "dark"].filter((name) => wanted("THEMES", name))) {
  if (!wanted("LANGUAGES", "en-US")) continue;
  await tour({ locale: "en-US", theme, who: given, list: views, first: true, which: chosen });
  await tour({ locale: "en-US", theme, who: given.empty, list: empties, first: false, which: chosen });
}
// The other language is what makes texts longer: two sizes show where they do not fit.
if (wanted("LANGUAGES", "pt-BR")) {
  const which = chosen.filter(([size]) => ["phone", "laptop", ...others].includes(size));
  await tour({ locale: "pt-BR", theme: "light", who: given, list: views, first: true, which });
}
await browser.close();
console.log(`${findings} findings; the pictures are in ${into}`);
process.exitCode = findings > 0 ? 1 : 0;
