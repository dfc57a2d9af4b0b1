// Weighs what a browser loads before the first view: all that index.html names, and what its modules import at once. Then dist as a whole.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = { initial: 150 * 1024, whole: 3 * 1024 * 1024 };
const dist = process.argv[2] ?? "dist";
const page = readFileSync(`${dist}/index.html`, "utf8");
const names = new Set([...page.matchAll(/(?:src|href)="__BASE__\/([^"]+)"/g)].map((found) => found[1]));
for (const name of names) {
  if (!name.endsWith(".js")) continue;
  const text = readFileSync(`${dist}/${name}`, "utf8");
  for (const [, one] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) names.add(`assets/${one}`);
}
const weigh = (name) => {
  const bytes = readFileSync(`${dist}/${name}`);
  return name.endsWith(".woff2") ? bytes.length : gzipSync(bytes, { level: 9 }).length;
};
let initial = gzipSync(page).length;
for (const name of names) {
  console.log(`${String(weigh(name)).padStart(8)} ${name}`);
  initial += weigh(name);
}
const whole = readdirSync(dist, { recursive: true })
  .map((name) => statSync(`${dist}/${name}`))
  .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
console.log(`${String(initial).padStart(8)} bytes at first, of ${budget.initial}; ${whole} in all, of ${budget.whole}`);
if (initial > budget.initial || whole > budget.whole) process.exit(1);
