// Runs a Power Query program: Microsoft's own parser reads it, and what it uses of the language is evaluated here. What is
// not known is an error.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { fetchSync, printTable } from "./fetchsync.mjs";

const { DefaultSettings, TaskUtils } = createRequire(import.meta.url)("@microsoft/powerquery-parser");
const task = await TaskUtils.tryLexParse(DefaultSettings, readFileSync(process.argv[2], "utf8"));
if (task.resultKind !== "Ok" || task.stage !== "Parse") throw new Error(`no program of Power Query: ${task.error}`);

const library = {
  DataApiKey: process.env.DATA_API_KEY,
  DataApiSecret: process.env.DATA_API_SECRET,
  "Json.FromValue": (value) => ({ binary: JSON.stringify(value) }),
  "Text.ToBinary": (text) => ({ binary: text }),
  "Json.Document": (contents) => JSON.parse(contents.binary),
  "List.Transform": (list, each) => list.map(each),
  "Table.FromRecords": (records, names) => [names, ...records.map((record) => names.map((name) => record[name]))],
  "Web.Contents"(base, options) {
    for (const name of Object.keys(options)) {
      if (!["RelativePath", "Headers", "Content"].includes(name)) throw new Error(`Web.Contents has no option ${name}`);
    }
    const url = `${base}/${options.RelativePath}`;
    const { status, text } = fetchSync(url, { method: options.Content ? "POST" : "GET", headers: options.Headers, payload: options.Content?.binary });
    if (status >= 400) throw new Error(`DataSource.Error: Web.Contents failed with ${status}`);
    return { binary: text };
  },
};

// The escapes of text: a doubled quote, and #(...) with cr, lf, tab, # or hexadecimal digits.
const named = { cr: "\r", lf: "\n", tab: "\t", "#": "#" };
const text = (literal) => literal.slice(1, -1).replaceAll('""', '"').replace(/#\(([^)]*)\)/g, (_, list) =>
  list.split(",").map((item) => named[item] ?? String.fromCodePoint(parseInt(item, 16))).join(""));
const key = (literal) => (literal.startsWith('#"') ? text(literal.slice(1)) : literal);
const nodes = (wrapper) => wrapper.elements.map((element) => element.node ?? element);

const kinds = {
  LetExpression(node, scope) {
    const inner = Object.create(scope);
    for (const pair of nodes(node.variableList)) {
      let value;
      let known = false;
      Object.defineProperty(inner, key(pair.key.literal), {
        get() { if (!known) { value = evaluate(pair.value, inner); known = true; } return value; }, // M is lazy
      });
    }
    return evaluate(node.expression, inner);
  },
  LiteralExpression: (node) => ({ Text: text, Numeric: Number })[node.literalKind](node.literal),
  IdentifierExpression(node, scope) {
    const name = key(node.identifier.literal);
    if (!(name in scope)) throw new Error(`${name} is not known`);
    return scope[name];
  },
  RecordExpression: (node, scope) => Object.fromEntries(nodes(node.content).map((pair) => [key(pair.key.literal), evaluate(pair.value, scope)])),
  ArithmeticExpression(node, scope) {
    if (node.operatorConstant.constantKind !== "&") throw new Error(node.operatorConstant.constantKind);
    return evaluate(node.left, scope) + evaluate(node.right, scope);
  },
  EachExpression: (node, scope) => (it) => evaluate(node.paired, Object.create(scope, { _: { value: it } })),
  FieldSelector: (node, scope) => scope._[key(node.content.literal)],
  RecursivePrimaryExpression(node, scope) {
    return nodes(node.recursiveExpressions).reduce((value, next) => {
      if (next.kind === "InvokeExpression") return value(...nodes(next.content).map((argument) => evaluate(argument, scope)));
      if (next.kind === "FieldSelector") return value[key(next.content.literal)];
      throw new Error(next.kind);
    }, evaluate(node.head, scope));
  },
};

function evaluate(node, scope) {
  if (!kinds[node.kind]) throw new Error(`${node.kind} is not known here`);
  return kinds[node.kind](node, scope);
}

printTable(evaluate(task.ast, library));
