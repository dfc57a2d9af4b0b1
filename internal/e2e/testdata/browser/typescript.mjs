// Checks a program's types, strictly, and runs it.
import { readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const [file] = process.argv.slice(2);
const options = {
  strict: true, noEmit: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: ["node"], lib: ["lib.es2022.d.ts"],
};
const program = ts.createProgram([file], options);
const faults = ts.getPreEmitDiagnostics(program);
if (faults.length > 0) {
  console.error(ts.formatDiagnostics(faults, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => ".", getNewLine: () => "\n" }));
  process.exit(1);
}
const made = file.replace(/\.mts$/, "-made.mjs");
writeFileSync(made, ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions: { ...options, noEmit: false } }).outputText);
await import(`${process.cwd()}/${made}`);
