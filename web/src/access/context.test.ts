import { describe, expect, it } from "vitest";
import { readUser } from "../api/reading";
import { contextJSON, fromContext } from "./context";

const answer = `{"name": "erp", "share_context": {
  "id": {"allowed": [9007199254740993, 7]}, "price": {"minimum": 0.10, "maximum": 12345678901234567890.5},
  "city": {"allowed": ["Sul, Norte", "01", "7", "a..b", "São Paulo"]}, "__proto__": {"allowed": [true]}}}`;

describe("a user's share context", () => {
  it("is read with every digit", () => {
    const { share_context: context } = readUser(answer);
    expect(context.get("id")?.allowed).toEqual(["9007199254740993", "7"]);
    expect(context.get("price")).toMatchObject({ minimum: "0.10", maximum: "12345678901234567890.5" });
    expect(readUser('{"name": "erp", "share_context": null}').share_context.size).toBe(0);
  });
  it("is sent as it came where nobody has changed it", () => {
    expect(contextJSON(fromContext(readUser(answer).share_context))).toBe(
      '{"id":{"allowed": [9007199254740993, 7]},"price":{"minimum": 0.10, "maximum": 12345678901234567890.5},' +
        '"city":{"allowed": ["Sul, Norte", "01", "7", "a..b", "São Paulo"]},"__proto__":{"allowed": [true]}}',
    );
  });
  it("is shown as it is typed, so that a part of it can be edited", () => {
    const shown = fromContext(readUser(answer).share_context);
    expect(shown.map(({ allowed }) => allowed)).toEqual([
      "9007199254740993, 7",
      "0.10..12345678901234567890.5",
      '"Sul, Norte", 01, "7", "a..b", São Paulo',
      "true",
    ]);
    expect(contextJSON(shown.map(({ name, allowed }) => ({ name, allowed })))).toBe(
      '{"id":[9007199254740993,7],"price":{"minimum":0.10,"maximum":12345678901234567890.5},' +
        '"city":["Sul, Norte","01","7","a..b","São Paulo"],"__proto__":[true]}',
    );
  });
  it("keeps every digit that is typed", () => {
    const sent = (allowed: string) => contextJSON([{ name: "n", allowed }]);
    expect(sent("9007199254740993, 1.20, true, 01, Sul")).toBe('{"n":[9007199254740993,1.20,true,"01","Sul"]}');
    expect(sent("9007199254740993 .. 9007199254740995")).toBe(
      '{"n":{"minimum":9007199254740993,"maximum":9007199254740995}}',
    );
    expect(sent("2026-01-01..")).toBe('{"n":{"minimum":"2026-01-01"}}');
    expect(sent('"12345678000195", "a\\q", 5"')).toBe('{"n":["12345678000195","\\"a\\\\q\\"","5\\""]}');
    expect(contextJSON([{ name: " ", allowed: "1" }])).toBe("{}");
  });
});
