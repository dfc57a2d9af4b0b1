// Completion of what an endpoint file says beside its SQL: keys and their values, and the parameters in the statement.
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";
import { frontMatter } from "./language";

const types = ["string", "integer", "decimal", "boolean", "date", "timestamp", "uuid"];
const columnTypes = [
  "varchar",
  "decimal",
  "smallint",
  "integer",
  "bigint",
  "real",
  "double",
  "boolean",
  "date",
  "time",
  "timestamp",
  "timestamptz",
  "uuid",
  "json",
  "varbinary",
  "interval",
];
const truth = ["true", "false"];

/** The keys of each place, with the values that may follow them. */
const keys: Record<string, Record<string, string[]>> = {
  "": {
    title: [],
    description: [],
    source: [],
    mode: ["sync", "async"],
    on_timeout: ["fail", "continue"],
    active: truth,
    params: [],
    limits: [],
    rate: ["100/1m burst 20"],
    columns: [],
    chart: [],
    deprecated: [],
    sunset: [],
  },
  params: {
    type: [...types, ...types.map((type) => `array<${type}>`)],
    required: truth,
    default: [],
    enum: [],
    minimum: [],
    maximum: [],
    min_length: [],
    max_length: [],
    pattern: [],
    min_items: [],
    max_items: [],
    sensitive: truth,
    title: [],
    description: [],
    example: [],
  },
  columns: {
    type: [...columnTypes, ...columnTypes.map((type) => `array<${type}>`)],
    scale: [],
    nullable: ["false"],
    description: [],
  },
  limits: {
    timeout: ["5s", "30s", "60s"],
    job_timeout: ["30m"],
    max_rows: ["1000", "10000"],
    cache: ["1m", "1h"],
    stale_while_revalidate: ["1h"],
  },
  chart: { type: ["line", "bar", "area", "scatter", "heatmap"], x: [], y: [], series: [] },
};

export interface Known {
  sources: () => string[];
  parameters: () => string[];
  columns: () => string[];
}

const option = (label: string, type: string, apply?: string): Completion => ({
  label,
  type,
  ...(apply ? { apply } : {}),
});

/** The section that a line belongs to: the last key without indentation above it. */
function section(yaml: string): { name: string; line: string; nested: boolean } {
  const lines = yaml.split("\n");
  const line = lines.pop() ?? "";
  if (/^[a-z_]*$/.test(line)) return { name: "", line, nested: false };
  const own = /^([a-z_]+):\s/.exec(line);
  if (own) return { name: own[1]!, line, nested: line.includes("{") };
  for (const above of lines.reverse()) {
    const found = /^([a-z_]+):/.exec(above);
    if (found) return { name: found[1]!, line, nested: true };
  }
  return { name: "", line, nested: false };
}

function inFrontMatter(context: CompletionContext, yaml: string, known: Known): CompletionResult | null {
  const { name, line, nested } = section(yaml);
  const place = nested ? (keys[name] ?? {}) : keys[""]!;
  const value = /([a-z_]+):\s*([\w<>/. ]*)$/.exec(line);
  // Behind a key: its values.
  if (value && !(nested && (name === "params" || name === "columns") && /^\s+[a-z0-9_]+:\s*$/.test(line))) {
    const [, key = "", begun = ""] = value;
    const words =
      key === "source" && !nested
        ? known.sources()
        : name === "chart" && (key === "x" || key === "y" || key === "series")
          ? known.columns()
          : (place[key] ?? []);
    return words.length === 0
      ? null
      : {
          from: context.pos - begun.length,
          options: words.map((word) => option(word, "constant")),
          validFor: /^[\w<>/. ]*$/,
        };
  }
  if (name === "chart" && /\by:\s*\[[^\]]*$/.test(line)) {
    const begun = /\w*$/.exec(line)![0];
    return {
      from: context.pos - begun.length,
      options: known.columns().map((word) => option(word, "property")),
      validFor: /^\w*$/,
    };
  }
  const begun = /[a-z_]*$/.exec(line)![0];
  const before = line.slice(0, line.length - begun.length);
  if (!/^\s*$|[{,]\s*$/.test(before) || (begun === "" && !context.explicit && !/[{,]\s*$/.test(before))) return null;
  // A line below params and columns begins with a name that the author chooses, unless it is a key of one.
  if (nested && (name === "params" || name === "columns") && /^\s{1,3}$/.test(before)) {
    const names = name === "columns" ? known.columns() : [];
    return names.length === 0
      ? null
      : { from: context.pos - begun.length, options: names.map((word) => option(word, "property", `${word}: { `)) };
  }
  return {
    from: context.pos - begun.length,
    options: Object.keys(place).map((key) => option(key, "keyword", `${key}: `)),
    validFor: /^[a-z_]*$/,
  };
}

/** Completes the front matter, and parameters behind @. */
export function endpointCompletion(known: Known): CompletionSource {
  return (context) => {
    const text = context.state.doc.toString();
    const yaml = frontMatter(text);
    if (yaml && context.pos >= yaml.from && context.pos <= yaml.to) {
      return inFrontMatter(context, text.slice(yaml.from, context.pos), known);
    }
    const at = context.matchBefore(/@\w*/);
    if (!at) return null;
    return {
      from: at.from,
      options: known.parameters().map((name) => option(`@${name}`, "variable")),
      validFor: /^@\w*$/,
    };
  };
}
