// How the page was opened: by a one-time link, by a provider that sends the browser back, or at the place where one was before that. What the
// server says is in the fragment, which is never sent, and leaves the address bar at once.
import { base, face } from "./base";
import { keep, kept } from "./keep";

export interface Arrival {
  /** The code of a one-time link. */
  code: string | null;
  /** Why a sign-in by a provider has come to nothing: a word of the server's. */
  failed: string | null;
}

/** How long somebody may take at a provider, in milliseconds: the server waits no longer. */
const absence = 600_000;

/** A path of ours: with a single slash, so that no other host is meant. */
const ours = (path: unknown): path is string => typeof path === "string" && /^\/(?![/\\])/.test(path);

/** Reads the arrival, and sets the address to where it leads. Called once, before anything else reads the address. */
export function arrive(): Arrival {
  const found = /^#\/sign-in\?(.*)$/.exec(location.hash);
  const values = new URLSearchParams(found?.[1]);
  const arrival = { code: values.get("code"), failed: values.get("failed") };
  const next = values.get("next");
  const start = face === "console" && location.pathname.replace(/\/$/, "") === base;
  const place = arrival.code === null && start ? takePlace() : null;
  if (found || place) history.replaceState(null, "", base + (place ?? (ours(next) ? next : "/")));
  return arrival;
}

/** Keeps where one is, since a provider sends the browser back to the start. */
export function keepPlace(): void {
  const path = location.pathname.slice(base.length) + location.search;
  keep("place", JSON.stringify({ path, at: Date.now() }));
}

function takePlace(): string | null {
  const text = kept("place");
  if (text === null) return null;
  keep("place", null);
  try {
    const { path, at } = JSON.parse(text) as { path: unknown; at: unknown };
    return ours(path) && typeof at === "number" && Date.now() - at < absence ? path : null;
  } catch {
    return null; // somebody else has written it
  }
}
