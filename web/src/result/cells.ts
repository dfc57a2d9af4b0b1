// Cells: how they are ordered, and which columns are numbers or times.
import { plain, type Cell, type Column } from "../lib/exact";
import { compareNumbers } from "../lib/decimal";

const numbers = new Set(["decimal", "smallint", "integer", "bigint", "real", "double"]);
const times = new Set(["date", "timestamp", "timestamptz"]);

export const isNumber = (column: Column) => numbers.has(column.type);
export const isTime = (column: Column) => times.has(column.type);

/** Orders two cells of a column: null comes last, numbers by their digits, text as the language's readers expect it. */
export function compareCells(a: Cell, b: Cell, type: string, collator: Intl.Collator): number {
  if (a.kind === "null" || b.kind === "null") return (a.kind === "null" ? 1 : 0) - (b.kind === "null" ? 1 : 0);
  if (numbers.has(type) || (a.kind === "number" && b.kind === "number")) return compareNumbers(a.text, b.text);
  if (type === "varchar") return collator.compare(a.text, b.text);
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

/** Rows as a spreadsheet takes them from the clipboard. */
export function asTSV(columns: Column[], rows: Cell[][]): string {
  const field = (text: string) => (/["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return [columns.map((column) => field(column.name)), ...rows.map((row) => row.map((cell) => field(plain(cell))))]
    .map((line) => line.join("\t"))
    .join("\n");
}
