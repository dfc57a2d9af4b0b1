import { describe, expect, it } from "vitest";
import type { Cell, Column } from "../lib/exact";
import { suggest } from "./suggest";

const column = (name: string, type: string): Column => ({ name, type });
const row = (...texts: string[]): Cell[] => texts.map((text) => ({ kind: "text", text }));

describe("the chart that suits a result", () => {
  const columns = [column("id", "bigint"), column("day", "varchar"), column("amount", "double")];
  const rows = (count: number) => Array.from({ length: count }, (_, at) => row(String(at), `day ${at}`, "1.5"));
  it("has bars of categories, and a line where there are too many of them for bars", () => {
    expect(suggest(columns, rows(12))).toEqual({ type: "bar", x: "day", y: ["amount"], series: null });
    expect(suggest(columns, rows(1000))?.type).toBe("line");
  });
  it("draws what names something only where there is no other number", () => {
    expect(suggest(columns.slice(0, 2), rows(2))?.y).toEqual(["id"]);
    expect(
      suggest([column("customer_id", "integer"), column("paid", "boolean"), column("total", "decimal")], rows(2))?.y,
    ).toEqual(["total"]);
  });
});
