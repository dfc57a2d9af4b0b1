import { describe, expect, it } from "vitest";
import { asJSON, indent, plain, readResult, texts } from "./exact";

const long = "12345678901234567890123456789012345678";
const answer = `{"columns": [{"name": "n", "type": "bigint"}, {"name": "p", "type": "decimal"}, {"name": "doc", "type": "json"}],
 "rows": [[9007199254740993, 1.20, {"n": 9007199254740993, "a": [1.10, ${long}]}], [null, ${long}, "text \\"}\\u00e9"]],
 "row_count": 2, "truncated": true, "max_rows": 2, "executed_at": "2026-04-11T10:30:00Z"}`;

describe("texts", () => {
  it("takes an object or an array apart, and leaves what is there", () => {
    const list = texts(` [ {"a": 9007199254740993 , "__proto__": "\\u00e9", "b": [1.20, {}]}, {} ]`);
    expect([...list.keys()]).toEqual(["0", "1"]);
    expect([...texts(list.get("0")!)]).toEqual([
      ["a", "9007199254740993"],
      ["__proto__", '"\\u00e9"'],
      ["b", "[1.20, {}]"],
    ]);
    expect(texts(list.get("1")!).size).toBe(0);
  });
});

describe("readResult", () => {
  it("keeps every digit, in nested values too", () => {
    const result = readResult(answer);
    expect(result.rows[0]!.map(plain)).toEqual([
      "9007199254740993",
      "1.20",
      `{"n": 9007199254740993, "a": [1.10, ${long}]}`,
    ]);
    expect(result.rows[1]!.map(asJSON)).toEqual(["null", long, '"text \\"}é"']);
    expect(result).toMatchObject({ row_count: 2, truncated: true, max_rows: 2, cut: false });
  });

  it("reads rows that are objects, and names such as __proto__", () => {
    const result = readResult('{"columns":[{"name":"__proto__","type":"integer"}],"rows":[{"__proto__":1}]}');
    expect(result.rows).toEqual([[{ kind: "number", text: "1" }]]);
  });

  it("gives the rows before the place where the text breaks off", () => {
    for (let end = 0; end < answer.length; end++) {
      const result = readResult(answer.slice(0, end));
      expect(result.cut).toBe(true);
      for (const row of result.rows) expect(row).toHaveLength(3);
    }
    expect(readResult(answer.slice(0, answer.indexOf("], [null") + 1)).rows).toHaveLength(1);
  });

  it("refuses what is no JSON", () => {
    for (const text of ['{"rows": [[1,,2]]}', '{"rows": [[nul]]}', "{'rows': []}", '{"rows" []}']) {
      expect(() => readResult(text), text).toThrow(SyntaxError);
    }
  });

  it("reads cells of many megabytes and of great depth", () => {
    const big = "\\\\".repeat(1_000_000);
    expect(plain(readResult(`{"rows":[["${big}"]]}`).rows[0]![0]!)).toHaveLength(1_000_000);
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expect(plain(readResult(`{"rows":[[${deep}]]}`).rows[0]![0]!)).toBe(deep);
  });
});

describe("indent", () => {
  it("changes nothing but the space between tokens", () => {
    expect(indent('{"a":[1.20,{"b":"{,}"}],"c":[],"d":{}}')).toBe(
      '{\n  "a": [\n    1.20,\n    {\n      "b": "{,}"\n    }\n  ],\n  "c": [],\n  "d": {}\n}',
    );
    expect(indent(answer).replace(/\s/g, "")).toBe(answer.replace(/\s/g, ""));
  });

  it("shows the beginning of a text of any length, and of one that breaks off", () => {
    const long = indent(`{"a": "${'x\\"'.repeat(4_000_000)}", "b": 1}`, 1000);
    expect(long).toHaveLength(1002);
    expect(long.startsWith('{\n  "a": "x\\"x')).toBe(true);
    expect(indent('{"a":"b')).toBe('{\n  "a": "b');
  });
});
