// Words in the user's language, and numbers and dates as its readers write them.
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { keep, kept } from "./keep";
import { en, type Key, type Words } from "./messages/en";

export type Language = "en" | "pt-BR";
export type { Key };

type Values = Record<string, string | number>;
type Translate = (key: Key, values?: Values) => string;

const chosen = (): Language => {
  const before = kept("language");
  if (before === "en" || before === "pt-BR") return before;
  return navigator.languages.some((language) => /^pt\b/i.test(language)) && !/^en\b/i.test(navigator.languages[0] ?? "")
    ? "pt-BR"
    : "en";
};

async function load(language: Language): Promise<Words> {
  return language === "en" ? en : (await import("./messages/pt-BR")).ptBR;
}

/** Puts values into the places of a message: `{name}`, and `{count|one|other}` by the language's plural. */
export function fill(message: string, values: Values, language: Language): string {
  return message.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (_, name: string, one?: string, other?: string) => {
    const value = values[name] ?? "";
    if (one === undefined) return typeof value === "number" ? value.toLocaleString(language) : value;
    return new Intl.PluralRules(language).select(Number(value)) === "one" ? one : (other ?? "");
  });
}

interface Context {
  language: Language;
  setLanguage: (language: Language) => void;
  t: Translate;
}

const Words = createContext<Context | null>(null);

/** Gives what is inside the words of the chosen language. Nothing is shown before they are there. */
export function I18n({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(chosen);
  const [words, setWords] = useState<{ language: Language; words: Words } | null>(
    language === "en" ? { language: "en", words: en } : null,
  );
  useEffect(() => {
    let current = true;
    void load(language).then((loaded) => {
      if (current) setWords({ language, words: loaded });
      document.documentElement.lang = language;
    });
    return () => {
      current = false;
    };
  }, [language]);
  const change = useCallback((next: Language) => {
    keep("language", next);
    setLanguage(next);
  }, []);
  const value = useMemo(
    () =>
      words && {
        language: words.language,
        setLanguage: change,
        t: (key: Key, values: Values = {}) => fill(words.words[key], values, words.language),
      },
    [words, change],
  );
  return value ? <Words value={value}>{children}</Words> : null;
}

/** The words, and the language that they are of. */
export function useI18n(): Context {
  const context = use(Words);
  if (!context) throw new Error("outside of I18n");
  return context;
}

export const useT = (): Translate => useI18n().t;
