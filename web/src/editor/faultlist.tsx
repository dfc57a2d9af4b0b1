// The faults as a list: each leads to its place in the text.
import type { TextFault } from "../api/types";
import { useT } from "../lib/i18n";
import { Icon } from "../ui/icons";
import { Empty } from "../ui/parts";

interface Props {
  faults: TextFault[];
  warnings: TextFault[];
  settled: boolean;
  show: (fault: TextFault) => void;
}

export function FaultList({ faults, warnings, settled, show }: Props) {
  const t = useT();
  if (faults.length + warnings.length === 0) {
    return (
      <Empty icon={settled ? "check" : "jobs"} title={t(settled ? "editor.sound" : "editor.checking")}>
        {settled ? t("editor.sound.text") : null}
      </Empty>
    );
  }
  return (
    <ul className="faults">
      {[...faults.map((fault) => ({ fault, bad: true })), ...warnings.map((fault) => ({ fault, bad: false }))].map(
        ({ fault, bad }, index) => (
          <li key={index}>
            <button type="button" onClick={() => show(fault)} className={bad ? "bad" : "warn"}>
              <Icon name={bad ? "warn" : "info"} />
              <span className="grow break">
                {fault.message}
                {fault.allowed && fault.allowed.length > 0 ? (
                  <span className="small dim fault-allowed">
                    {t("editor.allowed")} {fault.allowed.slice(0, 12).join(", ")}
                  </span>
                ) : null}
              </span>
              <code className="xs dim">
                {fault.line}:{fault.column}
              </code>
            </button>
          </li>
        ),
      )}
    </ul>
  );
}
