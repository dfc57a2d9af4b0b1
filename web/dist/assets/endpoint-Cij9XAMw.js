const __vite__mapDeps=(i,m=__vite__mapDeps,d=(m.f||(m.f=["./markdown-0G2KHSe5.js","./jsx-runtime-DyZJNswf.js","./view-CnuQL5_f.js","./exact-BhjxAUWV.js","./format-BgO6KGMR.js","./parts-DYykPcNi.js","./base-CjeRvrXS.js","./download-CenBUNTn.js","./run-vjFBHMdB.js","./session-BF5UhkwD.js","./index-CzjGZEiw.js","./index-CyfdxGeF.css","./revisions-520SjaIH.js","./useInfiniteQuery-BAUun_i6.js","./useQuery-BvP5pD-u.js","./list-CmbglDc2.js","./activity-Xezw7H4y.js","./hours-BAI_eFoP.js","./loaded-BxFGwi7f.js","./links-TDuYuu5g.js","./values-DPGvx_mp.js","./secret-BS0lDEcN.js"])))=>i.map(i=>d[i]);
import{t as e}from"./useQuery-BvP5pD-u.js";import{B as t,_ as n,a as r,b as i,f as a,r as o,s,t as c,x as l}from"./index-CzjGZEiw.js";import{i as u,n as d,t as f}from"./jsx-runtime-DyZJNswf.js";import{_ as p,f as m,n as h,o as g}from"./session-BF5UhkwD.js";import{i as _,n as v}from"./base-CjeRvrXS.js";import{n as y}from"./format-BgO6KGMR.js";import{C as b,D as x,E as ee,S,T as C,_ as w,a as T,c as E,g as D,i as O,l as k,n as A,o as j,p as te,r as M,t as N,u as P,x as F}from"./parts-DYykPcNi.js";import{t as I}from"./download-CenBUNTn.js";import{States as L}from"./endpoints-BQo_htbo.js";import{t as ne}from"./highlight-BIc1uwG5.js";import{i as re,n as ie,r as ae}from"./values-DPGvx_mp.js";import{a as oe,n as R,r as se}from"./run-vjFBHMdB.js";import{r as ce}from"./list-CmbglDc2.js";import{t as le}from"./loaded-BxFGwi7f.js";var z=u(d(),1),B=e=>`{"parameter_values": ${e.values}}`,V=e=>e.mode===`async`||e.on_timeout===`continue`,H=e=>V(e)&&!!e.links.jobs,U=e=>V(e)&&!e.links.jobs,W=e=>`'${e.replaceAll(`'`,`'\\''`)}'`,G=e=>`'${e.replaceAll(`\\`,`\\\\`).replaceAll(`'`,`\\'`)}'`,K=e=>`"${e.replaceAll(`#(`,`#(#)(`).replaceAll(`"`,`""`)}"`,q=`// Numbers that JavaScript would write otherwise than the server, such as 9007199254740993 or 1.10, are read as text.
const parse = (text) => JSON.parse(text.replace(/"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?/g,
  (part) => (part[0] === '"' || /e/i.test(part) || String(Number(part)) === part ? part : \`"\${part}"\`)));
`;function ue({origin:e,company:t,endpoint:n,...r}){let i=n.slug.replace(/-+(.)/g,(e,t)=>t.toUpperCase()).replace(/^[0-9]/,`_$&`),a=H(n)?`  for (let path = result.polling_url; path; ) {
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
`}function de({origin:e,company:t,endpoint:n,...r}){let i=e=>`sed -n 's/.*"${e}":"\\([^"]*\\)".*/\\1/p'`,a=`# Set DATA_API_KEY and DATA_API_SECRET before.
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
`:`${a}${o}\n`}function fe({origin:e,company:t,endpoint:n,...r}){let i=H(n)?`for (let path = result.polling_url; path; ) {
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
`}function pe({origin:e,company:t,endpoint:n,...r}){let i=V(n)?`, Prefer = "wait=60"`:``;return`// Make two text parameters first: DataApiKey and DataApiSecret. Let Power Query connect anonymously: the token signs in.
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
${i}`}function me(e){return`${J(e)}for row in result["rows"]:
    print(*row.values(), sep="\\t")
`}function he(e){return`${J(e)}import pandas

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
`}var Y=e=>`"${e.replaceAll(`\\`,`\\\\`).replaceAll(`"`,`\\"`)}"`;function ge(e){let t={smallint:e=>`as.integer(${e})`,integer:e=>`as.integer(${e})`,real:e=>`as.numeric(${e})`,double:e=>`as.numeric(${e})`,boolean:e=>`${e} == "true"`};return(e??[]).filter(e=>t[e.type]).map(e=>{let n=`rows[[${Y(e.name)}]]`;return`${n} <- ${t[e.type](n)}\n`}).join(``)}function _e({origin:e,company:t,endpoint:n,...r}){let i=Y(`${n.links.execute}.csv`),a=H(n)?`answer <- call(${i}, body)
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
${ge(n.columns)}print(rows)
`}function X(e){let t=/^array<(.+)>$/.exec(e);if(t)return`(${X(t[1])} | null)[]`;switch(e){case`smallint`:case`integer`:return`number`;case`bigint`:case`decimal`:case`real`:case`double`:return`number | string`;case`boolean`:return`boolean`;case`json`:return`unknown`;default:return`string`}}var ve=e=>/^[A-Za-z_$][\w$]*$/.test(e)?e:JSON.stringify(e);function ye(e){return e?`interface Row {\n${e.map(e=>`  ${ve(e.name)}: ${X(e.type)}${e.nullable===!1?``:` | null`};`).join(`
`)}\n}\n`:`type Row = Record<string, unknown>;
`}function be({origin:e,company:t,endpoint:n,...r}){let i=H(n)?`for (let path = result.polling_url; path; ) {
  const job: Answer = await call(path, undefined, { Prefer: "wait=30" });
  if (job.status === "processing") continue;
  if (job.status !== "completed" || !job.result) throw new Error(\`the job is \${job.status}: \${JSON.stringify(job.error)}\`);
  result = job.result;
  break;
}
`:``;return`// npx tsx call.mts
${ye(n.columns)}
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
`}var Z=[{id:`curl`,title:`curl`,write:de},{id:`python`,title:`Python`,write:me},{id:`pandas`,title:`pandas`,write:he},{id:`typescript`,title:`TypeScript`,write:be},{id:`javascript`,title:`JavaScript`,write:fe},{id:`r`,title:`R`,write:_e},{id:`powerquery`,title:`Power Query`,write:pe},{id:`appsscript`,title:`Apps Script`,write:ue}],xe=(e,t)=>Z.find(t=>t.id===e).write(t),Q=f();function Se({call:e}){let t=S(),[n,r]=(0,z.useState)(()=>{let e=ee(`program`);return Z.find(t=>t.id===e)?.id??`curl`}),i=(0,z.useMemo)(()=>xe(n,e),[n,e]),a=Z.find(e=>e.id===n).title;return(0,Q.jsxs)(`section`,{className:`card code-card`,"aria-label":t(`code.title`),children:[(0,Q.jsx)(`div`,{className:`code-head`,children:(0,Q.jsx)(te,{label:t(`code.title`),panel:`code-panel`,tabs:Z.map(({id:e,title:t})=>({id:e,title:t})),chosen:n,choose:e=>{r(e),C(`program`,e)}})}),(0,Q.jsxs)(`div`,{role:`tabpanel`,id:`code-panel`,"aria-labelledby":`code-panel-${n}`,className:`code-body`,children:[(0,Q.jsx)(`pre`,{tabIndex:0,"aria-label":a,children:(0,Q.jsx)(`code`,{children:ne(i)})}),(0,Q.jsx)(`div`,{className:`code-copy`,children:(0,Q.jsx)(O,{text:i,label:t(`code.copy`,{language:a})})})]})]})}var Ce=(0,z.lazy)(()=>b(()=>import(`./markdown-0G2KHSe5.js`),__vite__mapDeps([0,1]),import.meta.url)),we=(0,z.lazy)(()=>b(()=>import(`./view-CnuQL5_f.js`).then(e=>({default:e.ResultView})),__vite__mapDeps([2,1,3,4,5,6,7,8,9,10,11]),import.meta.url));function Te({endpoint:e}){let{t}=F(),n=s(),i=r()(`data_api:execute`,`${e.namespace}/${e.slug}`)||!!e.shared_by,a=!(`live_revision`in e)||e.live_revision!==null,o=(0,z.useMemo)(()=>e.pinned??[],[e]),[c,l]=(0,z.useState)(()=>ie(e.parameters)),u=ae(e.parameters,o,c),d=(0,z.useMemo)(()=>({origin:_,company:n,endpoint:e,values:u}),[n,e,u]),f=(0,z.useRef)(null),{start:p,stop:m,...h}=De(e,u,f),g=h.error instanceof x?h.error:null;return(0,Q.jsxs)(`div`,{className:`reference`,children:[(0,Q.jsxs)(`div`,{className:`stack loose`,children:[e.description?(0,Q.jsx)(z.Suspense,{fallback:(0,Q.jsx)(A,{lines:2,columns:1}),children:(0,Q.jsx)(Ce,{text:e.description})}):null,(0,Q.jsxs)(`form`,{className:`card`,"aria-label":t(`params`),onSubmit:e=>{e.preventDefault(),p()},onKeyDown:e=>{(e.ctrlKey||e.metaKey)&&e.key===`Enter`&&p()},children:[(0,Q.jsxs)(`div`,{className:`card-head`,children:[(0,Q.jsx)(`h2`,{children:t(`params`)}),(0,Q.jsx)(`p`,{className:`small dim`,children:t(`endpoint.limits`,{seconds:e.limits?.timeout_seconds??0,rows:e.limits?.max_rows??0})})]}),e.parameters?(0,Q.jsx)(re,{parameters:e.parameters,pinned:o,values:c,change:(e,t)=>l(n=>({...n,[e]:t})),faults:g?.faults??[]}):(0,Q.jsx)(`p`,{className:`card-body dim`,children:t(`params.unknown`)}),(0,Q.jsxs)(`div`,{className:`card-foot row wrap`,children:[(0,Q.jsx)(M,{type:`submit`,look:`primary`,icon:`play`,busy:h.running,disabled:!i||!a,children:t(`run`)}),h.running?(0,Q.jsx)(M,{icon:`stop`,onClick:m,children:t(`stop`)}):(0,Q.jsx)(`span`,{className:`small dim wide-only`,children:t(`run.keys`)}),(0,Q.jsx)(`span`,{className:`small dim`,role:`status`,children:h.running?h.job?t(`job.running`,{rows:h.job.rows??0}):t(`running`):null})]})]}),(0,Q.jsx)(`section`,{"aria-label":t(`answer`),ref:f,className:`answer`,children:h.error?(0,Q.jsx)(j,{error:h.error}):h.ran?(0,Q.jsx)(z.Suspense,{fallback:(0,Q.jsx)(A,{}),children:(0,Q.jsx)(we,{ran:h.ran,name:e.slug,chart:e.chart,download:t=>Ee(e,u,h.ran,t),available:h.ran.jobId?R:R.filter(e=>e!==`parquet`)},h.count)}):(0,Q.jsx)(`div`,{className:`card`,children:h.running?(0,Q.jsx)(A,{}):(0,Q.jsx)(T,{icon:`play`,title:t(`answer.none`),children:t(`answer.none.text`)})})}),(0,Q.jsx)($,{columns:e.columns})]}),(0,Q.jsx)(`div`,{className:`reference-side`,children:(0,Q.jsx)(Se,{call:d})})]})}function Ee(e,t,n,r){return n.jobId?g(`${e.links.jobs}/${n.jobId}/result.${r}`):g(`${e.links.execute}.${r}`,{method:`POST`,body:`{"parameter_values":${t}}`,headers:{Accept:se[r]}})}function De(e,t,n){let[r,i]=(0,z.useState)({ran:null,error:null,running:!1,job:null,count:0}),a=(0,z.useRef)(null);(0,z.useEffect)(()=>()=>a.current?.abort(),[]);let o=()=>{a.current?.abort();let r=new AbortController;a.current=r,i(e=>({...e,error:null,running:!0,job:null})),oe(e,t,{signal:r.signal,progress:e=>i(t=>({...t,job:e}))}).then(e=>{r.signal.aborted||(i(t=>({ran:e,error:null,running:!1,job:null,count:t.count+1})),requestAnimationFrame(()=>{let e=n.current?.getBoundingClientRect();e&&e.top>innerHeight*.75&&n.current?.scrollIntoView({block:`nearest`})}))},e=>{r.signal.aborted||i(t=>({...t,error:e,running:!1,job:null}))})},s=()=>{a.current?.abort(),i(e=>({...e,running:!1,job:null}))};return{...r,start:o,stop:s}}function $({columns:e}){let{t}=F();return(0,Q.jsx)(le,{title:t(`columns`),children:e?(0,Q.jsx)(ce,{rows:e,name:e=>e.name,columns:[{title:t(`column.name`),className:`term`,cell:e=>(0,Q.jsx)(`code`,{className:`strong break`,children:e.name})},{title:t(`column.type`),cell:e=>(0,Q.jsxs)(`span`,{className:`row wrap`,children:[e.type?(0,Q.jsx)(`code`,{className:`small ink2`,children:e.type}):(0,Q.jsx)(`span`,{className:`small dim`,children:t(`column.untyped`)}),e.nullable===!1?(0,Q.jsx)(N,{children:t(`column.notnull`)}):null]})},e.some(e=>e.description)&&{title:t(`column.about`),className:`text small ink2 break`,cell:e=>e.description}]}):(0,Q.jsx)(`p`,{className:`card-body dim`,children:t(`columns.unknown`)})})}var Oe=(0,z.lazy)(()=>b(()=>import(`./revisions-520SjaIH.js`),__vite__mapDeps([12,13,10,1,9,5,6,11,14,4,15]),import.meta.url)),ke=(0,z.lazy)(()=>b(()=>import(`./activity-Xezw7H4y.js`),__vite__mapDeps([16,14,10,1,9,5,6,11,4,17,15,18]),import.meta.url)),Ae=(0,z.lazy)(()=>b(()=>import(`./links-TDuYuu5g.js`),__vite__mapDeps([19,13,10,1,9,5,6,11,3,20,21,4,15]),import.meta.url));function je({namespace:t,slug:n,view:s}){let{t:c}=F(),l=r(),u=v===`console`&&l(`visualization:view`,`${t}/${n}`),d=e({...i(t,n),enabled:u}),f=d.error instanceof x&&(d.error.status===404||d.error.status===403),p=e({...a,enabled:!u||f}),h=p.data?.find(e=>e.namespace===t&&e.slug===n),g=d.data?.endpoint??h;if(g)return(0,Q.jsx)(Ne,{endpoint:g,etag:d.data?.etag??``,view:s});let _=d.error&&!f?d.error:p.error;return(0,Q.jsx)(o,{title:`${t}/${n}`,back:{to:`/endpoints`,title:c(`nav.endpoints`)},children:_?(0,Q.jsx)(j,{error:_,again:()=>void(d.error&&!f?d.refetch():p.refetch())}):p.data?(0,Q.jsx)(T,{icon:`endpoint`,title:c(`endpoint.missing`),action:v===`console`&&l(`visualization:edit`,`${t}/${n}`)?(0,Q.jsx)(m,{className:`button primary`,href:`/endpoints/new?at=${t}/${n}`,children:c(`endpoint.make`)}):null,children:c(`endpoint.missing.text`)}):(0,Q.jsx)(`div`,{className:`card`,children:(0,Q.jsx)(A,{lines:8,columns:2})})})}function Me(e){let t=r(),n=`${e.namespace}/${e.slug}`,i=v===`console`&&t(`data_api:create_link`,n)&&t(`data_api:execute`,n);return[`reference`,...`origin`in e?[`revisions`,`activity`]:[],...i?[`links`]:[]]}function Ne({endpoint:e,etag:t,view:n}){let{t:r}=F(),i=`origin`in e?e:null,a=`/endpoints/${e.namespace}/${e.slug}`,s=Me(e),c=s.includes(n)?n:`reference`;return(0,Q.jsxs)(o,{wide:!0,title:e.title||e.slug,...v===`console`?{back:{to:`/endpoints`,title:r(`nav.endpoints`)}}:{},lead:(0,Q.jsxs)(`div`,{className:`stack tight`,children:[(0,Q.jsxs)(`div`,{className:`path-line`,children:[(0,Q.jsxs)(`code`,{className:`break`,children:[(0,Q.jsx)(`span`,{className:`verb`,children:`POST`}),` `,e.links.execute]}),(0,Q.jsx)(O,{text:e.links.execute,label:r(`endpoint.copy.path`)})]}),(0,Q.jsxs)(`div`,{className:`row wrap`,children:[(0,Q.jsx)(N,{tone:e.mode===`async`?`info`:`accent`,children:r(e.mode===`async`?`mode.async.long`:`mode.sync.long`)}),i?(0,Q.jsx)(N,{title:i.path??void 0,children:i.path?(0,Q.jsxs)(Q.Fragment,{children:[r(`origin.file`),` · `,i.path]}):r(`origin.console`)}):null,e.shared_by?(0,Q.jsx)(N,{children:r(`origin.shared`,{company:e.shared_by})}):null,(0,Q.jsx)(L,{endpoint:e}),i?.updated_at?(0,Q.jsxs)(`span`,{className:`small dim`,children:[i.author??`—`,`, `,(0,Q.jsx)(y,{at:i.updated_at})]}):null]}),i&&!i.may.edit?(0,Q.jsxs)(`p`,{className:`small dim why`,children:[(0,Q.jsx)(w,{name:`lock`}),` `,i.path?r(`endpoint.infile`):i.may.why_not??r(`endpoint.readonly`)]}):null]}),actions:i?(0,Q.jsx)(Fe,{endpoint:i,etag:t}):null,children:[i?(0,Q.jsx)(Pe,{endpoint:i}):null,s.length>1?(0,Q.jsx)(`nav`,{className:`tabs`,"aria-label":r(`endpoint.views`),children:s.map(e=>(0,Q.jsx)(m,{href:e===`reference`?a:`${a}/${e}`,"aria-current":c===e?`page`:void 0,children:r(`endpoint.${e}`)},e))}):null,(0,Q.jsx)(z.Suspense,{fallback:(0,Q.jsx)(A,{}),children:c===`revisions`&&i?(0,Q.jsx)(Oe,{endpoint:i,etag:t}):c===`activity`&&i?(0,Q.jsx)(ke,{endpoint:i}):c===`links`?(0,Q.jsx)(Ae,{endpoint:e}):(0,Q.jsx)(Te,{endpoint:e})})]})}function Pe({endpoint:e}){let{t}=F();return(0,Q.jsxs)(Q.Fragment,{children:[e.faults.length>0?(0,Q.jsxs)(P,{tone:`bad`,children:[(0,Q.jsx)(`p`,{className:`strong`,children:t(e.live_revision?`endpoint.faulty.live`:`endpoint.faulty`)}),(0,Q.jsx)(`ul`,{children:e.faults.slice(0,8).map((e,t)=>(0,Q.jsxs)(`li`,{children:[(0,Q.jsxs)(`code`,{children:[e.line,`:`,e.column]}),` `,e.message]},t))})]}):null,e.active?null:(0,Q.jsx)(P,{children:t(`endpoint.inactive`)})]})}function Fe({endpoint:e,etag:a}){let{t:o}=F(),s=r(),u=t(),[,d]=p(),[f,_]=(0,z.useState)(null),v=n(e.namespace,e.slug),y=`/endpoints/${e.namespace}/${e.slug}`,b=()=>Promise.all([u.invalidateQueries({queryKey:[`catalog`]}),u.invalidateQueries({queryKey:[`managed`,e.namespace,e.slug]}),u.invalidateQueries({queryKey:[`revisions`,e.namespace,e.slug]})]),x=async t=>{let n=await l(await h(`${v}/${t}`,{method:`POST`,headers:{"If-Match":a}}));u.setQueryData(i(e.namespace,e.slug).queryKey,n),await b(),D(o(t===`activate`?`endpoint.activated`:`endpoint.deactivated`))};return(0,Q.jsxs)(Q.Fragment,{children:[e.may.edit?(0,Q.jsxs)(Q.Fragment,{children:[(0,Q.jsxs)(m,{className:`button`,href:`${y}/edit`,children:[(0,Q.jsx)(w,{name:`edit`}),o(`edit`)]}),e.active?null:(0,Q.jsx)(M,{look:`primary`,onClick:()=>_(`activate`),children:o(`activate`)})]}):null,(0,Q.jsxs)(E,{label:o(`actions`),icon:`more`,children:[s(`visualization:edit`)?(0,Q.jsx)(k,{icon:`copy`,onClick:()=>d(`/endpoints/new?from=${e.namespace}/${e.slug}`),children:o(`endpoint.copy`)}):null,(0,Q.jsx)(k,{icon:`download`,onClick:()=>I(new Blob([e.text??``],{type:`application/sql`}),`${e.slug}.sql`),children:o(`endpoint.download`)}),e.may.edit&&e.active?(0,Q.jsx)(k,{icon:`stop`,onClick:()=>_(`deactivate`),children:o(`deactivate`)}):null,e.may.delete?(0,Q.jsx)(k,{icon:`trash`,danger:!0,onClick:()=>_(`delete`),children:o(`delete`)}):null]}),f===`delete`?(0,Q.jsx)(c,{title:o(`endpoint.delete.ask`,{name:e.slug}),action:o(`delete`),close:()=>_(null),run:async()=>{await g(v,{method:`DELETE`,headers:{"If-Match":a}}),D(o(`endpoint.deleted`)),d(`/endpoints`),await b()},type:e.slug,children:(0,Q.jsx)(`p`,{children:o(`endpoint.delete.text`)})}):f?(0,Q.jsx)(c,{title:o(f===`activate`?`endpoint.activate.ask`:`endpoint.deactivate.ask`,{name:e.slug}),action:o(f),danger:f===`deactivate`,close:()=>_(null),run:()=>x(f),children:(0,Q.jsx)(`p`,{children:o(f===`activate`?`endpoint.activate.text`:`endpoint.deactivate.text`)})}):null]})}export{je as default};