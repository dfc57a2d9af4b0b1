import { describe, expect, it } from "vitest";
import { fill } from "../i18n";
import { en } from "./en";
import { ptBR } from "./pt-BR";

const places = (text: string) => [...text.matchAll(/\{(\w+)/g)].map((found) => found[1]!).sort();

describe("messages", () => {
  it("have the same places in both languages", () => {
    expect(Object.keys(ptBR).sort()).toEqual(Object.keys(en).sort());
    for (const [key, text] of Object.entries(en))
      expect([...new Set(places(ptBR[key as keyof typeof en]))], key).toEqual([...new Set(places(text))]);
  });
  it("count as the language does", () => {
    expect(fill(en["result.count"], { count: 1 }, "en")).toBe("1 row");
    expect(fill(en["result.count"], { count: 12345 }, "en")).toBe("12,345 rows");
    expect(fill(ptBR["result.count"], { count: 12345 }, "pt-BR")).toBe("12.345 linhas");
  });
});
