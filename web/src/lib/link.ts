// The one-time link: its code stands in the fragment, which is never sent, and leaves the address bar at once.
import { base } from "./base";

/** Takes the code out of the address, and removes it there. Called once, before anything else reads the address. */
export function takeLink(): string | null {
  const found = /^#\/sign-in\?(.*)$/.exec(location.hash);
  if (!found) return null;
  const values = new URLSearchParams(found[1]);
  const next = values.get("next") ?? "";
  // A path of ours: a single slash, so that no other host is meant.
  const path = /^\/(?![/\\])/.test(next) ? next : "/";
  history.replaceState(null, "", base + path);
  return values.get("code");
}
