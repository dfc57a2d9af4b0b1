import { describe, expect, it } from "vitest";
import { initialValues, valuesJSON } from "./values";

const parameters = {
  properties: {
    n: { type: "integer", default: 12 },
    price: { type: "number" },
    name: { type: "string", examples: ["Sul"] },
    on: { type: "boolean" },
    cities: { type: "array", items: { type: "string" }, examples: [["Austin", "Waco"]] },
    pinned: { type: "string", const: "x" },
  },
};

describe("valuesJSON", () => {
  it("passes numbers on digit by digit", () => {
    expect(valuesJSON(parameters, ["pinned"], { n: " 9007199254740993 ", price: "1.20", on: "true", name: "" })).toBe(
      '{"n": 9007199254740993, "price": 1.20, "on": true}',
    );
  });
  it("leaves what is wrong to the server", () => {
    expect(valuesJSON(parameters, [], { n: "12x", price: "1,20", on: "yes" })).toBe(
      '{"n": "12x", "price": "1,20", "on": "yes"}',
    );
  });
  it("writes a line as a value, and what looks like JSON as text", () => {
    expect(valuesJSON(parameters, [], { cities: 'Austin\n\n  "Waco" \n', name: "}" })).toBe(
      '{"name": "}", "cities": ["Austin", "\\"Waco\\""]}',
    );
  });
  it("begins with examples, then defaults", () => {
    expect(initialValues(parameters)).toEqual({
      n: "12",
      price: "",
      name: "Sul",
      on: "",
      cities: "Austin\nWaco",
      pinned: "",
    });
  });
});
