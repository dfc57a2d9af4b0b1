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
import { useEffect, useRef, type RefObject } from "react";
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
  handle: RefObject<Handle | null>;
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
  const parts = useRef({ language: new Compartment(), words: new Compartment() });
  const now = useRef({ change, run, save, known });
  useEffect(() => {
    now.current = { change, run, save, known };
  });

  useEffect(() => {
    const command = (name: "run" | "save") => () => {
      now.current[name]();
      return true;
    };
    const made = new EditorView({
      parent: host.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          keymap.of([
            { key: "Mod-Enter", run: command("run"), preventDefault: true },
            { key: "Mod-s", run: command("save"), preventDefault: true },
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
          parts.current.language.of([]),
          parts.current.words.of([]),
          parameterMarks,
          looks,
          EditorView.updateListener.of((update) => {
            if (update.docChanged) now.current.change(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = made;
    handle.current = {
      show: (fault) => {
        const { from, to } = placeOf(made.state.doc, fault);
        made.dispatch({
          selection: { anchor: from, head: to },
          effects: EditorView.scrollIntoView(from, { y: "center" }),
        });
        made.focus();
      },
      insert: (words) => {
        made.dispatch(made.state.replaceSelection(words));
        made.focus();
      },
      replace: (words) => made.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: words } }),
    };
    return () => {
      made.destroy();
      view.current = null;
    };
    // The editor is made once, and told of what changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  useEffect(() => {
    const completion = endpointCompletion({
      sources: () => now.current.known.sources(),
      parameters: () => now.current.known.parameters(),
      columns: () => now.current.known.columns(),
    });
    view.current?.dispatch({
      effects: parts.current.language.reconfigure(endpointLanguage(dialect, schema, completion)),
    });
  }, [dialect, schema]);

  useEffect(() => {
    view.current?.dispatch({
      effects: parts.current.words.reconfigure(
        EditorView.contentAttributes.of({ "aria-label": t("editor.text"), spellcheck: "false", lang: language }),
      ),
    });
  }, [t, language]);

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
