// Faults of a text, under the very words.
import type { Diagnostic } from "@codemirror/lint";
import type { Text } from "@codemirror/state";
import type { TextFault } from "../api/types";

/** Turns a number of characters into one of UTF-16 units, which the editor counts in. */
function units(text: string, characters: number): number {
  let at = 0;
  for (let count = 0; count < characters && at < text.length; count++) at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

/** Where a fault is in the text. A fault beyond its end is at its end. */
export function placeOf(doc: Text, fault: Pick<TextFault, "line" | "column" | "length">): { from: number; to: number } {
  const line = doc.line(Math.min(Math.max(fault.line, 1), doc.lines));
  const start = units(line.text, fault.column - 1);
  const end = start + units(line.text.slice(start), fault.length ?? 1);
  return { from: line.from + start, to: Math.min(line.from + Math.max(end, start), line.to) };
}

/** The faults as the editor shows them, with what may take their place. */
export function diagnostics(
  doc: Text,
  faults: TextFault[],
  warnings: TextFault[],
  replace: (word: string) => string,
): Diagnostic[] {
  const made = (fault: TextFault, severity: "error" | "warning"): Diagnostic => ({
    ...placeOf(doc, fault),
    severity,
    message: fault.message,
    actions:
      (fault.length ?? 0) > 0
        ? (fault.allowed ?? []).slice(0, 4).map((word) => ({
            name: replace(word),
            apply: (view, from, to) => view.dispatch({ changes: { from, to, insert: word } }),
          }))
        : [],
  });
  return [...faults.map((fault) => made(fault, "error")), ...warnings.map((fault) => made(fault, "warning"))].sort(
    (a, b) => a.from - b.from,
  );
}
