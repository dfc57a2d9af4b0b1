// Two texts side by side, with what is different.
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { nonce } from "../lib/base";
import { endpointLanguage, looks, parameterMarks } from "./language";

interface Props {
  before: string;
  after: string;
  titles: [string, string];
}

export default function Diff({ before, after, titles }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [left, right] = titles;
  useEffect(() => {
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
    const view = new MergeView({
      a: { doc: before, extensions: side(left) },
      b: { doc: after, extensions: side(right) },
      parent: host.current!,
      gutter: true,
      highlightChanges: true,
      collapseUnchanged: { margin: 3, minSize: 6 },
    });
    return () => view.destroy();
  }, [before, after, left, right]);
  return (
    <div className="diff">
      <div className="diff-titles">
        <span>{left}</span>
        <span>{right}</span>
      </div>
      <div ref={host} className="diff-views" />
    </div>
  );
}
