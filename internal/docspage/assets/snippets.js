// Programs that call one endpoint, as text. Each runs as it stands once it is given the key and its secret: from the
// environment, or where it says.

// LANGUAGES are the programs that there are, in the order in which they are shown.
export const LANGUAGES = [
  { id: "curl", title: "curl" },
  { id: "python", title: "Python" },
  { id: "pandas", title: "Python, pandas" },
  { id: "javascript", title: "JavaScript" },
  { id: "powerquery", title: "Power Query M" },
  { id: "appsscript", title: "Google Apps Script" },
];

// snippet returns the program in a language. The call is { origin, company, endpoint, values }: where the server is, the
// slug of the caller's company, the endpoint as the list of endpoints has it, and parameter_values as JSON text.
export function snippet(language, call) {
  return writers[language](call);
}

const writers = { curl, python, pandas, javascript, powerquery, appsscript };

// body is the request's JSON. It stays text, so that each number keeps its digits.
const body = (call) => `{"parameter_values": ${call.values}}`;

// A call may become a job, which has to be polled; a caller who may not poll waits for it instead.
const mayBeJob = (endpoint) => endpoint.mode === "async" || endpoint.on_timeout === "continue";
const polls = (endpoint) => mayBeJob(endpoint) && Boolean(endpoint.links.jobs);
const waits = (endpoint) => mayBeJob(endpoint) && !endpoint.links.jobs;

const shellQuote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const codeQuote = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const mQuote = (text) => `"${text.replaceAll("#(", "#(#)(").replaceAll('"', '""')}"`;

function curl({ origin, company, endpoint, ...call }) {
  const field = (name) => `sed -n 's/.*"${name}":"\\([^"]*\\)".*/\\1/p'`;
  const head = `# Set DATA_API_KEY and DATA_API_SECRET before.
BASE=${shellQuote(origin)}
TOKEN=$(curl -sS --fail-with-body "$BASE/api/v1/auth/api-key" \\
  -H 'Content-Type: application/json' \\
  -d '{"company_slug": ${JSON.stringify(company)}, "api_key": "'"$DATA_API_KEY"'", "api_secret": "'"$DATA_API_SECRET"'"}' |
  ${field("access_token")})
`;
  const execute = `curl -sS --fail-with-body "$BASE${endpoint.links.execute}" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
${waits(endpoint) ? "  -H 'Prefer: wait=60' \\\n" : ""}  -d ${shellQuote(body(call))}`;
  if (!polls(endpoint)) {
    return `${head}${execute}\n`;
  }
  return `${head}ANSWER=$(${execute})
POLL=$(printf '%s' "$ANSWER" | ${field("polling_url")})
while [ -n "$POLL" ]; do
  ANSWER=$(curl -sS --fail-with-body "$BASE$POLL" -H "Authorization: Bearer $TOKEN" -H 'Prefer: wait=30')
  case \${ANSWER%%'"result":'*} in *'"status":"processing"'*) ;; *) break ;; esac
done
printf '%s\\n' "$ANSWER"
`;
}

function pythonCall({ origin, company, endpoint, ...call }) {
  const poll = polls(endpoint)
    ? `
while "polling_url" in result or result.get("status") == "processing":
    polling_url = result.get("polling_url", "") or polling_url
    result = call(polling_url, None, {**bearer, "Prefer": "wait=30"})
if "status" in result:  # a job
    if result["status"] != "completed":
        raise SystemExit(f"the job is {result['status']}: {result['error']}")
    result = result["result"]
`
    : "";
  return `import decimal
import json
import os
import urllib.request

BASE = ${codeQuote(origin)}


def call(path, body, headers={}):
    data = None if body is None else body.encode()
    headers = {"Content-Type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, headers)) as answer:
        return json.load(answer, parse_float=decimal.Decimal)


key = {"company_slug": ${JSON.stringify(company)}, "api_key": os.environ["DATA_API_KEY"], "api_secret": os.environ["DATA_API_SECRET"]}
bearer = {"Authorization": "Bearer " + call("/api/v1/auth/api-key", json.dumps(key))["access_token"]}
body = ${codeQuote(body(call))}
result = call(${codeQuote(endpoint.links.execute)}, body, ${waits(endpoint) ? '{**bearer, "Prefer": "wait=60"}' : "bearer"})
${poll}`;
}

function python(call) {
  return `${pythonCall(call)}for row in result["rows"]:
    print(*row.values(), sep="\\t")
`;
}

