// A request that is answered at once, as Apps Script and Power Query have it, by way of curl.
import { execFileSync } from "node:child_process";

export function fetchSync(url, { method, headers, payload }) {
  const args = ["-sS", "--fail-with-body", "-X", method, url];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  if (payload !== undefined) args.push("--data-binary", "@-");
  return execFileSync("curl", args, { input: payload, encoding: "utf8" });
}

export function printTable(rows) {
  for (const row of rows) console.log(JSON.stringify(row));
}
