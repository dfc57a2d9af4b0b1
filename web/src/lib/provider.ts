// Signing in by a company's identity provider: the page is left for the provider's, and opened again when that is done.
import { face } from "./base";
import { refuse, send } from "./http";
import { keepPlace } from "./link";

const path = "/api/v1/auth/session/sign-in";
let offer: Promise<boolean> | null = null;

/** Whether people of some company sign in by a provider. It is asked once, and false where nobody can say; providers lead to the console alone. */
export function offered(): Promise<boolean> {
  offer ??= face === "docs" ? Promise.resolve(false) : ask().catch(() => false);
  return offer;
}

async function ask(): Promise<boolean> {
  const answer = await send(path);
  return answer.ok && ((await answer.json()) as { available: boolean }).available;
}

/** Leaves for the provider of a company. Rejects with a Problem: NOT_FOUND where the company has none. */
export async function leave(company: string): Promise<void> {
  const answer = await send(path, { method: "POST", body: { company_slug: company } });
  if (!answer.ok) await refuse(answer);
  const { authorization_url } = (await answer.json()) as { authorization_url: string };
  keepPlace();
  location.assign(authorization_url);
}
