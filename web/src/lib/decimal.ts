// Numbers as text: compared and shown without becoming doubles.

interface Parts {
  negative: boolean;
  digits: string; // without zeros in front
  exponent: number; // of ten, behind the last digit
}

function parts(text: string): Parts | null {
  const found = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!found) return null;
  const fraction = found[3] ?? "";
  return {
    negative: found[1] === "-",
    digits: (found[2]! + fraction).replace(/^0+/, ""),
    exponent: Number(found[4] ?? 0) - fraction.length,
  };
}

function magnitude(a: Parts, b: Parts): number {
  if (a.digits === "" || b.digits === "") return (a.digits === "" ? 0 : 1) - (b.digits === "" ? 0 : 1);
  const order = a.digits.length + a.exponent - (b.digits.length + b.exponent);
  if (order !== 0) return order;
  const length = Math.max(a.digits.length, b.digits.length);
  const [x, y] = [a.digits.padEnd(length, "0"), b.digits.padEnd(length, "0")];
  return x < y ? -1 : x > y ? 1 : 0;
}

// The order in which PostgreSQL has them: what is no number comes last.
const special: Record<string, number> = { "-Infinity": -1, Infinity: 1, NaN: 2 };

/** Orders two numbers by their value, digit by digit. */
export function compareNumbers(a: string, b: string): number {
  const [sa, sb] = [special[a] ?? 0, special[b] ?? 0];
  if (sa !== 0 || sb !== 0) return sa - sb;
  const [x, y] = [parts(a), parts(b)];
  if (!x || !y) return a < b ? -1 : a > b ? 1 : 0;
  const negative = { x: x.negative && x.digits !== "", y: y.negative && y.digits !== "" };
  if (negative.x !== negative.y) return negative.x ? -1 : 1;
  return negative.x ? magnitude(y, x) : magnitude(x, y);
}

/** The number in a locale's writing, with every digit of its scale. What cannot be shown so exactly stays as it is. */
export function localNumber(text: string, locale: string): string {
  const found = /^-?\d+(?:\.(\d+))?$/.exec(text);
  const scale = found?.[1]?.length ?? 0;
  if (!found || scale > 100) return text;
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: scale, maximumFractionDigits: scale });
  // Engines that read the text as a double would lose digits: those show it as it is.
  const made = format.format(text as unknown as number);
  return made.replace(/\D/g, "") === text.replace(/\D/g, "") ? made : text;
}
