// Drawing: Observable Plot on what the chart names. Doubles are good enough for pixels; what is read out stays exact.
import * as Plot from "@observablehq/plot";
import type { ChartSpec } from "../api/types";
import { plain, type Cell, type Column, type Result } from "../lib/exact";
import { isNumber, isTime } from "./cells";
import { short } from "./figures";

interface Point {
  x: Date | number | string;
  y: number;
  series: string;
  title: string;
}

/** How many points are drawn at most. */
export const limits = { points: 20_000 };

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
        title: `${spec.x}: ${told(plain(row[x]!))}${series >= 0 ? `\n${spec.series}: ${told(group)}` : ""}\n${name}: ${cell.text}`,
      });
      if (made.length >= limits.points) return made;
    }
  }
  return made;
}

/** A text as a chart tells it. Whole it is in the table: a cell may have megabytes. */
export const told = (text: string) => (text.length > 120 ? `${text.slice(0, 119)}…` : text);

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
  // Bars that are thinner than the space between them would not be seen at all.
  const inset = new Set(made.map(({ x }) => String(x))).size * 4 < looks.width ? 1 : 0;
  const marks: Plot.Markish[] = [];
  if (spec.type === "heatmap") {
    marks.push(Plot.cell(made, { x: "x", y: "series", fill: "y", inset: 0.5, title: "title", tip: true }));
  } else {
    marks.push(Plot.gridY({ stroke: looks.line, strokeOpacity: 1 }));
    if (spec.type === "bar") {
      marks.push(
        many
          ? Plot.barY(made, { ...common, fill: paint, insetLeft: inset, insetRight: inset })
          : Plot.barY(made, { ...common, fill: paint, insetLeft: inset, insetRight: inset, rx: 2 * inset }),
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
  const discrete = spec.type === "bar" || spec.type === "heatmap";
  const named = discrete ? made.map(({ x }) => x).filter((x) => typeof x === "number") : [];
  const figure = short(named, looks.language);
  const tick = (value: number, _?: number, ticks: number[] = [value]) => short(ticks, looks.language)(value);
  const date = new Intl.DateTimeFormat(looks.language, { dateStyle: "medium", timeZone: "UTC" });
  const label = (value: unknown) =>
    value instanceof Date
      ? date.format(value)
      : typeof value === "number"
        ? year
          ? String(value)
          : figure(value)
        : brief(String(value));
  const scale = discrete ? "band" : temporal ? "utc" : column && isNumber(column) ? "linear" : "point";
  const along = scale === "band" || scale === "point" ? labelling(made, label, looks.width - 68) : null;
  const chart = Plot.plot({
    width: looks.width,
    height: looks.height,
    marginLeft: spec.type === "heatmap" ? 110 : 52,
    marginBottom: along ? along.height : 32,
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
      type: scale,
      ...(discrete || !temporal ? { tickFormat: scale === "linear" && !year ? tick : label } : {}),
      ...(along ? { ticks: along.ticks, ...(along.slanted ? { tickRotate: -40 } : {}) } : {}),
      tickSize: 0,
      tickPadding: 8,
    },
    y: {
      label: null,
      tickFormat: spec.type === "heatmap" ? brief : tick,
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

/** Which values of an axis are named so that no name lies on another, and how high the names are: words slant, figures are left out. */
function labelling(made: Point[], label: (value: unknown) => string, width: number) {
  const values = [...new Map(made.map(({ x }) => [x instanceof Date ? x.getTime() : x, x])).values()];
  const letter = 6.8;
  const widest = Math.max(1, ...values.map((value) => label(value).length)) * letter;
  const room = width / Math.max(1, values.length);
  const fits = widest + 10 <= room;
  const slanted = !fits && values.every((value) => typeof value === "string");
  const step = fits ? 1 : Math.ceil((slanted ? 18 : widest + 14) / room);
  return {
    slanted,
    ticks: values.filter((_, index) => index % step === 0),
    height: slanted ? Math.min(120, Math.ceil(widest * 0.66) + 26) : 32,
  };
}
