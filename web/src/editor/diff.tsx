// Two texts side by side, with what is different.
import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef, useState } from "react";
import { nonce } from "../lib/base";
import { endpointLanguage, looks, parameterMarks } from "./language";

interface Props {
  before: string;
  after: string;
  titles: [string, string];
}

/** Below this width two texts beside each other are hard to read: they become one, with what is gone above what is new. */
const beside = 560;

export default function Diff({ before, after, titles }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [wide, setWide] = useState<boolean | null>(null);
  const [left, right] = titles;
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWide(entry!.contentRect.width >= beside));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (wide === null) return;
    const side = (label: string) => [
      EditorView.cspNonce.of(nonce),
      EditorState.readOnly.of(true),
      EditorView.editable.of(false),
      EditorView.contentAttributes.of({
        "aria-label": label,
        tabindex: "0",
        role: "textbox",
        "aria-readonly": "true",
        "aria-multiline": "true",
      }),
      EditorView.lineWrapping,
      lineNumbers(),
      endpointLanguage("postgresql", undefined, () => null),
      parameterMarks,
      looks,
    ];
    const parent = host.current!;
    const shared = { gutter: true, highlightChanges: true, collapseUnchanged: { margin: 3, minSize: 6 } };
    const view = wide
      ? new MergeView({
          a: { doc: before, extensions: side(left) },
          b: { doc: after, extensions: side(right) },
          parent,
          ...shared,
        })
      : new EditorView({
          doc: after,
          extensions: [side(right), unifiedMergeView({ original: before, mergeControls: false, ...shared })],
          parent,
        });
    return () => view.destroy();
  }, [before, after, left, right, wide]);
  return (
    <div className="diff">
      <div className={wide === false ? "diff-titles one" : "diff-titles"}>
        <span>{left}</span>
        <span>{right}</span>
      </div>
      <div ref={host} className="diff-views" />
    </div>
  );
}
