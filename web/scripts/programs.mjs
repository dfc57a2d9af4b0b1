// Prints the programs of a call, which is read as JSON, by language.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const vite = await createServer({
  root,
  server: { middlewareMode: true, hmr: false, ws: false },
  logLevel: "error",
  appType: "custom",
});
const { languages, program } = await vite.ssrLoadModule("/src/code/index.ts");
const call = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(Object.fromEntries(languages.map(({ id }) => [id, program(id, call)]))));
await vite.close();
