import type { DescribedColumn } from "../api/types";
import { body, mayBeJob, polls, type Call } from "./common";

/** Text as R writes it. */
const rQuote = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

function conversions(columns: DescribedColumn[] | null): string {
  const of: Record<string, (cell: string) => string> = {
    smallint: (cell) => `as.integer(${cell})`,
    integer: (cell) => `as.integer(${cell})`,
    real: (cell) => `as.numeric(${cell})`,
    double: (cell) => `as.numeric(${cell})`,
    boolean: (cell) => `${cell} == "true"`,
  };
  return (columns ?? [])
    .filter((column) => of[column.type])
    .map((column) => {
      const cell = `rows[[${rQuote(column.name)}]]`;
      return `${cell} <- ${of[column.type]!(cell)}\n`;
    })
    .join("");
}

export function r({ origin, company, endpoint, ...call }: Call): string {
  const csv = rQuote(`${endpoint.links.execute}.csv`);
  const answer = polls(endpoint)
    ? `answer <- call(${csv}, body)
if (resp_status(answer) == 202) { # a job
  path <- resp_body_json(answer)$polling_url
  repeat {
    job <- resp_body_json(call(path, prefer = "wait=30"))
    if (job$status == "completed") break
    if (job$status != "processing") stop("the job is ", job$status, ": ", job$error$code, " ", job$error$detail)
  }
  answer <- call(paste0(path, "/result.csv"))
}
`
    : `answer <- call(${csv}, body${mayBeJob(endpoint) ? ', prefer = "wait=60"' : ""})\n`;
  return `# install.packages(c("httr2", "jsonlite"))
library(httr2)

base <- ${rQuote(origin)}
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
    ${rQuote(company)}, Sys.getenv("DATA_API_KEY"), Sys.getenv("DATA_API_SECRET"))
  token <<- resp_body_json(checked(send("/api/v1/auth/api-key", key)))$access_token
  checked(send(path, body, prefer))
}

body <- ${rQuote(body(call))}
${answer}
# As text, since R's numbers would change digits of decimals and of large whole numbers.
rows <- read.csv(text = resp_body_string(answer), colClasses = "character", na.strings = "", check.names = FALSE)
${conversions(endpoint.columns)}print(rows)
`;
}
