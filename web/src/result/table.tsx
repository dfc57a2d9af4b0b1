// The rows of a result: only those that are seen are drawn, and every digit of them.
import { createSortedRowModel, rowSortingFeature, tableFeatures, useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { localNumber } from "../lib/decimal";
import { plain, type Cell, type Column, indent } from "../lib/exact";
import { useI18n } from "../lib/i18n";
import { Dialog } from "../ui/dialog";
import { Icon } from "../ui/icons";
import { Button, Copy, copy } from "../ui/parts";
import { toast } from "../ui/toast";
import { compareCells, isNumber, isTime } from "./cells";

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
const height = 33;
const shown = 240; // characters of a cell that are drawn

/** Text that fits a cell: on one line, and no more than can be seen. */
function brief(text: string): string {
  return (text.length > shown ? `${text.slice(0, shown)}…` : text).replace(/\s+/g, " ");
}

function widths(columns: Column[], rows: Cell[][]): number[] {
  const sample = rows.slice(0, 60);
  return columns.map((column, index) => {
    const longest = Math.max(
      column.name.length + 3,
      column.type.length * 0.9 + 2,
      ...sample.map((row) => Math.min(plain(row[index] ?? { kind: "null" }).length, 60)),
    );
    return Math.round(Math.min(Math.max(longest * 7.9 + 26, 84), 440));
  });
}

export function ResultTable({
  columns,
  rows,
  local,
  ordered,
}: {
  columns: Column[];
  rows: Cell[][];
  local: boolean;
  ordered: (rows: Cell[][]) => void;
}) {
  const { t, language } = useI18n();
  const [active, setActive] = useState<[number, number]>([0, 0]);
  const [focused, setFocused] = useState(false);
  const [opened, setOpened] = useState<{ column: Column; cell: Cell } | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();

  const definitions = useMemo(() => {
    const collator = new Intl.Collator(language, { numeric: true });
    return columns.map((column, index) => ({
      id: String(index),
      header: column.name,
      sortDescFirst: false,
      accessorFn: (row: Cell[]): Cell => row[index] ?? { kind: "null" },
      sortFn: (a: { original: Cell[] }, b: { original: Cell[] }) =>
        compareCells(
          a.original[index] ?? { kind: "null" },
          b.original[index] ?? { kind: "null" },
          column.type,
          collator,
        ),
    }));
  }, [columns, language]);
  const table = useTable({ features, columns: definitions, data: rows });
  const lines = table.getRowModel().rows;
  const orders = table.state.sorting;
  useEffect(() => ordered(lines.map((line) => line.original)), [lines, ordered]);

  const size = useMemo(() => widths(columns, rows), [columns, rows]);
  const down = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
    scrollPaddingStart: 46,
  });
  const across = useVirtualizer({
    horizontal: true,
    count: columns.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => size[index] ?? 120,
    overscan: 3,
    scrollPaddingStart: 52,
  });
  const width = across.getTotalSize() + 52;

  const go = (row: number, column: number) => {
    const next: [number, number] = [
      Math.max(-1, Math.min(lines.length - 1, row)),
      Math.max(0, Math.min(columns.length - 1, column)),
    ];
    setActive(next);
    if (next[0] >= 0) down.scrollToIndex(next[0]);
    across.scrollToIndex(next[1]);
  };
  const cellAt = (row: number, column: number): Cell => lines[row]?.original[column] ?? { kind: "null" };
  const sort = (column: number) => table.getColumn(String(column))?.toggleSorting(undefined, false);
  const keys = (event: KeyboardEvent) => {
    const [row, column] = active;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / height) - 2);
    const far = event.ctrlKey || event.metaKey;
    if (far && event.key.toLowerCase() === "c" && getSelection()?.isCollapsed !== false) {
      void copy(row < 0 ? columns[column]!.name : plain(cellAt(row, column))).then(() => toast(t("copied")));
    } else if (event.key === "ArrowDown") go(row + 1, column);
    else if (event.key === "ArrowUp") go(row - 1, column);
    else if (event.key === "ArrowRight") go(row, column + 1);
    else if (event.key === "ArrowLeft") go(row, column - 1);
    else if (event.key === "PageDown") go(row + page, column);
    else if (event.key === "PageUp") go(Math.max(0, row - page), column);
    else if (event.key === "Home") go(far ? 0 : row, 0);
    else if (event.key === "End") go(far ? lines.length - 1 : row, columns.length - 1);
    else if (event.key === "Enter" || event.key === " ") {
      if (row < 0) sort(column);
      else setOpened({ column: columns[column]!, cell: cellAt(row, column) });
    } else return;
    event.preventDefault();
  };

  return (
    <>
      <div
        className="grid"
        role="grid"
        aria-label={t("result.rows")}
        aria-rowcount={lines.length + 1}
        aria-colcount={columns.length}
        aria-activedescendant={focused ? `${id}-${active[0]}-${active[1]}` : undefined}
        tabIndex={0}
        ref={scroller}
        onKeyDown={keys}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
      >
        <div className="grid-inner" style={{ width, height: down.getTotalSize() + 46 }} role="presentation">
          <div className="grid-head" role="row" aria-rowindex={1} style={{ width }}>
            {across.getVirtualItems().map((item) => {
              const column = columns[item.index]!;
              const order = orders.find((one) => one.id === String(item.index));
              return (
                <div
                  key={item.key}
                  id={`${id}--1-${item.index}`}
                  role="columnheader"
                  aria-colindex={item.index + 1}
                  aria-sort={order ? (order.desc ? "descending" : "ascending") : "none"}
                  className={`grid-th ${isNumber(column) ? "number" : ""} ${focused && active[0] === -1 && active[1] === item.index ? "at" : ""}`}
                  style={{ left: item.start + 52, width: item.size }}
                  onClick={() => {
                    setActive([-1, item.index]);
                    sort(item.index);
                  }}
                >
                  <span className="grid-name">
                    {column.name}
                    {order ? <Icon name={order.desc ? "arrowDown" : "up"} /> : null}
                  </span>
                  <span className="grid-type">{column.type}</span>
                </div>
              );
            })}
          </div>
          {down.getVirtualItems().map((line) => (
            <div
              key={lines[line.index]!.id}
              role="row"
              aria-rowindex={line.index + 2}
              className="grid-row"
              style={{ width, transform: `translateY(${line.start + 46}px)` }}
            >
              <span className="grid-number" aria-hidden="true">
                {(lines[line.index]!.index + 1).toLocaleString(language)}
              </span>
              {across.getVirtualItems().map((item) => {
                const column = columns[item.index]!;
                const cell = cellAt(line.index, item.index);
                const at = active[0] === line.index && active[1] === item.index;
                return (
                  <div
                    key={item.key}
                    id={`${id}-${line.index}-${item.index}`}
                    role="gridcell"
                    aria-colindex={item.index + 1}
                    aria-selected={at}
                    className={`grid-td ${cell.kind} ${isNumber(column) ? "number" : ""} ${focused && at ? "at" : ""}`}
                    style={{ left: item.start + 52, width: item.size }}
                    dir={cell.kind === "text" ? "auto" : undefined}
                    title={local && cell.kind !== "null" ? plain(cell).slice(0, 500) : undefined}
                    onClick={() => setActive([line.index, item.index])}
                    onDoubleClick={() => setOpened({ column, cell })}
                  >
                    {shownText(cell, column, local, language)}
                  </div>
                );
              })}
            </div>
          ))}
        </div>
      </div>
      {opened ? <CellDialog {...opened} close={() => setOpened(null)} /> : null}
    </>
  );
}

