import { describe, expect, it } from "vitest";
import { initialValues, valuesJSON } from "../form/values";
import { parseContract } from "./contract";

const contract = `{"properties": {
  "id": {"type": "integer", "default": 9007199254740993, "minimum": 1, "maxLength": 3, "title": "1.20 \\" 9007199254740993"},
  "price": {"type": "number", "examples": [1.20]}, "ids": {"type": "array", "items": {"type": "integer"}, "examples": [[9007199254740993, 7]]}
}}`;

describe("an endpoint's contract", () => {
  it("fills a form with every digit, and the form sends them", () => {
    const parameters = parseContract<Parameters<typeof valuesJSON>[0] & object>(contract);
    const values = initialValues(parameters);
    expect(values).toEqual({ id: "9007199254740993", price: "1.20", ids: "9007199254740993\n7" });
    expect(valuesJSON(parameters, [], values)).toBe(
      '{"id": 9007199254740993, "price": 1.20, "ids": [9007199254740993, 7]}',
    );
    expect(parameters.properties["id"]).toMatchObject({ minimum: 1, maxLength: 3, title: '1.20 " 9007199254740993' });
  });
});
