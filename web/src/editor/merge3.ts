// Three texts become one: what only one side has changed is taken, what both have changed is asked about.
import { diff3MergeRegions } from "node-diff3";

/** A piece of the merged text, or a place where both sides have changed the same lines. */
export type Piece =
  { kind: "same"; lines: string[] } | { kind: "conflict"; mine: string[]; base: string[]; theirs: string[] };

/** Merges by lines. */
export function merge3(mine: string, base: string, theirs: string): Piece[] {
  const [a, o, b] = [mine, base, theirs].map((text) => text.split(/\r?\n/)) as [string[], string[], string[]];
  const pieces: Piece[] = [];
  const same = (lines: string[]) => {
    const last = pieces.at(-1);
    if (last?.kind === "same") last.lines.push(...lines);
    else pieces.push({ kind: "same", lines: [...lines] });
  };
  for (const region of diff3MergeRegions<string>(a, o, b)) {
    if (region.stable) same(region.bufferContent);
    else if (region.aContent.join("\n") === region.bContent.join("\n")) same(region.aContent);
    else pieces.push({ kind: "conflict", mine: region.aContent, base: region.oContent, theirs: region.bContent });
  }
  return pieces;
}

export type Choice = "mine" | "theirs" | "both";

/** The merged text, as the conflicts were decided. */
export function resolve(pieces: Piece[], choices: (Choice | undefined)[]): string {
  let conflict = 0;
  return pieces
    .flatMap((piece) => {
      if (piece.kind === "same") return piece.lines;
      const choice = choices[conflict++] ?? "mine";
      return choice === "both" ? [...piece.mine, ...piece.theirs] : piece[choice];
    })
    .join("\n");
}
