// The JSON of parameter values, made of what was typed: numbers are passed on digit by digit.
import type { Parameters, Schema } from "../api/types";

/** What is in the fields, by the parameter's name. */
export type Typed = Record<string, string>;

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What a field begins with: the example, else the default. */
export function initial(schema: Schema): string {
  const start = schema.examples?.[0] ?? (schema.type === "array" ? undefined : schema.default);
  if (start === undefined || start === null) return "";
  return Array.isArray(start) ? start.map(text).join("\n") : text(start);
}

export function initialValues(parameters: Parameters | null): Typed {
  return Object.fromEntries(
    Object.entries(parameters?.properties ?? {}).map(([name, schema]) => [name, initial(schema)]),
  );
}

function write(schema: Schema, typed: string): string {
  const plain = typed.trim();
  const bare = {
    integer: /^-?\d+$/,
    number: /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/,
    boolean: /^(true|false)$/,
  }[schema.type ?? ""];
  // What is no number stays text: the server says what is wrong with it.
  return bare?.test(plain) ? plain.replace(/^(-?)0+(?=\d)/, "$1") : JSON.stringify(typed);
}

/** parameter_values as JSON text. Empty fields and fixed parameters are left out. */
export function valuesJSON(parameters: Parameters | null, pinned: string[], typed: Typed): string {
  const members: string[] = [];
  for (const [name, schema] of Object.entries(parameters?.properties ?? {})) {
    const value = typed[name] ?? "";
    if (pinned.includes(name) || value.trim() === "") continue;
    const lines = value.split("\n").filter((line) => line.trim() !== "");
    const json =
      schema.type === "array"
        ? `[${lines.map((line) => write(schema.items ?? {}, line.trim())).join(", ")}]`
        : write(schema, value);
    members.push(`${JSON.stringify(name)}: ${json}`);
  }
  return `{${members.join(", ")}}`;
}
