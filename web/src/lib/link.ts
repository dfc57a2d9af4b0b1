// The one-time link: its code stands in the fragment, which is never sent, and leaves the address bar at once.
import { base } from "./base";

let code: string | null = null;

/** Reads the code out of the address, and removes it there. Called once, before anything else reads the address. */
export function takeLink(): void {
  const found = /^#\/sign-in\?(.*)$/.exec(location.hash);
  if (!found) return;
  const values = new URLSearchParams(found[1]);
  code = values.get("code");
  const next = values.get("next") ?? "";
  // A path of ours: a single slash, so that no other host is meant.
  const path = /^\/(?![/\\])/.test(next) ? next : "/";
  history.replaceState(null, "", base + path);
}

/** The link's code, once. */
export function linkOnce(): string | null {
  const found = code;
  code = null;
  return found;
}
