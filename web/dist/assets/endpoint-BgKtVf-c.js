const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["./markdown-0G2KHSe5.js","./jsx-runtime-DyZJNswf.js","./view-BSkvVrY1.js","./run-BKayvCb6.js","./index-DoF9OnI_.js","./base-CjeRvrXS.js","./index-BwyATsvR.css","./format-Uep1BY3N.js","./dialog-BYDbbl-b.js","./revisions-ChPChYDx.js","./useInfiniteQuery-CJRvoVKz.js","./useQuery-BdnrpC85.js","./hooks-B6vXtU2r.js","./more-BEWAVngu.js","./activity-CbzaKIeH.js","./hours-0xVaZ9S2.js"])))=>i.map(i=>d[i]);
import{t as e}from"./useQuery-BdnrpC85.js";import{$ as t,C as n,D as r,I as i,J as a,L as o,M as s,Q as c,S as l,T as u,Y as d,Z as f,_ as p,a as m,b as h,c as g,d as _,dt as v,et as y,f as b,i as x,l as S,o as C,p as w,r as T,s as E,t as D,tt as O,w as k,x as A,y as j}from"./index-DoF9OnI_.js";import{i as ee,n as te,t as M}from"./jsx-runtime-DyZJNswf.js";import{i as N,n as P}from"./base-CjeRvrXS.js";import{n as F}from"./format-Uep1BY3N.js";import{t as I}from"./dialog-BYDbbl-b.js";import{a as L,n as R,o as ne,r as re}from"./run-BKayvCb6.js";import{States as ie}from"./endpoints-BfZUQx49.js";import{t as ae}from"./highlight-B_1Y7VGA.js";import{i as oe,n as se,r as ce}from"./values-CZeihFMQ.js";var z=ee(te(),1),B=e=>`{"parameter_values": ${e.values}}`,V=e=>e.mode===`async`||e.on_timeout===`continue`,H=e=>V(e)&&!!e.links.jobs,U=e=>V(e)&&!e.links.jobs,W=e=>`'${e.replaceAll(`'`,`'\\''`)}'`,G=e=>`'${e.replaceAll(`\\`,`\\\\`).replaceAll(`'`,`\\'`)}'`,K=e=>`"${e.replaceAll(`#(`,`#(#)(`).replaceAll(`"`,`""`)}"`,q=`// Numbers that JavaScript would write otherwise than the server, such as 9007199254740993 or 1.10, are read as text.
const parse = (text) => JSON.parse(text.replace(/"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?/g,
  (part) => (part[0] === '"' || /e/i.test(part) || String(Number(part)) === part ? part : \`"\${part}"\`)));
`;function le({origin:e,company:t,endpoint:n,...r}){let i=n.slug.replace(/-+(.)/g,(e,t)=>t.toUpperCase()).replace(/^[0-9]/,`_$&`),a=H(n)?`  for (let path = result.polling_url; path; ) {
    const job = call(path, undefined, { Prefer: "wait=30" });
    if (job.status === "processing") continue;
    if (job.status !== "completed") throw new Error("the job is " + job.status + ": " + JSON.stringify(job.error));
    result = job.result;
    break;
  }
`:``;return`// Set the script properties DATA_API_KEY and DATA_API_SECRET first: Project settings, Script properties.
function ${i}() {
  const base = ${G(e)};
  const properties = PropertiesService.getScriptProperties();
  let token = "";
${q.trimEnd().replace(/^/gm,`  `)}
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
      company_slug: ${JSON.stringify(t)},
      api_key: properties.getProperty("DATA_API_KEY"), api_secret: properties.getProperty("DATA_API_SECRET"),
    }))).access_token;
    return read(send(path, payload, headers));
  };
  const body = ${G(B(r))};
  ${a?`let`:`const`} result = call(${G(n.links.execute)}, body${U(n)?`, { Prefer: "wait=60" }`:``});
${a}  // A sheet's numbers have 15 digits. What has more, and all text, goes into cells of the format text; the scale of decimals
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
`}function ue({origin:e,company:t,endpoint:n,...r}){let i=e=>`sed -n 's/.*"${e}":"\\([^"]*\\)".*/\\1/p'`,a=`# Set DATA_API_KEY and DATA_API_SECRET before.
set -e
BASE=${W(e)}
fail() { printf '%s\\n' "$1" >&2; exit 1; }
sign_in() {
  ANSWER=$(curl -sS --fail-with-body "$BASE/api/v1/auth/api-key" \\
    -H 'Content-Type: application/json' \\
    -d '{"company_slug": ${JSON.stringify(t)}, "api_key": "'"$DATA_API_KEY"'", "api_secret": "'"$DATA_API_SECRET"'"}') || fail "$ANSWER"
  TOKEN=$(printf '%s' "$ANSWER" | ${i(`access_token`)})
}
sign_in
`,o=`curl -sS --fail-with-body "$BASE${n.links.execute}" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
${U(n)?`  -H 'Prefer: wait=60' \\
`:``}  -d ${W(B(r))}`;return H(n)?`${a}poll() { curl -sS --fail-with-body "$BASE$POLL" -H "Authorization: Bearer $TOKEN" -H 'Prefer: wait=30'; }
ANSWER=$(${o}) || fail "$ANSWER"
case $ANSWER in '{"job_id":'*) POLL=$(printf '%s' "$ANSWER" | ${i(`polling_url`)}) ;; esac
while [ -n "$POLL" ]; do
  ANSWER=$(poll) || { sign_in; ANSWER=$(poll) || fail "$ANSWER"; } # the token may have expired
  case \${ANSWER%%'"result":'*} in
    *'"status":"processing"'*) ;;
    *'"status":"completed"'*) break ;;
    *) fail "$ANSWER" ;;
  esac
done
printf '%s\\n' "$ANSWER"
`:`${a}${o}\n`}function de({origin:e,company:t,endpoint:n,...r}){let i=H(n)?`for (let path = result.polling_url; path; ) {
  const job = await call(path, undefined, { Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed") throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`:``;return`// Node.js, as a module: node call.mjs
const BASE = ${G(e)};
let token = "";

${q}
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
  const key = { company_slug: ${JSON.stringify(t)}, api_key: process.env.DATA_API_KEY, api_secret: process.env.DATA_API_SECRET };
  token = checked(await send("/api/v1/auth/api-key", JSON.stringify(key))).access_token;
  return checked(await send(path, body, headers));
}

const body = ${G(B(r))};
${i?`let`:`const`} result = await call(${G(n.links.execute)}, body${U(n)?`, { Prefer: "wait=60" }`:``});
${i}for (const row of result.rows) console.log(JSON.stringify(row));
`}function fe({origin:e,company:t,endpoint:n,...r}){let i=V(n)?`, Prefer = "wait=60"`:``;return`// Make two text parameters first: DataApiKey and DataApiSecret. Let Power Query connect anonymously: the token signs in.
${i?`// It waits for the job for up to a minute; what takes longer ends in an error.
`:``}let
    Base = ${K(e)},
    Key = Json.FromValue([company_slug = ${K(t)}, api_key = DataApiKey, api_secret = DataApiSecret]),
    Tokens = Json.Document(Web.Contents(Base, [
        RelativePath = "api/v1/auth/api-key",
        Headers = [#"Content-Type" = "application/json"],
        Content = Key
    ])),
    Result = Json.Document(Web.Contents(Base, [
        RelativePath = ${K(n.links.execute.slice(1))},
        Headers = [#"Content-Type" = "application/json", Authorization = "Bearer " & Tokens[access_token]${i}],
        Content = Text.ToBinary(${K(B(r))})
    ])),
    Names = List.Transform(Result[columns], each [name]),
    Rows = Table.FromRecords(Result[rows], Names)
in
    Rows
`}function J({origin:e,company:t,endpoint:n,...r}){let i=H(n)?`
while "polling_url" in result or result.get("status") == "processing":
    polling_url = result.get("polling_url", "") or polling_url
    result = call(polling_url, Prefer="wait=30")
if "status" in result:  # a job
    if result["status"] != "completed":
        raise SystemExit(f"the job is {result['status']}: {result['error']}")
    result = result["result"]
`:``;return`import decimal
import json
import os
import urllib.error
import urllib.request

BASE = ${G(e)}
headers = {"Content-Type": "application/json"}


def send(path, body=None, **more):
    data = None if body is None else body.encode()
    with urllib.request.urlopen(urllib.request.Request(BASE + path, data, {**headers, **more})) as answer:
        return json.load(answer, parse_float=decimal.Decimal)


def sign_in():
    key = {"company_slug": ${JSON.stringify(t)}, "api_key": os.environ["DATA_API_KEY"], "api_secret": os.environ["DATA_API_SECRET"]}
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


body = ${G(B(r))}
result = call(${G(n.links.execute)}, body${U(n)?`, Prefer="wait=60"`:``})
${i}`}function pe(e){return`${J(e)}for row in result["rows"]:
    print(*row.values(), sep="\\t")
`}function me(e){return`${J(e)}import pandas

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
`}var Y=e=>`"${e.replaceAll(`\\`,`\\\\`).replaceAll(`"`,`\\"`)}"`;function he(e){let t={smallint:e=>`as.integer(${e})`,integer:e=>`as.integer(${e})`,real:e=>`as.numeric(${e})`,double:e=>`as.numeric(${e})`,boolean:e=>`${e} == "true"`};return(e??[]).filter(e=>t[e.type]).map(e=>{let n=`rows[[${Y(e.name)}]]`;return`${n} <- ${t[e.type](n)}\n`}).join(``)}function ge({origin:e,company:t,endpoint:n,...r}){let i=Y(`${n.links.execute}.csv`),a=H(n)?`answer <- call(${i}, body)
if (resp_status(answer) == 202) { # a job
  path <- resp_body_json(answer)$polling_url
  repeat {
    job <- resp_body_json(call(path, prefer = "wait=30"))
    if (job$status == "completed") break
    if (job$status != "processing") stop("the job is ", job$status, ": ", job$error$code, " ", job$error$detail)
  }
  answer <- call(paste0(path, "/result.csv"))
}
`:`answer <- call(${i}, body${V(n)?`, prefer = "wait=60"`:``})\n`;return`# install.packages(c("httr2", "jsonlite"))
library(httr2)

base <- ${Y(e)}
token <- ""

send <- function(path, body = NULL, prefer = NULL) {
  ask <- request(paste0(base, path))
  if (token != "") ask <- req_headers(ask, Authorization = paste("Bearer", token))
  if (!is.null(prefer)) ask <- req_headers(ask, Prefer = prefer)
  if (!is.null(body)) ask <- req_body_raw(ask, body, type = "application/json")
  req_perform(req_error(ask, is_error = function(answer) FALSE))
}

checked <- function(answer) {
  if (resp_status(answer) >= 400) stop(resp_body_string(answer))
  answer
}

call <- function(path, body = NULL, prefer = NULL) {
  if (token != "") {
    answer <- send(path, body, prefer)
    if (resp_status(answer) != 401) return(checked(answer))
  }
  # There is no token yet, or it has expired.
  token <<- ""
  key <- sprintf('{"company_slug": "%s", "api_key": "%s", "api_secret": "%s"}',
    ${Y(t)}, Sys.getenv("DATA_API_KEY"), Sys.getenv("DATA_API_SECRET"))
  token <<- resp_body_json(checked(send("/api/v1/auth/api-key", key)))$access_token
  checked(send(path, body, prefer))
}

body <- ${Y(B(r))}
${a}
# As text, since R's numbers would change digits of decimals and of large whole numbers.
rows <- read.csv(text = resp_body_string(answer), colClasses = "character", na.strings = "", check.names = FALSE)
${he(n.columns)}print(rows)
`}function X(e){let t=/^array<(.+)>$/.exec(e);if(t)return`(${X(t[1])} | null)[]`;switch(e){case`smallint`:case`integer`:return`number`;case`bigint`:case`decimal`:case`real`:case`double`:return`number | string`;case`boolean`:return`boolean`;case`json`:return`unknown`;default:return`string`}}var _e=e=>/^[A-Za-z_$][\w$]*$/.test(e)?e:JSON.stringify(e);function ve(e){return e?`interface Row {\n${e.map(e=>`  ${_e(e.name)}: ${X(e.type)}${e.nullable===!1?``:` | null`};`).join(`
`)}\n}\n`:`type Row = Record<string, unknown>;
`}function ye({origin:e,company:t,endpoint:n,...r}){let i=H(n)?`for (let path = result.polling_url; path; ) {
  const job: Answer = await call(path, undefined, { Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed" || !job.result) throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`:``;return`// npx tsx call.mts
${ve(n.columns)}
interface Answer {
  rows?: Row[];
  polling_url?: string;
  status?: string;
  result?: Answer;
  error?: unknown;
  access_token?: string;
  code?: string;
  detail?: string;
  errors?: unknown[];
}

const BASE = ${G(e)};
let token = "";

${q.replace(`const parse = (text) =>`,`const parse = (text: string): Answer =>`).trimEnd()}

async function send(path: string, body?: string, headers: Record<string, string> = {}): Promise<{ status: number; document: Answer }> {
  const answer = await fetch(BASE + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer " + token, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, document: parse(await answer.text()) };
}

function checked({ status, document }: { status: number; document: Answer }): Answer {
  if (status >= 400) throw new Error(\`\${document.code}: \${document.detail} \${JSON.stringify(document.errors ?? [])}\`);
  return document;
}

async function call(path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = token ? await send(path, body, headers) : null;
  if (answer && answer.status !== 401) return checked(answer);
  // There is no token yet, or it has expired.
  const key = { company_slug: ${JSON.stringify(t)}, api_key: process.env["DATA_API_KEY"], api_secret: process.env["DATA_API_SECRET"] };
  token = checked(await send("/api/v1/auth/api-key", JSON.stringify(key))).access_token ?? "";
  return checked(await send(path, body, headers));
}

const body = ${G(B(r))};
${i?`let`:`const`} result: Answer = await call(${G(n.links.execute)}, body${U(n)?`, { Prefer: "wait=60" }`:``});
${i}for (const row of result.rows ?? []) console.log(JSON.stringify(row));
`}var Z=[{id:`curl`,title:`curl`,write:ue},{id:`python`,title:`Python`,write:pe},{id:`pandas`,title:`pandas`,write:me},{id:`typescript`,title:`TypeScript`,write:ye},{id:`javascript`,title:`JavaScript`,write:de},{id:`r`,title:`R`,write:ge},{id:`powerquery`,title:`Power Query`,write:fe},{id:`appsscript`,title:`Apps Script`,write:le}],be=(e,t)=>Z.find(t=>t.id===e).write(t),Q=M();function $({call:e}){let t=l(),[n,r]=(0,z.useState)(()=>{let e=u(`program`);return Z.find(t=>t.id===e)?.id??`curl`}),i=(0,z.useMemo)(()=>be(n,e),[n,e]),a=Z.find(e=>e.id===n).title;return(0,Q.jsxs)(`section`,{className:`card code-card`,"aria-label":t(`code.title`),children:[(0,Q.jsx)(`div`,{className:`code-head`,children:(0,Q.jsx)(p,{label:t(`code.title`),panel:`code-panel`,tabs:Z.map(({id:e,title:t})=>({id:e,title:t})),chosen:n,choose:e=>{r(e),k(`program`,e)}})}),(0,Q.jsxs)(`div`,{role:`tabpanel`,id:`code-panel`,"aria-labelledby":`code-panel-${n}`,className:`code-body`,children:[(0,Q.jsx)(`pre`,{tabIndex:0,"aria-label":a,children:(0,Q.jsx)(`code`,{children:ae(i)})}),(0,Q.jsx)(`div`,{className:`code-copy`,children:(0,Q.jsx)(E,{text:i,label:t(`code.copy`,{language:a})})})]})]})}var xe=(0,z.lazy)(()=>n(()=>import(`./markdown-0G2KHSe5.js`),__vite__mapDeps([0,1]),import.meta.url)),Se=(0,z.lazy)(()=>n(()=>import(`./view-BSkvVrY1.js`).then(e=>({default:e.ResultView})),__vite__mapDeps([2,1,3,4,5,6,7,8]),import.meta.url));function Ce({endpoint:e}){let{t}=A(),n=(0,z.useSyncExternalStore)(f,d),r=n.state===`in`?n.user.company_slug:``,i=T()(`data_api:execute`,`${e.namespace}/${e.slug}`)||!!e.shared_by,a=(0,z.useMemo)(()=>e.pinned??[],[e]),[o,s]=(0,z.useState)(()=>se(e.parameters)),l=ce(e.parameters,a,o),u=(0,z.useMemo)(()=>({origin:N,company:r,endpoint:e,values:l}),[r,e,l]),p=(0,z.useRef)(null),{start:h,stop:_,...v}=Te(e,l,p),y=v.error instanceof c?v.error:null;return(0,Q.jsxs)(`div`,{className:`reference`,children:[(0,Q.jsxs)(`div`,{className:`stack loose`,children:[e.description?(0,Q.jsx)(z.Suspense,{fallback:(0,Q.jsx)(m,{lines:2,columns:1}),children:(0,Q.jsx)(xe,{text:e.description})}):null,(0,Q.jsxs)(`form`,{className:`card`,"aria-label":t(`params`),onSubmit:e=>{e.preventDefault(),h()},onKeyDown:e=>{(e.ctrlKey||e.metaKey)&&e.key===`Enter`&&h()},children:[(0,Q.jsxs)(`div`,{className:`card-head`,children:[(0,Q.jsx)(`h2`,{children:t(`params`)}),(0,Q.jsx)(`p`,{className:`small dim`,children:t(`endpoint.limits`,{seconds:e.limits?.timeout_seconds??0,rows:e.limits?.max_rows??0})})]}),e.parameters?(0,Q.jsx)(oe,{parameters:e.parameters,pinned:a,values:o,change:(e,t)=>s(n=>({...n,[e]:t})),faults:y?.faults??[]}):(0,Q.jsx)(`p`,{className:`card-body dim`,children:t(`params.unknown`)}),(0,Q.jsxs)(`div`,{className:`card-foot row wrap`,children:[(0,Q.jsx)(C,{type:`submit`,look:`primary`,icon:`play`,busy:v.running,disabled:!i,children:t(`run`)}),v.running?(0,Q.jsx)(C,{icon:`stop`,onClick:_,children:t(`stop`)}):(0,Q.jsx)(`span`,{className:`small dim wide-only`,children:t(`run.keys`)}),(0,Q.jsx)(`span`,{className:`small dim`,role:`status`,children:v.running?v.job?t(`job.running`,{rows:v.job.rows??0}):t(`running`):null})]})]}),(0,Q.jsx)(`section`,{"aria-label":t(`answer`),ref:p,className:`answer`,children:v.error?(0,Q.jsx)(S,{error:v.error}):v.ran?(0,Q.jsx)(z.Suspense,{fallback:(0,Q.jsx)(m,{}),children:(0,Q.jsx)(Se,{ran:v.ran,name:e.slug,chart:e.chart,download:t=>we(e,l,v.ran,t),available:v.ran.jobId?R:R.filter(e=>e!==`parquet`)},v.count)}):(0,Q.jsx)(`div`,{className:`card`,children:(0,Q.jsx)(g,{icon:`play`,title:t(`answer.none`),children:t(`answer.none.text`)})})}),(0,Q.jsx)(Ee,{columns:e.columns})]}),(0,Q.jsx)(`div`,{className:`reference-side`,children:(0,Q.jsx)($,{call:u})})]})}async function we(e,n,r,i){let o=r.jobId?await a(`${e.links.jobs}/${r.jobId}/result.${i}`):await a(`${e.links.execute}.${i}`,{method:`POST`,body:`{"parameter_values":${n}}`,headers:{Accept:re[i]}});return o.ok||await t(o),o}function Te(e,t,n){let[r,i]=(0,z.useState)({ran:null,error:null,running:!1,job:null,count:0}),a=(0,z.useRef)(null);(0,z.useEffect)(()=>()=>a.current?.abort(),[]);let o=()=>{a.current?.abort();let r=new AbortController;a.current=r,i(e=>({...e,error:null,running:!0,job:null})),L(e,t,{signal:r.signal,progress:e=>i(t=>({...t,job:e}))}).then(e=>{r.signal.aborted||(i(t=>({ran:e,error:null,running:!1,job:null,count:t.count+1})),requestAnimationFrame(()=>{let e=n.current?.getBoundingClientRect();e&&e.top>innerHeight*.75&&n.current?.scrollIntoView({block:`nearest`})}))},e=>{r.signal.aborted||i(t=>({...t,error:e,running:!1,job:null}))})},s=()=>{a.current?.abort(),i(e=>({...e,running:!1,job:null}))};return{...r,start:o,stop:s}}function Ee({columns:e}){let{t}=A();return(0,Q.jsxs)(`section`,{className:`card`,"aria-label":t(`columns`),children:[(0,Q.jsx)(`div`,{className:`card-head`,children:(0,Q.jsx)(`h2`,{children:t(`columns`)})}),e?(0,Q.jsxs)(`table`,{className:`list stacking`,children:[(0,Q.jsx)(`thead`,{children:(0,Q.jsxs)(`tr`,{children:[(0,Q.jsx)(`th`,{scope:`col`,children:t(`column.name`)}),(0,Q.jsx)(`th`,{scope:`col`,children:t(`column.type`)}),(0,Q.jsx)(`th`,{scope:`col`,children:t(`column.about`)})]})}),(0,Q.jsx)(`tbody`,{children:e.map(e=>(0,Q.jsxs)(`tr`,{children:[(0,Q.jsx)(`td`,{children:(0,Q.jsx)(`code`,{className:`strong break`,children:e.name})}),(0,Q.jsxs)(`td`,{"data-label":t(`column.type`),className:`nowrap`,children:[(0,Q.jsx)(`code`,{className:`small ink2`,children:e.type}),` `,e.nullable===!1?(0,Q.jsx)(x,{children:t(`column.notnull`)}):null]}),(0,Q.jsx)(`td`,{className:`small ink2 break`,children:e.description})]},e.name))})]}):(0,Q.jsx)(`p`,{className:`card-body dim`,children:t(`columns.unknown`)})]})}var De=(0,z.lazy)(()=>n(()=>import(`./revisions-ChPChYDx.js`),__vite__mapDeps([9,10,4,1,5,6,11,7,12,8,13]),import.meta.url)),Oe=(0,z.lazy)(()=>n(()=>import(`./activity-CbzaKIeH.js`),__vite__mapDeps([14,11,4,1,5,6,7,15]),import.meta.url));function ke({namespace:t,slug:n,view:a}){let{t:o}=A(),s=T(),l=P===`console`&&s(`visualization:view`,`${t}/${n}`),u=e({...i(t,n),enabled:l}),d=u.error instanceof c&&(u.error.status===404||u.error.status===403),f=e({...r,enabled:!l||d}),p=f.data?.find(e=>e.namespace===t&&e.slug===n),h=u.data?.endpoint??p;if(h)return(0,Q.jsx)(Ae,{endpoint:h,etag:u.data?.etag??``,view:a});let _=u.error&&!d?u.error:f.error;return(0,Q.jsx)(D,{title:`${t}/${n}`,back:{to:`/endpoints`,title:o(`nav.endpoints`)},children:_?(0,Q.jsx)(S,{error:_,again:()=>void(u.error&&!d?u.refetch():f.refetch())}):f.data?(0,Q.jsx)(g,{icon:`endpoint`,title:o(`endpoint.missing`),action:P===`console`&&s(`visualization:edit`,`${t}/${n}`)?(0,Q.jsx)(y,{className:`button primary`,href:`/endpoints/new?at=${t}/${n}`,children:o(`endpoint.make`)}):null,children:o(`endpoint.missing.text`)}):(0,Q.jsx)(`div`,{className:`card`,children:(0,Q.jsx)(m,{lines:8,columns:2})})})}function Ae({endpoint:e,etag:t,view:n}){let{t:r}=A(),i=`origin`in e?e:null,a=`/endpoints/${e.namespace}/${e.slug}`;return(0,Q.jsxs)(D,{wide:!0,title:e.title||e.slug,...P===`console`?{back:{to:`/endpoints`,title:r(`nav.endpoints`)}}:{},lead:(0,Q.jsxs)(`div`,{className:`stack tight`,children:[(0,Q.jsxs)(`div`,{className:`row wrap path-line`,children:[(0,Q.jsx)(`span`,{className:`verb`,children:`POST`}),(0,Q.jsx)(`code`,{className:`break`,children:e.links.execute}),(0,Q.jsx)(E,{text:e.links.execute,label:r(`endpoint.copy.path`)})]}),(0,Q.jsxs)(`div`,{className:`row wrap`,children:[(0,Q.jsx)(x,{tone:e.mode===`async`?`info`:`accent`,children:r(e.mode===`async`?`mode.async.long`:`mode.sync.long`)}),i?(0,Q.jsx)(x,{title:i.path??void 0,children:i.path?(0,Q.jsxs)(Q.Fragment,{children:[r(`origin.file`),` · `,i.path]}):r(`origin.console`)}):null,e.shared_by?(0,Q.jsx)(x,{children:r(`origin.shared`,{company:e.shared_by})}):null,(0,Q.jsx)(ie,{endpoint:e}),i?.updated_at?(0,Q.jsxs)(`span`,{className:`small dim`,children:[i.author??`—`,`, `,(0,Q.jsx)(F,{at:i.updated_at})]}):null]})]}),actions:i?(0,Q.jsx)(Me,{endpoint:i,etag:t}):null,children:[i?(0,Q.jsx)(je,{endpoint:i}):null,i?(0,Q.jsx)(`nav`,{className:`tabs`,"aria-label":r(`endpoint.views`),children:[`reference`,`revisions`,`activity`].map(e=>(0,Q.jsx)(y,{href:e===`reference`?a:`${a}/${e}`,"aria-current":n===e?`page`:void 0,children:r(`endpoint.${e}`)},e))}):null,(0,Q.jsx)(z.Suspense,{fallback:(0,Q.jsx)(m,{}),children:n===`revisions`&&i?(0,Q.jsx)(De,{endpoint:i,etag:t}):n===`activity`&&i?(0,Q.jsx)(Oe,{endpoint:i}):(0,Q.jsx)(Ce,{endpoint:e})})]})}function je({endpoint:e}){let{t}=A();return(0,Q.jsxs)(Q.Fragment,{children:[e.faults.length>0?(0,Q.jsxs)(w,{tone:`bad`,children:[(0,Q.jsx)(`p`,{className:`strong`,children:t(e.live_revision?`endpoint.faulty.live`:`endpoint.faulty`)}),(0,Q.jsx)(`ul`,{children:e.faults.slice(0,8).map((e,t)=>(0,Q.jsxs)(`li`,{children:[(0,Q.jsxs)(`code`,{children:[e.line,`:`,e.column]}),` `,e.message]},t))})]}):null,e.active?null:(0,Q.jsx)(w,{children:t(`endpoint.inactive`)})]})}function Me({endpoint:e,etag:n}){let{t:r}=A(),c=T(),l=v(),[,u]=O(),[d,f]=(0,z.useState)(null),p=s(e.namespace,e.slug),m=`/endpoints/${e.namespace}/${e.slug}`,g=()=>Promise.all([l.invalidateQueries({queryKey:[`catalog`]}),l.invalidateQueries({queryKey:[`managed`,e.namespace,e.slug]}),l.invalidateQueries({queryKey:[`revisions`,e.namespace,e.slug]})]),x=async t=>{let s=await o(await a(`${p}/${t}`,{method:`POST`,headers:{"If-Match":n}}));l.setQueryData(i(e.namespace,e.slug).queryKey,s),await g(),j(r(t===`activate`?`endpoint.activated`:`endpoint.deactivated`))};return(0,Q.jsxs)(Q.Fragment,{children:[e.may.edit?(0,Q.jsxs)(Q.Fragment,{children:[(0,Q.jsxs)(y,{className:`button`,href:`${m}/edit`,children:[(0,Q.jsx)(h,{name:`edit`}),r(`edit`)]}),e.active?null:(0,Q.jsx)(C,{look:`primary`,onClick:()=>f(`activate`),children:r(`activate`)})]}):(0,Q.jsxs)(`span`,{className:`small dim why`,children:[(0,Q.jsx)(h,{name:`lock`}),` `,e.may.why_not??r(`endpoint.readonly`)]}),(0,Q.jsxs)(_,{label:r(`actions`),icon:`more`,children:[c(`visualization:edit`)?(0,Q.jsx)(b,{icon:`copy`,onClick:()=>u(`/endpoints/new?from=${e.namespace}/${e.slug}`),children:r(`endpoint.copy`)}):null,(0,Q.jsx)(b,{icon:`download`,onClick:()=>ne(new Blob([e.text??``],{type:`application/sql`}),`${e.slug}.sql`),children:r(`endpoint.download`)}),e.may.edit&&e.active?(0,Q.jsx)(b,{icon:`stop`,onClick:()=>f(`deactivate`),children:r(`deactivate`)}):null,e.may.delete?(0,Q.jsx)(b,{icon:`trash`,danger:!0,onClick:()=>f(`delete`),children:r(`delete`)}):null]}),d===`delete`?(0,Q.jsx)(I,{title:r(`endpoint.delete.ask`,{name:e.slug}),action:r(`delete`),close:()=>f(null),run:async()=>{let e=await a(p,{method:`DELETE`,headers:{"If-Match":n}});e.ok||await t(e),j(r(`endpoint.deleted`)),u(`/endpoints`),await g()},type:e.slug,children:(0,Q.jsx)(`p`,{children:r(`endpoint.delete.text`)})}):d?(0,Q.jsx)(I,{title:r(d===`activate`?`endpoint.activate.ask`:`endpoint.deactivate.ask`,{name:e.slug}),action:r(d),danger:d===`deactivate`,close:()=>f(null),run:()=>x(d),children:(0,Q.jsx)(`p`,{children:r(d===`activate`?`endpoint.activate.text`:`endpoint.deactivate.text`)})}):null]})}export{ke as default};