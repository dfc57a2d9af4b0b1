// Drawing: Observable Plot on what the chart names. Doubles are good enough for pixels; what is read out stays exact.
import * as Plot from "@observablehq/plot";
import type { ChartSpec } from "../api/types";
import { plain, type Cell, type Column, type Result } from "../lib/exact";
import { isNumber, isTime } from "./cells";

interface Point {
  x: Date | number | string;
  y: number;
  series: string;
  title: string;
}

/** How many points are drawn at most, and how many bars. */
export const limits = { points: 20_000, bars: 120 };

function axisValue(cell: Cell, column: Column): Date | number | string | null {
  if (cell.kind === "null") return null;
  if (isTime(column)) {
    const time = new Date(column.type === "date" ? `${cell.text}T00:00:00Z` : cell.text);
    return Number.isNaN(time.getTime()) ? null : time;
  }
  return isNumber(column) ? Number(cell.text) : plain(cell);
}

/** The points of a chart: one of each row and each of its values. */
export function points(result: Result, spec: ChartSpec): Point[] {
  const index = (name: string) => result.columns.findIndex((column) => column.name === name);
  const x = index(spec.x);
  const series = spec.series ? index(spec.series) : -1;
  const made: Point[] = [];
  for (const row of result.rows) {
    for (const name of spec.y) {
      const y = index(name);
      const cell = row[y];
      const at = row[x] && axisValue(row[x], result.columns[x]!);
      if (!cell || cell.kind === "null" || at === null || at === undefined) continue;
      const value = Number(cell.text);
      if (!Number.isFinite(value)) continue;
      const group = series >= 0 ? plain(row[series] ?? { kind: "null" }) : "";
      const key = [group, spec.y.length > 1 ? name : ""].filter(Boolean).join(" · ");
      made.push({
        x: at,
        y: value,
        series: key,
        title: `${spec.x}: ${plain(row[x]!)}${series >= 0 ? `\n${spec.series}: ${group}` : ""}\n${name}: ${cell.text}`,
      });
      if (made.length >= limits.points) return made;
    }
  }
  return made;
}

export interface Looks {
  width: number;
  height: number;
  colors: string[];
  ink: string;
  line: string;
  background: string;
  language: string;
}

/** The names of the series, in the order of their colours. */
export const seriesOf = (made: Point[]): string[] => [...new Set(made.map((point) => point.series))];

/** Draws the chart. The element belongs to the caller. */
export function draw(made: Point[], spec: ChartSpec, column: Column | undefined, looks: Looks): SVGSVGElement {
  const names = seriesOf(made);
  const many = names.length > 1;
  const paint = many ? "series" : looks.colors[0]!;
  const temporal = column !== undefined && isTime(column);
  const year = column !== undefined && isNumber(column) && made.every((point) => Number.isInteger(point.x));
  const common = { x: "x", y: "y", title: "title", tip: true } as const;
  const marks: Plot.Markish[] = [];
  if (spec.type === "heatmap") {
    marks.push(Plot.cell(made, { x: "x", y: "series", fill: "y", inset: 0.5, title: "title", tip: true }));
  } else {
    marks.push(Plot.gridY({ stroke: looks.line, strokeOpacity: 1 }));
    if (spec.type === "bar") {
      marks.push(
        many
          ? Plot.barY(made, { ...common, fill: paint, insetLeft: 1, insetRight: 1 })
          : Plot.barY(made, { ...common, fill: paint, insetLeft: 1, insetRight: 1, rx: 2 }),
      );
      marks.push(Plot.ruleY([0], { stroke: looks.ink, strokeOpacity: 0.4 }));
    } else if (spec.type === "area") {
      marks.push(Plot.areaY(made, { ...common, fill: paint, fillOpacity: many ? 0.8 : 0.22 }));
      if (!many) marks.push(Plot.lineY(made, { x: "x", y: "y", stroke: paint, strokeWidth: 2 }));
    } else if (spec.type === "scatter") {
      marks.push(Plot.dot(made, { ...common, fill: paint, fillOpacity: 0.75, r: 3.2 }));
    } else {
      marks.push(Plot.lineY(made, { ...common, z: many ? "series" : null, stroke: paint, strokeWidth: 2 }));
    }
  }
  const figures = new Intl.NumberFormat(looks.language, { notation: "compact", maximumFractionDigits: 1 });
  const discrete = spec.type === "bar" || spec.type === "heatmap";
  const count = new Set(made.map((point) => String(point.x instanceof Date ? point.x.getTime() : point.x))).size;
  const date = new Intl.DateTimeFormat(looks.language, { dateStyle: "medium", timeZone: "UTC" });
  const label = (value: unknown) =>
    value instanceof Date
      ? date.format(value)
      : typeof value === "number"
        ? year
          ? String(value)
          : figures.format(value)
        : brief(String(value));
  const crowded = discrete && count * 56 > looks.width;
  const chart = Plot.plot({
    width: looks.width,
    height: looks.height,
    marginLeft: spec.type === "heatmap" ? 110 : 52,
    marginBottom: crowded ? 86 : 36,
    marginTop: 16,
    marginRight: 16,
    style: {
      background: "transparent",
      color: looks.ink,
      fontFamily: "var(--sans)",
      fontSize: "12px",
      overflow: "visible",
    },
    x: {
      label: null,
      type: discrete ? "band" : temporal ? "utc" : column && isNumber(column) ? "linear" : "point",
      ...(discrete || !temporal ? { tickFormat: label } : {}),
      ...(crowded ? { tickRotate: -40 } : {}),
      ...(discrete && count > 40 ? { interval: undefined, ticks: Math.floor(looks.width / 60) } : {}),
      tickSize: 0,
      tickPadding: 8,
    },
    y: {
      label: null,
      tickFormat: spec.type === "heatmap" ? brief : (value: number) => figures.format(value),
      tickSize: 0,
      tickPadding: 8,
      ...(spec.type === "bar" || spec.type === "area" ? { zero: true } : { nice: true }),
    },
    color:
      spec.type === "heatmap"
        ? { type: "linear", range: [looks.background, looks.colors[0]!], interpolate: "rgb" }
        : { domain: names, range: names.map((_, index) => looks.colors[index % looks.colors.length]!) },
    marks,
  }) as SVGSVGElement;
  // Plot brings a style sheet along, which the policy of the page refuses; ours has its rules.
  for (const style of chart.querySelectorAll("style")) style.remove();
  // The figure around it has a name; that of a group would not be read.
  for (const group of chart.querySelectorAll("g")) group.removeAttribute("aria-label");
  return chart;
}

const brief = (text: string) => (text.length > 18 ? `${text.slice(0, 17)}…` : text);
