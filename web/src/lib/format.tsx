// Numbers and dates as a locale's readers write them; what they are exactly is in the title.
import { useEffect, useState } from "react";
import { useI18n } from "./i18n";

/** A moment, such as "5 minutes ago" or a date; its exact time is shown on demand. */
export function Moment({
  at,
  style = "relative",
  none = "—",
}: {
  at: string | null | undefined;
  style?: "relative" | "full";
  /** What is shown where there is no such moment. */
  none?: string;
}) {
  const { language } = useI18n();
  const now = useNow(style === "relative");
  if (!at) return <span className="dim">{none}</span>;
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return <>{at}</>;
  return (
    <time dateTime={at} title={at} className="nowrap">
      {style === "relative"
        ? relative(time, now, language)
        : time.toLocaleString(language, { dateStyle: "medium", timeStyle: "medium" })}
    </time>
  );
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

function relative(time: Date, now: number, language: string): string {
  const distance = time.getTime() - now;
  if (Math.abs(distance) > 14 * 86_400_000) return time.toLocaleDateString(language, { dateStyle: "medium" });
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const [unit, length] = steps.find(([, size]) => Math.abs(distance) >= size) ?? ["second", 1000];
  return format.format(Math.trunc(distance / length), unit);
}

/** The time, renewed now and then. */
export function useNow(moving = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!moving) return;
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, [moving]);
  return now;
}

/** Short numbers, such as 1.2K; all digits are in the title. */
export function Count({ value }: { value: number | null | undefined }) {
  const { language } = useI18n();
  if (value === null || value === undefined) return <span className="dim">—</span>;
  const short = value.toLocaleString(language, {
    notation: value >= 10_000 ? "compact" : "standard",
    maximumFractionDigits: 1,
  });
  return (
    <span className="digits" title={value.toLocaleString(language, { maximumFractionDigits: 3 })}>
      {short}
    </span>
  );
}

/** A figure with its unit, kept on one line. The units' symbols are the same in every language. */
const measure = (value: number, digits: number, unit: string, language: string) =>
  `${value.toLocaleString(language, { maximumFractionDigits: digits })}\u00a0${unit}`;

/** Milliseconds as people say them. */
export function milliseconds(value: number, language: string): string {
  if (value < 1000) return measure(value, value < 10 ? 1 : 0, "ms", language);
  return value < 120_000 ? measure(value / 1000, 1, "s", language) : measure(value / 60_000, 1, "min", language);
}

export function bytes(value: number, language: string): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    step++;
  }
  return measure(value, step ? 1 : 0, units[step]!, language);
}

/** A figure; a zero steps back. */
export function Some({ value = 0, bad }: { value?: number | undefined; bad?: boolean }) {
  return (
    <span className={value === 0 ? "dim" : bad ? "fault" : undefined}>
      <Count value={value} />
    </span>
  );
}
