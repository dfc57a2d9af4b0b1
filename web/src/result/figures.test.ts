import { describe, expect, it } from "vitest";
import { short } from "./figures";

// Some languages write a space that does not break.
const ticks = (values: number[], language = "en") =>
  values.map(short(values, language)).map((text) => text.replace(/\s/g, " "));

describe("figures of an axis", () => {
  it("have one digit where that tells them apart", () => {
    expect(ticks([0, 500, 1000, 1500])).toEqual(["0", "500", "1K", "1.5K"]);
    expect(ticks([1_000_000, 2_500_000], "pt-BR")).toEqual(["1 mi", "2,5 mi"]);
  });
  it("have more where it takes more", () => {
    expect(ticks([1000, 1050, 1100])).toEqual(["1K", "1.05K", "1.1K"]);
    expect(ticks([10_001, 10_002])).toEqual(["10.001K", "10.002K"]);
    expect(ticks([0.001, 0.002])).toEqual(["0.001", "0.002"]);
  });
});
