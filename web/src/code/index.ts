// Programs that call one endpoint, as text. Each runs as it is, once it is given the key and its secret: from the
// environment, or where it says.
import { appsscript } from "./appsscript";
import type { Call } from "./common";
import { curl } from "./curl";
import { javascript } from "./javascript";
import { powerquery } from "./powerquery";
import { pandas, python } from "./python";
import { r } from "./r";
import { typescript } from "./typescript";

export type { Call };

/** The programs that there are, in the order in which they are shown. */
export const languages = [
  { id: "curl", title: "curl", write: curl },
  { id: "python", title: "Python", write: python },
  { id: "pandas", title: "pandas", write: pandas },
  { id: "typescript", title: "TypeScript", write: typescript },
  { id: "javascript", title: "JavaScript", write: javascript },
  { id: "r", title: "R", write: r },
  { id: "powerquery", title: "Power Query", write: powerquery },
  { id: "appsscript", title: "Apps Script", write: appsscript },
] as const;

export type LanguageId = (typeof languages)[number]["id"];

/** The program in a language. */
export const program = (id: LanguageId, call: Call): string => languages.find((one) => one.id === id)!.write(call);
