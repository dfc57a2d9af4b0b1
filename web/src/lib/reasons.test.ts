import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { en } from "./messages/en";
import { ptBR } from "./messages/pt-BR";
import { detail, whyNot } from "./reasons";

const attempt = { at: "2026-04-11T10:30:00Z", status: null, error: "dial tcp: refused", reason: null, duration_ms: 3 };

describe("why an attempt did not succeed", () => {
  it("has a sentence for each reason that the server gives", () => {
    const source = readFileSync("../internal/callback/reason.go", "utf8");
    const reasons = [...source.matchAll(/ Reason += "(\w+)"/g)].map((found) => `deliveries.reason.${found[1]}`);
    expect(reasons.length).toBeGreaterThan(10);
    expect(
      Object.keys(en)
        .filter((key) => key.startsWith("deliveries.reason."))
        .sort(),
    ).toEqual(reasons.sort());
  });
  it("is told in the reader's language, with the server's own words beside it", () => {
    const failed = { ...attempt, reason: "not_connected" };
    expect(whyNot(failed, (key) => ptBR[key])).toBe(ptBR["deliveries.reason.not_connected"]);
    expect(detail(failed)).toBe("dial tcp: refused");
    expect(detail({ ...failed, reason: "answered_error", status: 500 })).toBe(null);
  });
  it("is told in the server's words where it has none, or one that is new", () => {
    expect(whyNot(attempt, (key) => en[key])).toBe("dial tcp: refused");
    expect(whyNot({ ...attempt, reason: "of_tomorrow" }, (key) => en[key])).toBe("dial tcp: refused");
    expect(detail(attempt)).toBe(null);
  });
});
