// A result: as a table, as a chart, as JSON; copied and downloaded, and marked where it is not all there.
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import type { ChartSpec } from "../api/types";
import { indent, type Cell } from "../lib/exact";
import { bytes, milliseconds } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { Bones, Button, Copy, Empty, Menu, MenuItem, Note, Tabs } from "../ui/parts";
import { asTSV } from "./cells";
import { useDownload } from "./download";
import { formats, most, type Format, type Ran } from "./run";
import { ResultTable } from "./table";

const Chart = lazy(() => import("./chart"));

type View = "table" | "chart" | "json";

interface Props {
  ran: Ran;
  name: string;
  chart?: ChartSpec | null | undefined;
  view?: View;
  download: (format: Format) => Promise<Response>;
  /** The formats that can be had. */
  available?: readonly Format[];
}

export function ResultView({ ran, name, chart, view: first, download, available = formats }: Props) {
  const { t, language } = useI18n();
  const { result, text } = ran;
  const [view, setView] = useState<View>(first ?? (chart ? "chart" : "table"));
  const [local, setLocal] = useState(false);
  const files = useDownload();
  const shown = useRef<Cell[][]>(result.rows);
  const ordered = useCallback((rows: Cell[][]) => {
    shown.current = rows;
  }, []);

  return (
    <div className="result">
      <div className="result-bar">
        <Tabs
          label={t("result.view")}
          look="segments"
          panel="result-panel"
          chosen={view}
          choose={(id) => setView(id as View)}
          tabs={[
            { id: "table", title: t("result.table") },
            { id: "chart", title: t("result.chart") },
            { id: "json", title: "JSON" },
          ]}
        />
        <p className="result-facts" role="status">
          {t("result.count", { count: result.rows.length })}
          <span className="dim"> · {milliseconds(ran.milliseconds, language)}</span>
          <span className="dim wide-only"> · {bytes(text.length, language)}</span>
        </p>
        <div className="row grow result-tools">
          {view === "table" ? (
            <Button
              size="small"
              look="quiet"
              aria-pressed={local}
              onClick={() => setLocal(!local)}
              title={t("result.local.hint")}
            >
              {t(local ? "result.exact" : "result.local")}
            </Button>
          ) : null}
          <Copy
            text={() => (view === "json" ? text : asTSV(result.columns, shown.current))}
            label={t(view === "json" ? "result.copy.json" : "result.copy")}
          />
          <Menu label={t("result.download")} size="small" look="quiet" icon="download" busy={files.busy}>
            {available.map((format) => (
              <MenuItem key={format} onClick={() => files.download(`${name}.${format}`, () => download(format))}>
                {t(`format.${format}`)}
              </MenuItem>
            ))}
          </Menu>
        </div>
      </div>
      {result.truncated || result.cut ? (
        <Note tone="warn">
          {result.cut
            ? t("result.cut", { count: result.rows.length, size: bytes(most, language) })
            : t("result.truncated", { count: result.rows.length, max: result.max_rows ?? result.rows.length })}
        </Note>
      ) : null}
      <div id="result-panel" role="tabpanel" aria-labelledby={`result-panel-${view}`} className="result-panel">
        {result.rows.length === 0 && view !== "json" ? (
          <Empty icon="table" title={t("result.empty")}>
            {t("result.empty.text")}
          </Empty>
        ) : view === "table" ? (
          <ResultTable columns={result.columns} rows={result.rows} local={local} ordered={ordered} />
        ) : view === "chart" ? (
          <Suspense fallback={<Bones lines={6} columns={2} />}>
            <Chart result={result} spec={chart ?? null} name={name} />
          </Suspense>
        ) : (
          <pre className="json" tabIndex={0} aria-label="JSON">
            {indent(text, 400_000)}
          </pre>
        )}
      </div>
      {ran.requestId ? (
        <p className="result-foot xs dim">
          {t("error.request")} <code>{ran.requestId}</code>
          {ran.revision ? (
            <>
              {" · "}
              {t("endpoint.revision")} <code>{ran.revision}</code>
            </>
          ) : null}
          {result.executed_at ? <> · {new Date(result.executed_at).toLocaleTimeString(language)}</> : null}
        </p>
      ) : null}
    </div>
  );
}
