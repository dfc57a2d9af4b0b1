import { body, codeQuote, polls, waits, type Call } from "./common";

function pythonCall({ origin, company, endpoint, ...call }: Call): string {
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
    headers["Authorization"] = "Bearer " + send("/api/v1/auth/api-key", json.dumps(key))["access_token"]


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

export function python(call: Call): string {
  return `${pythonCall(call)}for row in result["rows"]:
    print(*row.values(), sep="\\t")
`;
}

export function pandas(call: Call): string {
  return `${pythonCall(call)}import pandas

# Whole numbers keep all their digits beside empty cells, and decimals stay Decimal.
dtypes = {"smallint": "Int16", "integer": "Int32", "bigint": "Int64", "boolean": "boolean", "varchar": "string", "uuid": "string"}
frame = pandas.DataFrame(result["rows"], columns=[column["name"] for column in result["columns"]], dtype=object)
for column in result["columns"]:
    name, kind = column["name"], column["type"]
    if kind in dtypes:
        frame[name] = frame[name].astype(dtypes[kind])
    elif kind in ("real", "double"):
        frame[name] = frame[name].map(float, na_action="ignore").astype("Float64")
    elif kind in ("date", "timestamp", "timestamptz") and not frame[name].astype(str).str.contains("infinity").any():
        frame[name] = pandas.to_datetime(frame[name].map(pandas.Timestamp, na_action="ignore"), utc=kind == "timestamptz")
print(frame)
`;
}
