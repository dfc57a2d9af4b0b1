// Colours for programs: comments, strings, numbers and words of the language. It only has to please the eye.
import type { ReactNode } from "react";

const words =
  /^(as|async|await|break|case|class|const|continue|def|do|done|each|elif|else|esac|except|export|False|false|fi|for|from|func|function|if|import|in|interface|is|let|library|new|None|not|null|NULL|or|raise|repeat|return|then|throw|True|TRUE|FALSE|true|try|type|while|with)$/;
const token =
  /(#\([^)]*\)|(?:#(?!")|\/\/).*$)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|(\b\d[\d._]*\b)|((?<=\s)--[\w-]+|[A-Za-z_$][\w$]*)/gm;

export function highlight(text: string): ReactNode[] {
  const made: ReactNode[] = [];
  let at = 0;
  for (const found of text.matchAll(token)) {
    const kind = found[1]
      ? "comment"
      : found[2]
        ? "string"
        : found[3]
          ? "number"
          : words.test(found[0])
            ? "keyword"
            : "";
    if (kind === "") continue;
    made.push(text.slice(at, found.index));
    made.push(
      <span key={found.index} className={`c-${kind}`}>
        {found[0]}
      </span>,
    );
    at = found.index + found[0].length;
  }
  made.push(text.slice(at));
  return made;
}
