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

// snippet returns the program in a language. The call is { origin, base, company, endpoint, values }: where the server is, what
// stands before its paths, the slug of the caller's company, the endpoint as the list of endpoints has it, and parameter_values
// as JSON text.
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

// A job can take longer than an access token is valid. So each program signs in again when it is answered 401, and asks once
// more. JavaScript's numbers would change digits, such as those of 9007199254740993 and 1.10: there, numbers that would not
// stay as they are written are read as text.
const exactJSON = `// Numbers that JavaScript would write otherwise than the server, such as 9007199254740993 or 1.10, are read as text.
const parse = (text) => JSON.parse(text.replace(/"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?/g,
  (part) => (part[0] === '"' || /e/i.test(part) || String(Number(part)) === part ? part : \`"\${part}"\`)));
`;

function curl({ origin, base = "", company, endpoint, ...call }) {
  const field = (name) => `sed -n 's/.*"${name}":"\\([^"]*\\)".*/\\1/p'`;
  const head = `# Set DATA_API_KEY and DATA_API_SECRET before.
set -e
BASE=${shellQuote(origin)}
fail() { printf '%s\\n' "$1" >&2; exit 1; }
sign_in() {
  ANSWER=$(curl -sS --fail-with-body "$BASE${base}/api/v1/auth/api-key" \\
    -H 'Content-Type: application/json' \\
    -d '{"company_slug": ${JSON.stringify(company)}, "api_key": "'"$DATA_API_KEY"'", "api_secret": "'"$DATA_API_SECRET"'"}') || fail "$ANSWER"
  TOKEN=$(printf '%s' "$ANSWER" | ${field("access_token")})
}
sign_in
`;
  const execute = `curl -sS --fail-with-body "$BASE${endpoint.links.execute}" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
${waits(endpoint) ? "  -H 'Prefer: wait=60' \\\n" : ""}  -d ${shellQuote(body(call))}`;
  if (!polls(endpoint)) {
    return `${head}${execute}\n`;
  }
  return `${head}poll() { curl -sS --fail-with-body "$BASE$POLL" -H "Authorization: Bearer $TOKEN" -H 'Prefer: wait=30'; }
ANSWER=$(${execute}) || fail "$ANSWER"
case $ANSWER in '{"job_id":'*) POLL=$(printf '%s' "$ANSWER" | ${field("polling_url")}) ;; esac
while [ -n "$POLL" ]; do
  ANSWER=$(poll) || { sign_in; ANSWER=$(poll) || fail "$ANSWER"; } # the token may have expired
  case \${ANSWER%%'"result":'*} in
    *'"status":"processing"'*) ;;
    *'"status":"completed"'*) break ;;
    *) fail "$ANSWER" ;;
  esac
done
printf '%s\\n' "$ANSWER"
`;
}

function pythonCall({ origin, base = "", company, endpoint, ...call }) {
  const poll = polls(endpoint)
    ? `
while "polling_url" in result or result.get("status") == "processing":
    polling_url = result.get("polling_url", "") or polling_url
    result = call(polling_url, Prefer="wait=30")
if "status" in result:  # a job
    if result["status"] != "completed":
        raise SystemExit(f"the job is {result['status']}: {result['error']}")
    result = result["result"]
`
    : "";
  return `import decimal
import json
import os
import urllib.error
import urllib.request

BASE = ${codeQuote(origin)}
headers = {"Content-Type": "application/json"}


def send(path, body=None, **more):
    data = None if body is None else body.encode()
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, {**headers, **more})) as answer:
        return json.load(answer, parse_float=decimal.Decimal)


def sign_in():
    key = {"company_slug": ${JSON.stringify(company)}, "api_key": os.environ["DATA_API_KEY"], "api_secret": os.environ["DATA_API_SECRET"]}
    headers["Authorization"] = "Bearer " + send("${base}/api/v1/auth/api-key", json.dumps(key))["access_token"]


def call(path, body=None, **more):
    try:
        if "Authorization" in headers:
            try:
                return send(path, body, **more)
            except urllib.error.HTTPError as refusal:
                if refusal.code != 401:
                    raise
        sign_in()  # there is no token yet, or it has expired
        return send(path, body, **more)
    except urllib.error.HTTPError as refusal:
        raise SystemExit(f"{refusal}: {refusal.read().decode()}")


body = ${codeQuote(body(call))}
result = call(${codeQuote(endpoint.links.execute)}, body${waits(endpoint) ? ', Prefer="wait=60"' : ""})
${poll}`;
}

function python(call) {
  return `${pythonCall(call)}for row in result["rows"]:
    print(*row.values(), sep="\\t")
`;
}

function pandas(call) {
  return `${pythonCall(call)}import pandas

# As objects, since pandas would make floating-point numbers of whole ones beside an empty cell.
frame = pandas.DataFrame(result["rows"], columns=[column["name"] for column in result["columns"]], dtype=object)
print(frame)
`;
}

