// What a user is limited to, as it is typed: of each parameter values with commas between them, or a range.
import { told } from "../api/reading";
import type { ShareContext } from "../api/types";

export interface Limit {
  name: string;
  allowed: string;
  /** JSON as the server has it, until somebody writes something else. */
  kept?: string | undefined;
}

export function fromContext(context: ShareContext): Limit[] {
  return [...context].map(([name, { json, allowed, minimum, maximum }]) => ({
    name,
    kept: json,
    allowed: allowed
      ? allowed.map(typed).join(", ")
      : `${minimum ? typed(minimum) : ""}..${maximum ? typed(maximum) : ""}`,
  }));
}

/** How a value is typed: a text is in quotation marks where it would be read as something else without them. */
function typed(json: string): string {
  const text = told(json);
  if (text === json) return json;
  const quoted = JSON.stringify(text);
  return constraint(text) === `[${quoted}]` ? text : quoted;
}

/** JSON of a value as it was meant: numbers, with every digit, truth values, and what is in quotation marks as they are, all else as text. */
function value(text: string): string {
  return literal.test(text) && sound(text) ? text : JSON.stringify(text);
}

const literal = /^(true|false|-?(0|[1-9]\d*)(\.\d+)?|"([^"\\]|\\.)*")$/;
const range = /^\s*("(?:[^"\\]|\\.)*"|[^\s",]*?)\s*\.\.\s*("(?:[^"\\]|\\.)*"|[^\s",]*)\s*$/;
const values = /\s*("(?:[^"\\]|\\.)*"(?=\s*(?:,|$))|[^,]+)/g;

function sound(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}

const object = (members: (readonly [string, string])[]) =>
  `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;

function constraint(text: string): string {
  const bounds = range.exec(text);
  if (bounds) {
    const named = [["minimum", bounds[1]!] as const, ["maximum", bounds[2]!] as const];
    return object(named.filter(([, bound]) => bound !== "").map(([name, bound]) => [name, value(bound)] as const));
  }
  const list = [...text.matchAll(values)].map((found) => found[1]!.trim());
  return `[${list.filter(Boolean).map(value).join(",")}]`;
}

/** JSON as a company's file has it, a list of values or bounds; what nobody has changed, as it came. The last of a name counts. */
export function contextJSON(limits: Limit[]): string {
  const made = new Map<string, string>();
  for (const { name, allowed, kept } of limits)
    if (name.trim() !== "") made.set(name.trim(), kept ?? constraint(allowed));
  return object([...made]);
}
