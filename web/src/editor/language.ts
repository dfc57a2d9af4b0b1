// The language of endpoint files: SQL, with YAML in the comment that it begins with, and @parameters.
import {
  MSSQL,
  PostgreSQL,
  SQLite,
  StandardSQL,
  keywordCompletionSource,
  schemaCompletionSource,
  type SQLDialect,
  type SQLNamespace,
} from "@codemirror/lang-sql";
import { yamlLanguage } from "@codemirror/lang-yaml";
import { HighlightStyle, LanguageSupport, LRLanguage, syntaxHighlighting } from "@codemirror/language";
import {
  Decoration,
  EditorView,
  MatchDecorator,
  ViewPlugin,
  type DecorationSet,
  type ViewUpdate,
} from "@codemirror/view";
import type { CompletionSource } from "@codemirror/autocomplete";
import { parseMixed } from "@lezer/common";
import { tags } from "@lezer/highlight";
import type { DatabaseSchema } from "../api/types";

const opening = /^\uFEFF?\/\*---[^\n]*\n/;

/** Where the YAML of a text is; null where it has none. */
export function frontMatter(text: string): { from: number; to: number } | null {
  const found = opening.exec(text);
  if (!found) return null;
  const end = text.indexOf("\n---*/", found[0].length - 1);
  return { from: found[0].length, to: end < 0 ? text.length : Math.max(end, found[0].length) };
}

function dialectOf(name: string): SQLDialect {
  return { postgresql: PostgreSQL, postgres: PostgreSQL, sqlite: SQLite, mssql: MSSQL }[name] ?? StandardSQL;
}

/** Tables and columns as completion takes them. Those of the search path go without their schema too. */
export function namespaceOf(schema: DatabaseSchema | undefined): SQLNamespace {
  const tree: Record<string, Record<string, SQLNamespace>> = {};
  const flat: Record<string, SQLNamespace> = {};
  for (const table of schema?.tables ?? []) {
    const columns = table.columns.map((column) => ({
      label: column.name,
      type: "property",
      ...(column.type ? { detail: column.type } : {}),
      ...(column.comment ? { info: column.comment } : {}),
    }));
    const entry: SQLNamespace = {
      self: {
        label: table.name,
        type: "class",
        detail: table.kind.replaceAll("_", " "),
        ...(table.comment ? { info: table.comment } : {}),
      },
      children: columns,
    };
    if (table.in_search_path) flat[table.name] ??= entry;
    if (table.schema) (tree[table.schema] ??= {})[table.name] = entry;
  }
  return { ...flat, ...tree };
}

/** Completes the columns of the tables that a statement names. */
function columnCompletion(schema: DatabaseSchema | undefined): CompletionSource {
  return (context) => {
    const word = context.matchBefore(/\w+$/);
    if (!word || context.matchBefore(/\.\w*/)) return null;
    const words = new Set(context.state.doc.toString().toLowerCase().match(/\w+/g));
    const columns = new Map<string, string>();
    for (const table of schema?.tables ?? []) {
      if (!words.has(table.name.toLowerCase())) continue;
      for (const column of table.columns) columns.set(column.name, `${column.type ?? ""} ${table.name}`.trim());
    }
    const options = [...columns].map(([label, detail]) => ({ label, detail, type: "property", boost: 2 }));
    return options.length === 0 ? null : { from: word.from, options, validFor: /^\w*$/ };
  };
}

/** The language with what completes it: the statement's words, tables and columns, and what else is given. */
export function endpointLanguage(
  dialectName: string,
  schema: DatabaseSchema | undefined,
  more: CompletionSource,
): LanguageSupport {
  const dialect = dialectOf(dialectName);
  const language = (dialect.language as LRLanguage).configure({
    wrap: parseMixed((node, input) => {
      if (node.name !== "BlockComment" || node.from > 1) return null;
      const yaml = frontMatter(input.read(node.from, node.to));
      return yaml && yaml.to > yaml.from
        ? { parser: yamlLanguage.parser, overlay: [{ from: node.from + yaml.from, to: node.from + yaml.to }] }
        : null;
    }),
  });
  // In the front matter and behind @, only what is given completes.
  const inStatement =
    (source: CompletionSource): CompletionSource =>
    (context) => {
      const yaml = frontMatter(context.state.doc.toString());
      if ((yaml && context.pos <= yaml.to) || context.matchBefore(/@\w*/)) return null;
      return source(context);
    };
  return new LanguageSupport(language, [
    language.data.of({ autocomplete: inStatement(keywordCompletionSource(dialect, true)) }),
    language.data.of({ autocomplete: inStatement(schemaCompletionSource({ dialect, schema: namespaceOf(schema) })) }),
    language.data.of({ autocomplete: inStatement(columnCompletion(schema)) }),
    language.data.of({ autocomplete: more }),
    yamlLanguage.data.of({ autocomplete: more }),
  ]);
}

const parameters = new MatchDecorator({
  regexp: /(?<![@\w])@[a-z_][a-z0-9_]*/g,
  decoration: Decoration.mark({ class: "cm-parameter" }),
});

