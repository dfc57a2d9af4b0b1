// A chart of a result, and what it shows: changed where one likes, and taken along as SVG or PNG.
import { useEffect, useMemo, useRef, useState } from "react";
import type { ChartSpec, ChartType } from "../api/types";
import type { Result } from "../lib/exact";
import { useI18n } from "../lib/i18n";
import { useTheme } from "../lib/theme";
import { Empty, Menu, MenuItem, Note } from "../ui/parts";
import { isNumber } from "./cells";
import { draw, limits, points, seriesOf, told } from "./plot";
import { save } from "./download";
import { suggest } from "./suggest";

const types: ChartType[] = ["line", "bar", "area", "scatter", "heatmap"];

export default function Chart({ result, spec: given, name }: { result: Result; spec: ChartSpec | null; name: string }) {
  const { t, language } = useI18n();
  const { shown } = useTheme();
  const start = useMemo(() => given ?? suggest(result.columns, result.rows), [given, result]);
  const [changed, setChanged] = useState<ChartSpec | null>(null);
  const spec = changed ?? start;
  const [width, setWidth] = useState(0);
  const host = useRef<HTMLDivElement>(null);
  const area = useRef<HTMLDivElement>(null);
  const numbers = result.columns.filter(isNumber);

  useEffect(() => {
    const element = area.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const made = useMemo(() => (spec ? points(result, spec) : []), [result, spec]);
  const names = seriesOf(made);
  const column = result.columns.find((one) => one.name === spec?.x);

  useEffect(() => {
    const element = host.current;
    if (!element || !spec || width < 80) return;
    const style = getComputedStyle(document.documentElement);
    const variable = (key: string) => style.getPropertyValue(key).trim();
    const chart = draw(made, spec, column, {
      width,
      height: Math.round(Math.max(260, Math.min(460, width * 0.46))),
      colors: Array.from({ length: 8 }, (_, index) => variable(`--series-${index + 1}`)),
      ink: variable("--ink-2"),
      line: variable("--line"),
      background: variable("--bg-sunken"),
      language,
    });
    element.replaceChildren(chart);
  }, [made, spec, column, width, language, shown]);

  if (!spec) {
    return (
      <Empty icon="chart" title={t("chart.none")}>
        {t("chart.none.text")}
      </Empty>
    );
  }
  const change = (part: Partial<ChartSpec>) => setChanged({ ...spec, ...part });
  const select = (
    label: string,
    value: string,
    choices: { value: string; title: string }[],
    set: (value: string) => void,
  ) => (
    <label className="chart-choice">
      <span>{label}</span>
      <select className="input" value={value} onChange={(event) => set(event.target.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.title}
          </option>
        ))}
      </select>
    </label>
  );
  const named = (columns: { name: string }[]) => columns.map(({ name: value }) => ({ value, title: value }));
  return (
    <div className="chart">
      <div className="chart-bar">
        {select(
          t("chart.type"),
          spec.type,
          types.map((value) => ({ value, title: t(`chart.${value}`) })),
          (type) => change({ type: type as ChartType }),
        )}
        {select(t("chart.x"), spec.x, named(result.columns), (x) => change({ x }))}
        {select(t("chart.y"), spec.y[0] ?? "", named(numbers), (y) =>
          change({ y: [y, ...spec.y.slice(1).filter((one) => one !== y)] }),
        )}
        {select(
          t("chart.series"),
          spec.series ?? "",
          [
            { value: "", title: t("chart.noseries") },
            ...named(result.columns.filter((one) => !spec.y.includes(one.name) && one.name !== spec.x)),
          ],
          (series) => change({ series: series || null }),
        )}
        <Menu label={t("chart.save")} size="small" look="quiet" icon="download">
          <MenuItem onClick={() => save(new Blob([standing(host.current)], { type: "image/svg+xml" }), `${name}.svg`)}>
            SVG
          </MenuItem>
          <MenuItem onClick={() => void png(standing(host.current)).then((blob) => save(blob, `${name}.png`))}>
            PNG
          </MenuItem>
        </Menu>
      </div>
      {made.length >= limits.points ? <Note tone="warn">{t("chart.cut", { count: limits.points })}</Note> : null}
      {names.length > 1 && spec.type !== "heatmap" ? (
        <ul className="legend">
          {names.slice(0, 24).map((one, index) => (
            <li key={one}>
              <span className="dot" style={{ background: `var(--series-${(index % 8) + 1})` }} />
              {told(one) || "—"}
            </li>
          ))}
          {names.length > 24 ? <li className="dim">+{names.length - 24}</li> : null}
        </ul>
      ) : null}
      <div ref={area}>
        <figure className="plot" role="img" aria-label={`${t(`chart.${spec.type}`)}: ${spec.y.join(", ")} / ${spec.x}`}>
          <div ref={host} />
        </figure>
      </div>
    </div>
  );
}

/** The drawing as a document of its own: its colours and its typeface are written into it. */
function standing(host: HTMLDivElement | null): string {
  const svg = host?.querySelector("svg")?.cloneNode(true) as SVGSVGElement | undefined;
  if (!svg) return "";
  const style = getComputedStyle(document.documentElement);
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("font-family", "system-ui, sans-serif");
  svg.removeAttribute("style");
  svg.setAttribute("color", style.getPropertyValue("--ink-2").trim());
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", style.getPropertyValue("--bg").trim());
  svg.prepend(ground);
  return new XMLSerializer().serializeToString(svg);
}

async function png(svg: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  const scale = 2;
  canvas.width = image.naturalWidth * scale;
  canvas.height = image.naturalHeight * scale;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  context.drawImage(image, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no image"))), "image/png"),
  );
}
