// Light, dark, or what the system says.
import { useSyncExternalStore } from "react";
import { keep, kept } from "./keep";

export type Theme = "system" | "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function wanted(): Theme {
  const before = kept("theme");
  return before === "light" || before === "dark" ? before : "system";
}

/** Puts the theme onto the document. Called before the first paint. */
export function applyTheme(): void {
  const theme = wanted();
  document.documentElement.dataset["theme"] = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  for (const listener of listeners) listener();
}

dark.addEventListener("change", applyTheme);

export function setTheme(theme: Theme): void {
  keep("theme", theme === "system" ? null : theme);
  applyTheme();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The chosen theme, and the one that is shown. */
export function useTheme(): { theme: Theme; shown: "light" | "dark" } {
  const theme = useSyncExternalStore(subscribe, wanted);
  const shown = useSyncExternalStore(subscribe, () =>
    document.documentElement.dataset["theme"] === "dark" ? "dark" : "light",
  );
  return { theme, shown };
}
