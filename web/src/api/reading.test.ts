import { describe, expect, it } from "vitest";
import { readJob } from "./reading";

describe("a job's parameters", () => {
  it("are read with every digit", () => {
    const job = readJob('{"job_id": "j1", "attempts": 1, "parameters": {"id": 9007199254740993, "price": 1.20}}');
    expect(job).toMatchObject({ job_id: "j1", attempts: 1, parameters: '{"id": 9007199254740993, "price": 1.20}' });
  });
  it("may be unknown, and may be none", () => {
    expect(readJob('{"job_id": "j1", "parameters": null}').parameters).toBe(null);
    expect(readJob('{"job_id": "j1", "parameters": {}}').parameters).toBe("{}");
  });
});
