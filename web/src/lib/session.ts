// Who is signed in. The access token is held here and nowhere else; what outlives a reload is a cookie that no script sees.
import { parseContract } from "./contract";
import { Problem, refuse, send, type Options } from "./http";
import type { Arrival } from "./link";

export interface User {
  company_slug: string;
  name: string;
  display_name: string;
  policies: string[];
}

interface Pair {
  access_token: string;
  access_token_expires_in: number;
  key_ends_with_session: boolean;
  user: User;
}

/** Out, the session may have ended by itself: `expired` is whose it was. `error` is why it could not begin. In, the API key that it acts by may end
 * with it: `keyEnds`. */
export type Session =
  | { state: "unknown" }
  | { state: "out"; expired: User | null; error?: unknown }
  | { state: "in"; user: User; keyEnds: boolean };

/** Why a sign-in by a provider has come to nothing: a word of the server's, which the page puts into a sentence. */
export class Setback extends Error {}

let session: Session = { state: "unknown" };
let setback: Setback | null = null; // from which the page was opened; told until somebody is in
let token = "";
let expires = 0;
const listeners = new Set<() => void>();

/** Calls back after each change; returns what ends that. */
export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The session as it is now. The same object until it changes. */
export const current = (): Session => session;

function become(next: Session) {
  session = next;
  for (const listener of listeners) listener();
}

function keep(pair: Pair) {
  token = pair.access_token;
  // Renewed before it ends: a clock that runs, and a request on its way, take some of its time.
  expires = performance.now() + 1000 * Math.max(pair.access_token_expires_in - 30, pair.access_token_expires_in / 2);
  setback = null;
  become({ state: "in", user: pair.user, keyEnds: pair.key_ends_with_session });
}

/** Signs in by a key and its secret, or by the code of a one-time link. Rejects with a Problem. */
export async function signIn(
  credentials: { company_slug: string; api_key: string; api_secret: string } | { link_code: string },
): Promise<void> {
  const answer = await send("/api/v1/auth/session", { method: "POST", body: credentials });
  if (!answer.ok) await refuse(answer);
  keep((await answer.json()) as Pair);
}

/** Begins: by the code of a one-time link, or with the session that the browser has. */
export async function begin({ code, failed }: Arrival): Promise<void> {
  if (failed !== null) setback = new Setback(failed);
  try {
    await (code === null ? renew() : signIn({ link_code: code }));
  } catch (error) {
    become({ state: "out", expired: null, error });
  }
}

let renewing: Promise<void> | null = null;

/** Takes the session up again, once for all who wait. */
export function renew(): Promise<void> {
  renewing ??= (async () => {
    const answer = await send("/api/v1/auth/session/refresh", { method: "POST", body: {} });
    if (answer.ok) return keep((await answer.json()) as Pair);
    if (answer.status === 401 || answer.status === 403) {
      token = "";
      become({ state: "out", expired: session.state === "in" ? session.user : null, error: setback });
      return;
    }
    await refuse(answer);
  })().finally(() => {
    renewing = null;
  });
  return renewing;
}

/** Ends the session here and at the server. */
export async function signOut(): Promise<void> {
  token = "";
  become({ state: "out", expired: null });
  await send("/api/v1/auth/session", { method: "DELETE" });
}

/** Sends a request in the user's name. A token that has just ended is renewed once. */
export async function ask(path: string, options: Options = {}): Promise<Response> {
  if (performance.now() > expires) await renew();
  const once = () => send(path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } });
  if (token === "") throw new Problem(401, "UNAUTHENTICATED", "signed out");
  const answer = await once();
  if (answer.status !== 401) return answer;
  await renew();
  if (token === "") throw new Problem(401, "UNAUTHENTICATED", "signed out");
  return once();
}

/** Sends a request and returns its answer, which is a success. Rejects with a Problem. */
export async function fetched(path: string, options: Options = {}): Promise<Response> {
  const answer = await ask(path, options);
  if (!answer.ok) await refuse(answer);
  return answer;
}

/** Sends a request and returns its answer's JSON, of which contracts are a part: their numbers stay what they are. Rejects with a Problem. */
export async function contract<T>(path: string, options: Options = {}): Promise<T> {
  return parseContract<T>(await (await fetched(path, options)).text());
}

/** Sends a request and returns its answer's JSON. Metadata only: its numbers become JavaScript's. Rejects with a Problem. */
export async function json<T>(path: string, options: Options = {}): Promise<T> {
  const answer = await fetched(path, options);
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}