function shownText(cell: Cell, column: Column, local: boolean, language: string): string {
  if (cell.kind === "null") return "null";
  if (!local) return brief(cell.text);
  if (cell.kind === "number") return localNumber(cell.text, language);
  if (cell.kind === "text" && isTime(column)) {
    const date = column.type === "date" ? new Date(`${cell.text}T00:00:00`) : new Date(cell.text);
    if (!Number.isNaN(date.getTime()))
      return date.toLocaleString(
        language,
        column.type === "date" ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "medium" },
      );
  }
  return brief(cell.text);
}

function CellDialog({ column, cell, close }: { column: Column; cell: Cell; close: () => void }) {
  const { t, language } = useI18n();
  const text = cell.kind === "json" ? indent(cell.text, 200_000) : plain(cell);
  const cut = text.length > 200_000;
  return (
    <Dialog
      title={column.name}
      close={close}
      wide={text.length > 200}
      foot={
        <>
          <Copy text={plain(cell)} look="quiet" size="small" />
          <Button look="primary" onClick={close}>
            {t("close")}
          </Button>
        </>
      }
    >
      <p className="small dim">
        <code>{column.type}</code> · {t("result.characters", { count: plain(cell).length })}
        {cell.kind === "number" && localNumber(cell.text, language) !== cell.text
          ? ` · ${localNumber(cell.text, language)}`
          : ""}
      </p>
      <pre className="cell-text" dir="auto" tabIndex={0}>
        {cell.kind === "null" ? "null" : cut ? `${text.slice(0, 200_000)}…` : text}
      </pre>
    </Dialog>
  );
}
