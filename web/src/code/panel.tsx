// The call as a program, in the language that one last looked at.
import { useMemo, useState } from "react";
import { keep, kept } from "../lib/keep";
import { useT } from "../lib/i18n";
import { Copy, Tabs } from "../ui/parts";
import { highlight } from "./highlight";
import { languages, program, type Call, type LanguageId } from "./index";

export function CodePanel({ call }: { call: Call }) {
  const t = useT();
  const [language, setLanguage] = useState<LanguageId>(() => {
    const before = kept("program");
    return languages.find((one) => one.id === before)?.id ?? "curl";
  });
  const text = useMemo(() => program(language, call), [language, call]);
  const title = languages.find((one) => one.id === language)!.title;
  return (
    <section className="card code-card" aria-label={t("code.title")}>
      <div className="code-head">
        <Tabs
          label={t("code.title")}
          panel="code-panel"
          tabs={languages.map(({ id, title: name }) => ({ id, title: name }))}
          chosen={language}
          choose={(id) => {
            setLanguage(id as LanguageId);
            keep("program", id);
          }}
        />
      </div>
      <div role="tabpanel" id="code-panel" aria-labelledby={`code-panel-${language}`} className="code-body">
        <pre tabIndex={0} aria-label={title}>
          <code>{highlight(text)}</code>
        </pre>
        <div className="code-copy">
          <Copy text={text} label={t("code.copy", { language: title })} />
        </div>
      </div>
    </section>
  );
}
