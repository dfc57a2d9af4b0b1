import { describe, expect, it } from "vitest";
import { pageOf, toOwn } from "./named";

describe("an endpoint's name", () => {
  it("loses the company's own before it, and no other", () => {
    expect(toOwn("acme/default/sales", "acme")).toBe("default/sales");
    expect(toOwn("globex/default/sales", "acme")).toBe("globex/default/sales");
    // A namespace may be called as the company is.
    expect(toOwn("acme/sales", "acme")).toBe("acme/sales");
    expect(toOwn("acme/acme/sales", "acme")).toBe("acme/sales");
  });
  it("leads to its page, also of another company", () => {
    expect(pageOf("default/sales")).toBe("/endpoints/default/sales");
    expect(pageOf("globex/default/sales")).toBe("/endpoints/default/sales");
  });
});
