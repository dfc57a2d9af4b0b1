// Figures of an axis.

/** Writes figures short, such as 1.05K, with as many digits as it takes to tell these apart. */
export function short(values: number[], language: string): (value: number) => string {
  const different = new Set(values).size;
  for (let digits = 1; ; digits++) {
    const { format } = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: digits });
    if (digits === 6 || new Set(values.map((value) => format(value))).size === different) return format;
  }
}
