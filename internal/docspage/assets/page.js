// The page: sign in, choose an endpoint, fill in its parameters, run it, see the rows, and take the call into a program.
import { BASE, Digits, Problem, bearer, endpoints, openAPI, run, signIn, signOut } from "./client.js";
import * as form from "./form.js";
import { LANGUAGES, snippet } from "./snippets.js";

const at = (id) => document.getElementById(id);
const shownRows = 500;
const numeric = new Set(["decimal", "smallint", "integer", "bigint", "real", "double"]);

let company = "";
let list = [];
let chosen = null;
let language = LANGUAGES[0].id;
let runs = 0; // tells a run whose endpoint is not shown any more

at("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? at("sign-in").querySelector("button");
  button.disabled = true;
  at("sign-in-error").textContent = "";
  try {
    const user = await signIn(at("company").value.trim(), at("key").value.trim(), at("secret").value);
    at("secret").value = "";
    company = user.company_slug;
    at("who-name").textContent = `${user.display_name} at ${user.company_slug}`;
    list = await endpoints();
    at("signed-out").hidden = true;
    at("signed-in").hidden = at("who").hidden = false;
    showList();
    at("nothing").hidden = list.length > 0;
    if (list.length > 0) choose(list[0]);
  } catch (failure) {
    at("sign-in-error").textContent = failure.message;
  } finally {
    button.disabled = false;
  }
});

at("sign-out").addEventListener("click", async () => {
  await signOut().catch(() => {});
  location.reload(); // nothing of what was shown stays
});

at("filter").addEventListener("input", showList);

function showList() {
  const wanted = at("filter").value.trim().toLowerCase();
  const found = list.filter((e) => `${e.namespace}/${e.slug} ${e.title}`.toLowerCase().includes(wanted));
  at("endpoints").replaceChildren(...found.map((endpoint) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const path = document.createElement("small");
    path.textContent = `${endpoint.namespace}/${endpoint.slug}`;
    button.append(endpoint.title || endpoint.slug, path);
    button.setAttribute("aria-current", String(endpoint === chosen));
    button.addEventListener("click", () => choose(endpoint));
    item.append(button);
    return item;
  }));
}

function choose(endpoint) {
  chosen = endpoint;
  runs++;
  showList();
  at("endpoint").hidden = false;
  at("reference").hidden = true;
  at("endpoint-title").textContent = endpoint.title || endpoint.slug;
  at("endpoint-path").textContent = `POST ${endpoint.links.execute}`;
  at("endpoint-notes").textContent = notes(endpoint);
  at("endpoint-description").textContent = endpoint.description;
  form.show(at("fields"), endpoint);
  at("run").disabled = false;
  at("status").textContent = "Not run yet.";
  at("table").hidden = at("faults").hidden = true;
  showSnippet();
}

function notes(endpoint) {
  const words = [endpoint.mode === "async" ? "Runs as a job." : `Answers within ${endpoint.limits.timeout_seconds} s.`];
  words.push(`At most ${endpoint.limits.max_rows} rows.`);
  if (endpoint.shared_by) words.push(`Shared by ${endpoint.shared_by}.`);
  if (endpoint.deprecated) words.push(`Deprecated from ${endpoint.deprecated.slice(0, 10)}.`);
  if (endpoint.sunset) words.push(`Expected to go on ${endpoint.sunset.slice(0, 10)}.`);
  return words.join(" ");
}

at("call").addEventListener("input", showSnippet);

at("call").addEventListener("submit", async (event) => {
  event.preventDefault();
  const mine = ++runs;
  const current = () => mine === runs;
  const began = performance.now();
  at("run").disabled = true;
  at("table").hidden = at("faults").hidden = true;
  at("status").textContent = "Running.";
  try {
    const result = await run(chosen, form.values(at("fields"), chosen), (job) => {
      if (current()) at("status").textContent = `The job is processing${job.progress ? `: ${job.progress.rows} rows so far` : ""}.`;
    });
    if (!current()) return;
    showRows(result);
    const more = result.truncated ? " There are more than the endpoint may give." : "";
    const cut = result.rows.length > shownRows ? ` The first ${shownRows} are shown.` : "";
    at("status").textContent = `${result.row_count} ${result.row_count === 1 ? "row" : "rows"} in ${Math.round(performance.now() - began)} ms.${more}${cut}`;
  } catch (failure) {
    if (current()) showFailure(failure);
  } finally {
    if (current()) at("run").disabled = false;
  }
});

