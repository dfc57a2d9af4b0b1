// Why an attempt to deliver a callback did not succeed, in the reader's language.
import type { Attempt } from "../api/types";
import type { Key } from "./i18n";
import { en } from "./messages/en";

/** The sentence for the server's word. Where the word is unknown, the server's own words; null: it did succeed. */
export function whyNot(attempt: Attempt, t: (key: Key) => string): string | null {
  const key = `deliveries.reason.${attempt.reason}`;
  return key in en ? t(key as Key) : attempt.error;
}

/** What the server's own words say beyond that: of an answer the status says it already. */
export const detail = (attempt: Attempt): string | null =>
  attempt.reason === null || attempt.status !== null ? null : attempt.error;
