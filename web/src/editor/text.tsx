// The editor of an endpoint file.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { useEffect, useImperativeHandle, useRef, useState, type Ref } from "react";
import type { DatabaseSchema, TextFault } from "../api/types";
import { nonce } from "../lib/base";
import { useI18n } from "../lib/i18n";
import { endpointCompletion, type Known } from "./complete";
import { diagnostics, placeOf } from "./faults";
import { endpointLanguage, looks, parameterMarks } from "./language";

/** What the editor does on demand of its page. */
export interface Handle {
  /** Puts the cursor to a fault. */
  show: (fault: TextFault) => void;
  /** Writes text at the cursor. */
  insert: (text: string) => void;
  /** Replaces the whole text. */
  replace: (text: string) => void;
}

interface Props {
  text: string;
  change: (text: string) => void;
  faults: TextFault[];
  warnings: TextFault[];
  dialect: string;
  schema: DatabaseSchema | undefined;
  known: Known;
  readOnly?: boolean;
  run: () => void;
  save: () => void;
  handle: Ref<Handle>;
}

export function TextEditor({
  text,
  change,
  faults,
  warnings,
  dialect,
  schema,
  known,
  readOnly,
  run,
  save,
  handle,
}: Props) {
  const { t, language } = useI18n();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const [parts] = useState(() => ({ language: new Compartment(), words: new Compartment() }));
  const now = useRef({ change, run, save, known });
  useEffect(() => {
    now.current = { change, run, save, known };
  });

  useEffect(() => {
    const made = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          keymap.of([
            { key: "Mod-Enter", run: () => (now.current.run(), true), preventDefault: true },
            { key: "Mod-s", run: () => (now.current.save(), true), preventDefault: true },
          ]),
          lineNumbers(),
          lintGutter(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSelectionMatches(),
          indentUnit.of("  "),
          autocompletion({ icons: false }),
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...completionKeymap,
            ...lintKeymap,
            indentWithTab,
          ]),
          EditorView.lineWrapping,
          EditorState.readOnly.of(readOnly ?? false),
          parts.language.of([]),
          parts.words.of([]),
          parameterMarks,
          looks,
          EditorView.updateListener.of((update) => {
            if (update.docChanged) now.current.change(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    return () => {
      made.destroy();
      view.current = null;
    };
    // The editor is made once, and told of what changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useImperativeHandle(handle, () => ({
    show: (fault) => {
      const editor = view.current!;
      const { from, to } = placeOf(editor.state.doc, fault);
      editor.dispatch({
        selection: { anchor: from, head: to },
        effects: EditorView.scrollIntoView(from, { y: "center" }),
      });
      editor.focus();
    },
    insert: (words) => {
      const editor = view.current!;
      editor.dispatch(editor.state.replaceSelection(words));
      editor.focus();
    },
    replace: (words) => {
      const editor = view.current!;
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: words } });
    },
  }));

  useEffect(() => {
    const completion = endpointCompletion({
      sources: () => now.current.known.sources(),
      parameters: () => now.current.known.parameters(),
      columns: () => now.current.known.columns(),
    });
    view.current?.dispatch({
      effects: parts.language.reconfigure(endpointLanguage(dialect, schema, completion)),
    });
  }, [dialect, schema, parts]);

  useEffect(() => {
    view.current?.dispatch({
      effects: parts.words.reconfigure(
        EditorView.contentAttributes.of({
          "aria-label": t("editor.text"),
          spellcheck: "false",
          tabindex: "0",
          lang: language,
        }),
      ),
    });
  }, [t, language, parts]);

  useEffect(() => {
    const editor = view.current;
    if (editor)
      editor.dispatch(
        setDiagnostics(
          editor.state,
          diagnostics(editor.state.doc, faults, warnings, (word) => t("editor.replace", { word })),
        ),
      );
  }, [faults, warnings, t]);

  return <div ref={host} className="editor-text" />;
}
