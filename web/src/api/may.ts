// What the signed-in user may do. The server decides; this only leaves out what would be refused.
import { useSuspenseQuery } from "@tanstack/react-query";
import { permissions } from "./queries";
import type { Permissions } from "./types";

export type Action =
  | "data_api:execute"
  | "data_api:get_job"
  | "data_api:cancel_job"
  | "data_api:create_link"
  | "data_api:get_usage"
  | "visualization:view"
  | "visualization:edit"
  | "access:manage";

function matches(pattern: string, endpoint: string): boolean {
  if (pattern === "*") return true;
  const [namespace = "", slug = ""] = pattern.split("/");
  const [wantedNamespace = "", wantedSlug = ""] = endpoint.split("/");
  const part = (text: string, wanted: string) =>
    text.endsWith("*") ? wanted.startsWith(text.slice(0, -1)) : text === wanted;
  return part(namespace, wantedNamespace) && part(slug, wantedSlug);
}

/** Whether the permissions allow an action: on one endpoint, or without one, on any. */
export function allows(document: Permissions, action: Action, endpoint?: string): boolean {
  return document.actions.some(
    (grant) =>
      grant.action === action &&
      (endpoint === undefined || grant.endpoints.some((pattern) => matches(pattern, endpoint))),
  );
}

/** What the user may do, as a function. The view waits until it is known. */
export function useMay(): (action: Action, endpoint?: string) => boolean {
  const { data } = useSuspenseQuery(permissions);
  return (action, endpoint) => allows(data, action, endpoint);
}
