import { body, polls, shellQuote, waits, type Call } from "./common";

export function curl({ origin, company, endpoint, ...call }: Call): string {
  const field = (name: string) => `sed -n 's/.*"${name}":"\\([^"]*\\)".*/\\1/p'`;
  const head = `# Set DATA_API_KEY and DATA_API_SECRET before.
set -e
BASE=${shellQuote(origin)}
fail() { printf '%s\\n' "$1" >&2; exit 1; }
sign_in() {
  ANSWER=$(curl -sS --fail-with-body "$BASE/api/v1/auth/api-key" \\
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