/** Colours @parameters. */
export const parameterMarks = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = parameters.createDeco(view);
    }
    update(update: ViewUpdate) {
      this.decorations = parameters.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.bool, tags.null], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.integer, tags.float], color: "var(--code-number)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment, tags.meta], color: "var(--code-comment)" },
  {
    tag: [tags.definition(tags.propertyName), tags.propertyName, tags.typeName, tags.standard(tags.name)],
    color: "var(--code-name)",
  },
  { tag: [tags.operator, tags.punctuation, tags.separator, tags.bracket], color: "var(--ink-2)" },
]);

/** The editor's looks, made of the design system's variables. */
export const looks = [
  syntaxHighlighting(colours),
  EditorView.theme({
    "&": { color: "var(--code-ink)", backgroundColor: "transparent", fontSize: "13px", height: "100%" },
    "&.cm-focused": { outline: "none" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.65" },
    ".cm-content": { caretColor: "var(--ink)", padding: "12px 0" },
    ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
    ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-3)", border: "none", paddingLeft: "6px" },
    ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 6%, transparent)" },
    ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      backgroundColor: "color-mix(in srgb, var(--accent) 24%, transparent)",
    },
    ".cm-parameter, .cm-parameter *": { color: "var(--code-param)" },
    ".cm-matchingBracket": { backgroundColor: "var(--bg-selected)", outline: "1px solid var(--line-strong)" },
    ".cm-tooltip": {
      backgroundColor: "var(--bg-raised)",
      color: "var(--ink)",
      border: "1px solid var(--line-strong)",
      borderRadius: "8px",
      boxShadow: "var(--shadow-2)",
      overflow: "hidden",
    },
    ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "15em" },
    ".cm-tooltip-autocomplete > ul > li": { padding: "3px 10px" },
    ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
      backgroundColor: "var(--accent)",
      color: "var(--on-accent)",
    },
    ".cm-completionDetail": { color: "inherit", fontStyle: "normal", marginLeft: "1em" },
    ".cm-completionInfo": { padding: "6px 10px", fontFamily: "var(--sans)" },
    ".cm-diagnostic": {
      padding: "8px 12px",
      fontFamily: "var(--sans)",
      maxWidth: "60ch",
      borderLeft: "3px solid var(--bad)",
    },
    ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
    ".cm-diagnosticAction": {
      backgroundColor: "var(--bg-hover)",
      color: "var(--ink)",
      borderRadius: "5px",
      padding: "2px 8px",
      marginTop: "6px",
    },
    ".cm-lintRange-error": {
      backgroundImage: "none",
      textDecoration: "underline wavy var(--bad) 1.5px",
      textUnderlineOffset: "3px",
      textDecorationSkipInk: "none",
    },
    ".cm-lintRange-warning": {
      backgroundImage: "none",
      textDecoration: "underline wavy var(--warn) 1.5px",
      textUnderlineOffset: "3px",
    },
    ".cm-panels": { backgroundColor: "var(--bg-sunken)", color: "var(--ink)" },
    ".cm-panels-bottom": { borderTop: "1px solid var(--line)" },
    ".cm-textfield": {
      backgroundColor: "var(--bg)",
      border: "1px solid var(--field)",
      borderRadius: "5px",
      padding: "3px 8px",
    },
    ".cm-button": {
      backgroundImage: "none",
      backgroundColor: "var(--bg-raised)",
      border: "1px solid var(--line-strong)",
      borderRadius: "5px",
    },
    ".cm-searchMatch": { backgroundColor: "var(--warn-soft)", outline: "1px solid var(--warn)" },
    ".cm-searchMatch-selected": { backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)" },
    ".cm-changedLine": { backgroundColor: "color-mix(in srgb, var(--ok) 8%, transparent) !important" },
    "&.cm-merge-a .cm-changedLine": { backgroundColor: "color-mix(in srgb, var(--bad) 8%, transparent) !important" },
    ".cm-changedText": { background: "color-mix(in srgb, var(--ok) 15%, transparent) !important" },
    "&.cm-merge-a .cm-changedText": { background: "color-mix(in srgb, var(--bad) 15%, transparent) !important" },
    ".cm-deletedChunk": {
      backgroundColor: "color-mix(in srgb, var(--bad) 8%, transparent) !important",
      padding: "0 6px",
    },
    ".cm-deletedText": {
      background: "color-mix(in srgb, var(--bad) 15%, transparent) !important",
      color: "var(--ink) !important", // on two layers of red the colours of words are too pale
    },
    ".cm-lint-marker": { width: "8px", height: "8px", margin: "0.5em 1px 0", borderRadius: "50%" },
    ".cm-lint-marker-error": { content: '""', backgroundColor: "var(--bad)" },
    ".cm-lint-marker-warning": { content: '""', backgroundColor: "var(--warn)" },
    ".cm-collapsedLines": { background: "var(--bg-sunken)", color: "var(--ink-2)", fontFamily: "var(--sans)" },
    ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: '""', margin: "0" },
  }),
];
