// Which chart suits the columns of a result.
import type { ChartSpec } from "../api/types";
import type { Cell, Column } from "../lib/exact";
import { isNumber, isTime } from "./cells";

const ordinal = /^(year|ano|month|mes|mês|day|dia|week|semana|quarter|trimestre|hour|hora)$|_(year|ano|month|mes)$/i;

const names = /(^|_)(id|code|codigo|código)$/i;
const bars = 120; // more of them say no more than a line

function distinct(rows: Cell[][], index: number): number {
  return new Set(
    rows.slice(0, 2000).map((row) => (row[index]?.kind === "null" ? "" : (row[index] as { text: string }).text)),
  ).size;
}

/** Chooses a chart by the columns' types: of time a line, of categories bars, of numbers points. A number that names something is the last that is
 * drawn. Null where nothing can be drawn. */
export function suggest(columns: Column[], rows: Cell[][]): ChartSpec | null {
  const numbers = columns.filter(isNumber);
  const ordinals = numbers.filter((column) => ordinal.test(column.name));
  const amounts = numbers.filter((column) => !ordinals.includes(column));
  const values = [
    ...amounts.filter((column) => !names.test(column.name)),
    ...amounts.filter((column) => names.test(column.name)),
  ];
  const time = columns.find(isTime) ?? ordinals[0];
  const words = columns.filter(
    (column) => column.type === "varchar" || column.type === "boolean" || column.type === "uuid",
  );
  const value = values[0];
  if (!value) return null;
  const series = words.find((column) => {
    const count = distinct(rows, columns.indexOf(column));
    return count > 1 && count <= 12;
  });
  if (time) return { type: "line", x: time.name, y: [value.name], series: series?.name ?? null };
  const word = words[0];
  if (word) {
    const many = distinct(rows, columns.indexOf(word)) > bars;
    return { type: many ? "line" : "bar", x: word.name, y: [value.name], series: null };
  }
  const second = values[1];
  if (second) return { type: "scatter", x: value.name, y: [second.name], series: null };
  return null;
}