function javascript({ origin, base = "", company, endpoint, ...call }) {
  const poll = polls(endpoint)
    ? `for (let path = result.polling_url; path; ) {
  const job = await call(path, undefined, { Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed") throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`
    : "";
  return `// Node.js, as a module: node call.mjs
const BASE = ${codeQuote(origin)};
let token = "";

${exactJSON}
async function send(path, body, headers) {
  const answer = await fetch(BASE + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer " + token, ...headers },
    body,
  });
  return { status: answer.status, document: parse(await answer.text()) };
}

function checked({ status, document }) {
  if (status >= 400) throw new Error(\`\${document.code}: \${document.detail} \${JSON.stringify(document.errors ?? [])}\`);
  return document;
}

async function call(path, body, headers) {
  const answer = token && await send(path, body, headers);
  if (answer && answer.status !== 401) return checked(answer);
  // There is no token yet, or it has expired.
  const key = { company_slug: ${JSON.stringify(company)}, api_key: process.env.DATA_API_KEY, api_secret: process.env.DATA_API_SECRET };
  token = checked(await send("${base}/api/v1/auth/api-key", JSON.stringify(key))).access_token;
  return checked(await send(path, body, headers));
}

const body = ${codeQuote(body(call))};
${poll ? "let" : "const"} result = await call(${codeQuote(endpoint.links.execute)}, body${waits(endpoint) ? ', { Prefer: "wait=60" }' : ""});
${poll}for (const row of result.rows) console.log(JSON.stringify(row));
`;
}

function powerquery({ origin, base = "", company, endpoint, ...call }) {
  const prefer = mayBeJob(endpoint) ? ', Prefer = "wait=60"' : "";
  return `// Make two text parameters first: DataApiKey and DataApiSecret. Let Power Query connect anonymously: the token signs in.
${prefer ? "// It waits for the job for up to a minute; what takes longer ends in an error.\n" : ""}let
    Base = ${mQuote(origin)},
    Key = Json.FromValue([company_slug = ${mQuote(company)}, api_key = DataApiKey, api_secret = DataApiSecret]),
    Tokens = Json.Document(Web.Contents(Base, [
        RelativePath = "${base.slice(1)}${base && "/"}api/v1/auth/api-key",
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

function appsscript({ origin, base = "", company, endpoint, ...call }) {
  const name = endpoint.slug.replace(/-+(.)/g, (_, letter) => letter.toUpperCase()).replace(/^[0-9]/, "_$&");
  const poll = polls(endpoint)
    ? `  for (let path = result.polling_url; path; ) {
    const job = call(path, undefined, { Prefer: "wait=30" });
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
  let token = "";
${exactJSON.trimEnd().replace(/^/gm, "  ")}
  const send = (path, payload, headers) => UrlFetchApp.fetch(base + path, {
    method: payload === undefined ? "get" : "post", contentType: "application/json", payload, muteHttpExceptions: true,
    headers: { Authorization: "Bearer " + token, ...headers },
  });
  const read = (answer) => {
    const document = parse(answer.getContentText());
    if (answer.getResponseCode() < 400) return document;
    throw new Error(document.code + ": " + document.detail + " " + JSON.stringify(document.errors || []));
  };
  const call = (path, payload, headers) => {
    const answer = token && send(path, payload, headers);
    if (answer && answer.getResponseCode() !== 401) return read(answer);
    // There is no token yet, or it has expired.
    token = read(send("${base}/api/v1/auth/api-key", JSON.stringify({
      company_slug: ${JSON.stringify(company)},
      api_key: properties.getProperty("DATA_API_KEY"), api_secret: properties.getProperty("DATA_API_SECRET"),
    }))).access_token;
    return read(send(path, payload, headers));
  };
  const body = ${codeQuote(body(call))};
  ${poll ? "let" : "const"} result = call(${codeQuote(endpoint.links.execute)}, body${waits(endpoint) ? ', { Prefer: "wait=60" }' : ""});
${poll}  // A sheet's numbers have 15 digits. What has more, and all text, goes into cells of the format text; the scale of decimals
  // becomes the format of their cells.
  const numeric = new Set(["decimal", "smallint", "integer", "bigint", "real", "double"]);
  const cell = (value, type) => {
    if (value === null) return ["", "General"];
    if (typeof value === "object") return [JSON.stringify(value), "@"];
    if (typeof value !== "string") return [value, "General"];
    const scale = (value.split(".")[1] || "").length;
    const fits = numeric.has(type) && /^-?\\d+(\\.\\d+)?$/.test(value) && value.replace(/^-?0*|\\./g, "").length <= 15;
    return fits ? [Number(value), scale ? "0." + "0".repeat(scale) : "0"] : [value, "@"];
  };
  const table = [
    result.columns.map((column) => [column.name, "@"]),
    ...result.rows.map((row) => result.columns.map((column) => cell(row[column.name], column.type))),
  ];
  SpreadsheetApp.getActiveSheet().getRange(1, 1, table.length, result.columns.length)
    .setNumberFormats(table.map((line) => line.map(([, format]) => format)))
    .setValues(table.map((line) => line.map(([value]) => value)));
}
`;
}
