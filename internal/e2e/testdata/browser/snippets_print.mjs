// Prints the programs of a call, which is read as JSON, by language.
import { readFileSync } from "node:fs";
import { LANGUAGES, snippet } from "./snippets.mjs";

const call = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(Object.fromEntries(LANGUAGES.map(({ id }) => [id, snippet(id, call)]))));
