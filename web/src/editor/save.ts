// Saving: what is sent, and what comes back when somebody was faster.
import { endpointPath, managedOf, type ManagedWithTag } from "../api/queries";
import { Problem } from "../lib/http";
import { ask } from "../lib/session";

interface Current {
  version: number | null;
  revision: string;
  author: string | null;
}

/** What to merge with, when the save was stale. */
export interface StaleSave {
  theirs: string;
  etag: string;
  author: string;
}

export type Saved = { kind: "saved"; saved: ManagedWithTag } | ({ kind: "stale" } & StaleSave) | { kind: "gone" };

/** Saves a text. An empty ETag makes a new endpoint. */
export async function saveText(
  namespace: string,
  slug: string,
  text: string,
  message: string,
  etag: string,
): Promise<Saved> {
  const path = endpointPath(namespace, slug);
  try {
    const answer = await ask(path, {
      method: "PUT",
      headers: etag ? { "If-Match": etag } : { "If-None-Match": "*" },
      body: { text, ...(message ? { message } : {}) },
    });
    return { kind: "saved", saved: await managedOf(answer) };
  } catch (failure) {
    if (!(failure instanceof Problem) || failure.status !== 412 || etag === "") throw failure;
    const current = failure.document["current"] as Current | null | undefined;
    if (current === null) return { kind: "gone" };
    const now = await managedOf(await ask(path));
    return { kind: "stale", theirs: now.endpoint.text ?? "", etag: now.etag, author: now.endpoint.author ?? "—" };
  }
}

/** Puts an endpoint into service. */
export async function activate(namespace: string, slug: string, etag: string): Promise<ManagedWithTag> {
  return managedOf(
    await ask(`${endpointPath(namespace, slug)}/activate`, { method: "POST", headers: { "If-Match": etag } }),
  );
}
