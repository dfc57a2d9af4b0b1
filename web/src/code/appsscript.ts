import { body, codeQuote, exactJSON, polls, waits, type Call } from "./common";

export function appsscript({ origin, company, endpoint, ...call }: Call): string {
  const name = endpoint.slug.replace(/-+(.)/g, (_, letter: string) => letter.toUpperCase()).replace(/^[0-9]/, "_$&");
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
    token = read(send("/api/v1/auth/api-key", JSON.stringify({
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
