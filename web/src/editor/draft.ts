// Drafts, kept in this browser until they are saved: a tab that is closed loses nothing.
import { keep, kept, keptNames } from "../lib/keep";

export interface Draft {
  text: string;
  /** The text that the draft was begun from, and its ETag: what a stale save is merged with. Empty for a new endpoint. */
  base: string;
  etag: string;
  at: string;
}

const name = (company: string, address: string) => `draft:${company}/${address}`;

/** The draft of an address, such as `default/sales`; `new` is that of an endpoint that has none yet. */
export function readDraft(company: string, address: string): Draft | null {
  const text = kept(name(company, address));
  if (text === null) return null;
  try {
    const draft = JSON.parse(text) as Draft;
    return typeof draft.text === "string" ? draft : null;
  } catch {
    return null;
  }
}

export function writeDraft(company: string, address: string, draft: Draft | null): boolean {
  return keep(name(company, address), draft === null ? null : JSON.stringify(draft));
}

/** The addresses of which there are drafts. */
export function drafts(company: string): string[] {
  return keptNames(`draft:${company}/`).map((one) => one.slice(`draft:${company}/`.length));
}

/** What a new endpoint begins with. It is not live until it is activated. */
export function template(source: string): string {
  return `/*---
title: 
description: 
source: ${source}
mode: sync
active: false
params:
  city: { type: string, max_length: 40 }
limits: { timeout: 10s, max_rows: 1000 }
---*/
SELECT 1 AS n
WHERE @city IS NULL OR @city <> ''
`;
}