function showFailure(failure) {
  at("status").textContent = failure instanceof Problem && failure.code ? `${failure.code}: ${failure.message}` : failure.message;
  const faults = failure.faults ?? [];
  at("faults").hidden = faults.length === 0;
  at("faults").replaceChildren(...faults.map((fault) => {
    const item = document.createElement("li");
    item.textContent = `${fault.parameter} ${fault.detail}`;
    return item;
  }));
}

function showRows(result) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const column of result.columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.className = numeric.has(column.type) ? "number" : "";
    const type = document.createElement("small");
    type.textContent = column.type;
    cell.append(column.name, type);
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of result.rows.slice(0, shownRows)) {
    const line = body.insertRow();
    for (const column of result.columns) {
      const value = row[column.name];
      const cell = line.insertCell();
      cell.textContent = value === null ? "null" : value instanceof Digits || typeof value !== "object" ? String(value) : JSON.stringify(value);
      cell.className = `${value === null ? "null" : ""} ${numeric.has(column.type) ? "number" : ""}`;
    }
  }
  at("table").replaceChildren(table);
  at("table").hidden = false;
}

// The tabs of languages, as the ARIA pattern has them: one is in the tab order, arrows move between them.
at("languages").replaceChildren(...LANGUAGES.map(({ id, title }) => {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.id = `language-${id}`;
  tab.textContent = title;
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", "snippet-panel");
  tab.addEventListener("click", () => chooseLanguage(id));
  return tab;
}));

at("languages").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = LANGUAGES.findIndex(({ id }) => id === language) + step;
  chooseLanguage(LANGUAGES[(next + LANGUAGES.length) % LANGUAGES.length].id);
  at(`language-${language}`).focus();
});

function chooseLanguage(id) {
  language = id;
  showSnippet();
}

function showSnippet() {
  for (const { id } of LANGUAGES) {
    const tab = at(`language-${id}`);
    tab.setAttribute("aria-selected", String(id === language));
    tab.tabIndex = id === language ? 0 : -1;
  }
  at("snippet-panel").setAttribute("aria-labelledby", `language-${language}`);
  if (chosen) {
    at("snippet").textContent = snippet(language, {
      origin: location.origin, base: BASE, company, endpoint: chosen, values: form.values(at("fields"), chosen),
    });
  }
}

at("copy").addEventListener("click", async () => {
  if (!navigator.clipboard) { // a page that came over plain HTTP has none
    getSelection().selectAllChildren(at("snippet"));
    return;
  }
  await navigator.clipboard.writeText(at("snippet").textContent);
  at("copy").textContent = "Copied";
  setTimeout(() => { at("copy").textContent = "Copy"; }, 2000);
});

at("open-reference").addEventListener("click", async () => {
  chosen = null;
  runs++;
  showList();
  at("endpoint").hidden = true;
  at("reference").hidden = false;
  await loadSwaggerUI();
  window.SwaggerUIBundle({
    spec: JSON.parse(await openAPI()),
    domNode: at("swagger-ui"),
    deepLinking: false,
    persistAuthorization: false,
    validatorUrl: null,
    tryItOutEnabled: true,
    showMutatedRequest: false, // which would show the token
    async requestInterceptor(request) {
      if (new URL(request.url, location.href).origin === location.origin) request.headers.Authorization ??= await bearer();
      return request;
    },
  });
});

at("download").addEventListener("click", async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await openAPI()], { type: "application/json" }));
  link.download = "openapi.json";
  link.click();
  URL.revokeObjectURL(link.href);
});

let swaggerUI = null;

// loadSwaggerUI loads it when it is first wanted: it is most of what this page weighs.
function loadSwaggerUI() {
  swaggerUI ??= new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "swagger-ui.css" }));
    document.head.append(Object.assign(document.createElement("script"), { src: "swagger-ui-bundle.js", onload: resolve, onerror: reject }));
  });
  return swaggerUI;
}
