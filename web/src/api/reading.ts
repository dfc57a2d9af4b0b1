// Users and jobs, read so that values of parameters keep every digit.
import { texts } from "../lib/exact";
import type { Constraint, Job, ShareContext, User } from "./types";

export function readUser(text: string): User {
  return { ...(JSON.parse(text) as User), share_context: readContext(texts(text).get("share_context")) };
}

export function readJob(text: string): Job {
  const parameters = texts(text).get("parameters") ?? "null";
  return { ...(JSON.parse(text) as Job), parameters: parameters === "null" ? null : parameters };
}

function readContext(json = "null"): ShareContext {
  const context: ShareContext = new Map();
  if (json !== "null") for (const [name, constraint] of texts(json)) context.set(name, readConstraint(constraint));
  return context;
}

function readConstraint(json: string): Constraint {
  const members = texts(json);
  const found: Constraint = { json };
  const [allowed, minimum, maximum] = [members.get("allowed"), members.get("minimum"), members.get("maximum")];
  if (allowed !== undefined) found.allowed = [...texts(allowed).values()];
  if (minimum !== undefined) found.minimum = minimum;
  if (maximum !== undefined) found.maximum = maximum;
  return found;
}

/** A value's JSON as it is told to people: texts without their quotation marks, all else as it is there. */
export const told = (json: string): string => (json.startsWith('"') ? (JSON.parse(json) as string) : json);
