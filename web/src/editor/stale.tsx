// Somebody has saved in between: the three texts become one, and what both have changed is asked about.
import { useMemo, useState } from "react";
import { useT } from "../lib/i18n";
import { Dialog } from "../ui/dialog";
import { Button, Note } from "../ui/parts";
import { merge3, resolve, type Choice } from "./merge3";

interface Props {
  mine: string;
  base: string;
  theirs: string;
  author: string;
  close: () => void;
  take: (text: string) => void;
}

/** Has the dialog begin at this input when it opens: by itself it would begin at the first text that scrolls. */
const first = (one: HTMLInputElement | null) => one?.setAttribute("autofocus", "");

export function Stale({ mine, base, theirs, author, close, take }: Props) {
  const t = useT();
  const pieces = useMemo(() => merge3(mine, base, theirs), [mine, base, theirs]);
  const conflicts = pieces.filter((piece) => piece.kind === "conflict");
  const [choices, setChoices] = useState<(Choice | undefined)[]>([]);
  const open = conflicts.filter((_, index) => choices[index] === undefined).length;
  const choose = (at: number, choice: Choice) =>
    setChoices(Array.from(conflicts, (_, index) => (index === at ? choice : choices[index])));
  return (
    <Dialog
      wide
      title={t("stale.title", { author })}
      close={close}
      submit={() => open === 0 && take(resolve(pieces, choices))}
      foot={
        <>
          <span className="foot-words small dim" role="status">
            {open > 0 ? t("stale.open", { count: open }) : t("stale.ready")}
          </span>
          <Button onClick={close}>{t("stale.keep")}</Button>
          <Button type="submit" look="primary" disabled={open > 0}>
            {t("stale.take")}
          </Button>
        </>
      }
    >
      <Note tone="warn">
        {t(conflicts.length === 0 ? "stale.clean" : "stale.conflicts", { count: conflicts.length })}
      </Note>
      {conflicts.map((piece, index) =>
        piece.kind === "conflict" ? (
          <fieldset key={index} className="conflict">
            <legend className="label">{t("stale.conflict", { number: index + 1 })}</legend>
            <div className="conflict-sides">
              {(
                [
                  ["mine", piece.mine],
                  ["base", piece.base],
                  ["theirs", piece.theirs],
                ] as const
              ).map(([side, lines]) => (
                <div
                  key={side}
                  className={`conflict-side ${choices[index] === side || choices[index] === "both" ? "chosen" : ""}`}
                >
                  <p className="small dim">{t(`stale.${side}`)}</p>
                  <pre tabIndex={0} aria-label={t(`stale.${side}`)}>
                    {lines.join("\n") || t("stale.nothing")}
                  </pre>
                </div>
              ))}
            </div>
            <div className="row wrap choice">
              {(["mine", "theirs", "both"] as const).map((choice) => (
                <label key={choice} className="check">
                  <input
                    type="radio"
                    ref={index === 0 && choice === "mine" ? first : undefined}
                    name={`conflict-${index}`}
                    checked={choices[index] === choice}
                    onChange={() => choose(index, choice)}
                  />
                  {t(`stale.choose.${choice}`)}
                </label>
              ))}
            </div>
          </fieldset>
        ) : null,
      )}
    </Dialog>
  );
}
