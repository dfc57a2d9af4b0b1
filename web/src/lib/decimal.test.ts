import { describe, expect, it } from "vitest";
import { compareNumbers, localNumber } from "./decimal";

describe("compareNumbers", () => {
  it("orders by value where doubles cannot", () => {
    const ordered = [
      "-Infinity",
      "-1e40",
      "-12345678901234567890123456789012345678",
      "-1.10",
      "-0.5",
      "0",
      "1e-7",
      "0.1",
      "1.09",
      "1.1",
      "9007199254740992",
      "9007199254740993",
      "12345678901234567890123456789012345678",
      "12345678901234567890123456789012345679",
      "1e39",
      "Infinity",
      "NaN",
    ];
    for (let a = 0; a < ordered.length; a++)
      for (let b = 0; b < ordered.length; b++)
        expect(Math.sign(compareNumbers(ordered[a]!, ordered[b]!)), `${ordered[a]} ${ordered[b]}`).toBe(
          Math.sign(a - b),
        );
  });
  it("takes numbers of one value for equal", () => {
    for (const [a, b] of [
      ["1.20", "1.2"],
      ["0", "-0.00"],
      ["100", "1e2"],
      ["0.001", "1E-3"],
    ] as const)
      expect(compareNumbers(a, b)).toBe(0);
  });
});

describe("localNumber", () => {
  it("groups, and loses no digit", () => {
    expect(localNumber("9007199254740993", "en")).toBe("9,007,199,254,740,993");
    expect(localNumber("150000.00", "pt-BR")).toBe("150.000,00");
    expect(localNumber("12345678901234567890123456789012345678", "en").replace(/\D/g, "")).toBe(
      "12345678901234567890123456789012345678",
    );
    expect(localNumber("1e40", "en")).toBe("1e40");
  });
});
