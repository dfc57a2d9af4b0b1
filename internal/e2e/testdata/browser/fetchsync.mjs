// A request that is answered at once, as Apps Script and Power Query have it, by way of curl.
import { execFileSync } from "node:child_process";

// fetchSync returns the status and the text of an answer.
export function fetchSync(url, { method, headers, payload }) {
  const args = ["-sS", "-w", "\\n%{http_code}", "-X", method, url];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  if (payload !== undefined) args.push("--data-binary", "@-");
  const answer = execFileSync("curl", args, { input: payload, encoding: "utf8" });
  const end = answer.lastIndexOf("\n");
  return { status: Number(answer.slice(end + 1)), text: answer.slice(0, end) };
}

export function printTable(rows) {
  for (const row of rows) console.log(JSON.stringify(row));
}
