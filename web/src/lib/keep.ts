// What this browser keeps: the theme, the language, drafts until they are saved, and where one was before signing in elsewhere. Never a
// credential or a result.
/* eslint no-restricted-syntax: off */

const prefix = "data-api:";

/** What is kept under a name; null where nothing is, or where the browser keeps nothing. */
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return null;
  }
}

/** Keeps text under a name; null forgets it. Returns false where the browser does not keep it. */
export function keep(name: string, text: string | null): boolean {
  try {
    if (text === null) localStorage.removeItem(prefix + name);
    else localStorage.setItem(prefix + name, text);
    return true;
  } catch {
    return false;
  }
}

/** The names under which something is kept that begin so. */
export function keptNames(start: string): string[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix + start))
      .map((key) => key.slice(prefix.length));
  } catch {
    return [];
  }
}