function pandas(call) {
  return `${pythonCall(call)}import pandas

frame = pandas.DataFrame(result["rows"], columns=[column["name"] for column in result["columns"]])
print(frame)
`;
}

function javascript({ origin, company, endpoint, ...call }) {
  const poll = polls(endpoint)
    ? `for (let path = result.polling_url; path; ) {
  const job = await call(path, undefined, { ...bearer, Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed") throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`
    : "";
  return `// Node.js, as a module: node call.mjs
const BASE = ${codeQuote(origin)};

async function call(path, body, headers = {}) {
  const answer = await fetch(BASE + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body,
  });
  const document = await answer.json();
  if (!answer.ok) throw new Error(\`\${document.code}: \${document.detail}\`);
  return document;
}

const key = { company_slug: ${JSON.stringify(company)}, api_key: process.env.DATA_API_KEY, api_secret: process.env.DATA_API_SECRET };
const bearer = { Authorization: "Bearer " + (await call("/api/v1/auth/api-key", JSON.stringify(key))).access_token };
const body = ${codeQuote(body(call))};
${poll ? "let" : "const"} result = await call(${codeQuote(endpoint.links.execute)}, body, ${waits(endpoint) ? '{ ...bearer, Prefer: "wait=60" }' : "bearer"});
${poll}console.table(result.rows);
`;
}

function powerquery({ origin, company, endpoint, ...call }) {
  const prefer = mayBeJob(endpoint) ? ', Prefer = "wait=60"' : "";
  return `// Make two text parameters first: DataApiKey and DataApiSecret. Let Power Query connect anonymously: the token signs in.
${prefer ? "// It waits for the job for up to a minute; what takes longer ends in an error.\n" : ""}let
    Base = ${mQuote(origin)},
    Key = Json.FromValue([company_slug = ${mQuote(company)}, api_key = DataApiKey, api_secret = DataApiSecret]),
    Tokens = Json.Document(Web.Contents(Base, [
        RelativePath = "api/v1/auth/api-key",
        Headers = [#"Content-Type" = "application/json"],
        Content = Key
    ])),
    Result = Json.Document(Web.Contents(Base, [
        RelativePath = ${mQuote(endpoint.links.execute.slice(1))},
        Headers = [#"Content-Type" = "application/json", Authorization = "Bearer " & Tokens[access_token]${prefer}],
        Content = Text.ToBinary(${mQuote(body(call))})
    ])),
    Names = List.Transform(Result[columns], each [name]),
    Rows = Table.FromRecords(Result[rows], Names)
in
    Rows
`;
}

function appsscript({ origin, company, endpoint, ...call }) {
  const name = endpoint.slug.replace(/-+(.)/g, (_, letter) => letter.toUpperCase()).replace(/^[0-9]/, "_$&");
  const poll = polls(endpoint)
    ? `  for (let path = result.polling_url; path; ) {
    const job = send(path, undefined, { ...bearer, Prefer: "wait=30" });
    if (job.status === "processing") continue;
    if (job.status !== "completed") throw new Error("the job is " + job.status + ": " + JSON.stringify(job.error));
    result = job.result;
    break;
  }
`
    : "";
  return `// Set the script properties DATA_API_KEY and DATA_API_SECRET first: Project settings, Script properties.
function ${name}() {
  const base = ${codeQuote(origin)};
  const properties = PropertiesService.getScriptProperties();
  const send = (path, payload, headers = {}) => JSON.parse(UrlFetchApp.fetch(base + path, {
    method: payload === undefined ? "get" : "post", contentType: "application/json", headers, payload,
  }).getContentText());
  const key = {
    company_slug: ${JSON.stringify(company)},
    api_key: properties.getProperty("DATA_API_KEY"), api_secret: properties.getProperty("DATA_API_SECRET"),
  };
  const bearer = { Authorization: "Bearer " + send("/api/v1/auth/api-key", JSON.stringify(key)).access_token };
  const body = ${codeQuote(body(call))};
  ${poll ? "let" : "const"} result = send(${codeQuote(endpoint.links.execute)}, body, ${waits(endpoint) ? '{ ...bearer, Prefer: "wait=60" }' : "bearer"});
${poll}  const names = result.columns.map((column) => column.name);
  const table = [names, ...result.rows.map((row) => names.map((name) => row[name]))];
  SpreadsheetApp.getActiveSheet().getRange(1, 1, table.length, names.length).setValues(table);
}
`;
}
