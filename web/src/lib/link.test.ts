import { afterEach, describe, expect, it, vi } from "vitest";

/** Opens a page of the console at a path, with what the browser has kept, and says where that leads. */
async function open(path: string, hash: string, store = new Map<string, string>()) {
  const { pathname, search } = new URL(path, "http://x");
  let address = pathname + search;
  vi.resetModules();
  vi.stubGlobal("document", { querySelector: () => null });
  vi.stubGlobal("location", { href: `http://x${path}${hash}`, origin: "http://x", pathname, search, hash });
  vi.stubGlobal("history", { replaceState: (_state: unknown, _title: string, to: string) => (address = to) });
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => store.get(name) ?? null,
    setItem: (name: string, text: string) => void store.set(name, text),
    removeItem: (name: string) => void store.delete(name),
  });
  const { arrive, keepPlace } = await import("./link");
  const arrival = arrive();
  return { arrival, address, store, keepPlace };
}

describe("arrive", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("takes the code of a link out of the address, and leads to a path of ours alone", async () => {
    for (const [next, address] of [
      ["", "/console/"],
      ["&next=/jobs?status=failed", "/console/jobs?status=failed"],
      ["&next=//evil.example", "/console/"],
      ["&next=/\\evil.example", "/console/"],
      ["&next=https://evil.example", "/console/"],
    ]) {
      const seen = await open("/console/", `#/sign-in?code=abc${next}`);
      expect(seen.arrival, next).toEqual({ code: "abc", failed: null });
      expect(seen.address, next).toBe(address);
    }
  });

  it("leads who comes back from a provider to where they were, once", async () => {
    const left = await open("/console/endpoints/default/sales/edit?q=1", "");
    left.keepPlace();
    for (const hash of ["", "#/sign-in?failed=denied"]) {
      const back = await open("/console/", hash, new Map(left.store));
      expect(back.arrival).toEqual({ code: null, failed: hash === "" ? null : "denied" });
      expect(back.address).toBe("/console/endpoints/default/sales/edit?q=1");
      expect((await open("/console/", "", back.store)).address).toBe("/console/");
    }
    expect((await open("/console/users", "", new Map(left.store))).address).toBe("/console/users");
  });

  it("leads nowhere by what is old, foreign or no place", async () => {
    for (const kept of [
      JSON.stringify({ path: "/jobs", at: Date.now() - 601_000 }),
      JSON.stringify({ path: "//evil.example", at: Date.now() }),
      JSON.stringify({ path: 1, at: Date.now() }),
      JSON.stringify({ path: "/jobs" }),
      "null",
      "{",
    ])
      expect((await open("/console/", "", new Map([["data-api:place", kept]]))).address, kept).toBe("/console/");
  });
});
