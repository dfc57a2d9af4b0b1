import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState, Text } from "@codemirror/state";
import { describe, expect, it } from "vitest";
import { endpointCompletion } from "./complete";
import { placeOf } from "./faults";
import { frontMatter } from "./language";
import { merge3, resolve } from "./merge3";

const file = `/*---
title: Sales
source: demo
mode: sync
params:
  city: { type: string }
---*/
SELECT @city
`;

describe("faults", () => {
  it("are placed by characters, not by units of UTF-16", () => {
    const doc = Text.of(["title: 😀😀 x", "mode: sink"]);
    expect(
      doc.sliceString(...(Object.values(placeOf(doc, { line: 1, column: 11, length: 1 })) as [number, number])),
    ).toBe("x");
    expect(
      doc.sliceString(...(Object.values(placeOf(doc, { line: 2, column: 7, length: 4 })) as [number, number])),
    ).toBe("sink");
  });
  it("beyond the text are at its end", () => {
    const doc = Text.of(["a"]);
    expect(placeOf(doc, { line: 9, column: 9, length: 9 })).toEqual({ from: 1, to: 1 });
  });
});

describe("completion", () => {
  const complete = endpointCompletion({
    sources: () => ["demo"],
    parameters: () => ["city"],
    columns: () => ["total"],
  });
  const at = (text: string) => {
    const pos = text.indexOf("|");
    const state = EditorState.create({ doc: text.replace("|", "") });
    const result = complete(new CompletionContext(state, pos, true));
    return (result as { options: { label: string }[] } | null)?.options.map((option) => option.label) ?? [];
  };
  it("knows keys and their values", () => {
    expect(at("/*---\nmo|\n---*/\n")).toContain("mode");
    expect(at("/*---\nmode: |\n---*/\n")).toEqual(["sync", "async"]);
    expect(at("/*---\nsource: |\n---*/\n")).toEqual(["demo"]);
    expect(at("/*---\nparams:\n  city: { type: st|\n---*/\n")).toContain("string");
    expect(at("/*---\nparams:\n  city: { |\n---*/\n")).toContain("required");
    expect(at("/*---\nchart: { type: |\n---*/\n")).toEqual(["line", "bar", "area", "scatter", "heatmap"]);
    expect(at("/*---\nchart: { type: bar, x: |\n---*/\n")).toEqual(["total"]);
  });
  it("knows the parameters in the statement", () => {
    expect(at(file.replace("@city", "@ci|"))).toEqual(["@city"]);
  });
});

describe("frontMatter", () => {
  it("is what is between the marks", () => {
    const { from, to } = frontMatter(file)!;
    expect(file.slice(from, to)).toMatch(/^title: Sales\n[^]*string \}$/);
    expect(frontMatter("SELECT 1")).toBeNull();
    expect(frontMatter("/*---\n---*/\nSELECT 1")).toEqual({ from: 6, to: 6 });
  });
});

describe("merge3", () => {
  it("takes what only one side has changed", () => {
    const pieces = merge3(file.replace("Sales", "Mine"), file, file.replace("SELECT @city", "SELECT @city, 1"));
    expect(pieces.every((piece) => piece.kind === "same")).toBe(true);
    expect(resolve(pieces, [])).toBe(file.replace("Sales", "Mine").replace("SELECT @city", "SELECT @city, 1"));
  });
  it("asks about what both have changed", () => {
    const pieces = merge3(file.replace("Sales", "Mine"), file, file.replace("Sales", "Theirs"));
    expect(pieces.filter((piece) => piece.kind === "conflict")).toHaveLength(1);
    expect(resolve(pieces, ["theirs"])).toBe(file.replace("Sales", "Theirs"));
    expect(resolve(pieces, ["mine"])).toBe(file.replace("Sales", "Mine"));
    expect(resolve(pieces, ["both"])).toContain("title: Mine\ntitle: Theirs\n");
  });
  it("agrees where both have done the same", () => {
    const same = file.replace("Sales", "Both");
    expect(resolve(merge3(same, file, same), [])).toBe(same);
  });
});
