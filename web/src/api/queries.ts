// What the views ask for, kept and renewed by TanStack Query.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { parseContract } from "../lib/contract";
import { mayPass, refuse } from "../lib/http";
import { ask, contract, json } from "../lib/session";
import type {
  Activity,
  ApiKey,
  Callable,
  DatabaseSchema,
  Delivery,
  JobRow,
  Managed,
  Permissions,
  Policy,
  RecentError,
  Revision,
  Source,
  Status,
  Usage,
  UserRow,
} from "./types";

export const endpointPath = (namespace: string, slug: string) =>
  `/api/v1/data-api/${encodeURIComponent(namespace)}/${encodeURIComponent(slug)}`;

/** A query string of what is set. */
export function query(values: Record<string, string | number | boolean | null | undefined>): string {
  const set = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return set.length === 0 ? "" : `?${new URLSearchParams(set.map(([key, value]) => [key, String(value)]))}`;
}

interface Paged {
  next_cursor: string | null;
}

function pages<T extends Paged>(
  key: unknown[],
  path: string,
  filter: Record<string, string | number | boolean | null | undefined>,
) {
  return infiniteQueryOptions({
    queryKey: [...key, filter],
    queryFn: ({ pageParam, signal }) => json<T>(path + query({ ...filter, cursor: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (page: T) => page.next_cursor,
  });
}

export const permissions = queryOptions({
  queryKey: ["permissions"],
  queryFn: ({ signal }) => json<Permissions>("/api/v1/auth/permissions", { signal }),
  staleTime: 60_000,
});

/** All endpoints that the caller may run. */
export const callables = queryOptions({
  queryKey: ["callables"],
  queryFn: async ({ signal }) => {
    const all: Callable[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: { endpoints: Callable[] } & Paged = await contract(
        `/api/v1/data-api${query({ limit: 1000, cursor })}`,
        {
          signal,
        },
      );
      all.push(...page.endpoints);
      cursor = page.next_cursor;
    }
    return all;
  },
  staleTime: 30_000,
});

export const catalog = (filter: { q?: string; origin?: string; mode?: string; faulty?: boolean | null }) =>
  pages<{ endpoints: Managed[]; may_create: boolean } & Paged>(["catalog"], "/api/v1/data-api/catalog", filter);

export interface ManagedWithTag {
  endpoint: Managed;
  etag: string;
}

/** Reads an endpoint with its ETag out of an answer. */
export async function managedOf(answer: Response): Promise<ManagedWithTag> {
  if (!answer.ok) await refuse(answer);
  return { endpoint: parseContract<Managed>(await answer.text()), etag: answer.headers.get("ETag") ?? "" };
}

export const managed = (namespace: string, slug: string) =>
  queryOptions({
    queryKey: ["managed", namespace, slug],
    queryFn: async ({ signal }) => managedOf(await ask(endpointPath(namespace, slug), { signal })),
  });

export const revisions = (namespace: string, slug: string) =>
  pages<{ revisions: Revision[] } & Paged>(
    ["revisions", namespace, slug],
    `${endpointPath(namespace, slug)}/revisions`,
    {},
  );

export const revision = (namespace: string, slug: string, version: number) =>
  queryOptions({
    queryKey: ["revision", namespace, slug, version],
    queryFn: ({ signal }) => json<Revision>(`${endpointPath(namespace, slug)}/revisions/${version}`, { signal }),
    staleTime: Infinity,
  });

export const activity = queryOptions({
  queryKey: ["activity"],
  queryFn: ({ signal }) =>
    json<{ hours: string[]; measured_since: string; endpoints: Activity[] }>("/api/v1/activity", { signal }),
  staleTime: 20_000,
});

export const endpointActivity = (namespace: string, slug: string) =>
  queryOptions({
    queryKey: ["activity", namespace, slug],
    queryFn: ({ signal }) =>
      json<Omit<Activity, "endpoint"> & { hours: string[]; measured_since: string; recent_errors: RecentError[] }>(
        `/api/v1/activity/${encodeURIComponent(namespace)}/${encodeURIComponent(slug)}`,
        { signal },
      ),
    staleTime: 10_000,
  });

export const sources = queryOptions({
  queryKey: ["sources"],
  queryFn: async ({ signal }) => (await json<{ sources: Source[] }>("/api/v1/sources", { signal })).sources,
  staleTime: 60_000,
});

export const schema = (source: string) =>
  queryOptions({
    queryKey: ["schema", source],
    queryFn: ({ signal }) => json<DatabaseSchema>(`/api/v1/sources/${encodeURIComponent(source)}/schema`, { signal }),
    staleTime: 60_000,
    retry: false,
  });

export const jobs = (filter: { status?: string; endpoint?: string; user?: string }) =>
  pages<{ jobs: JobRow[] } & Paged>(["jobs"], "/api/v1/jobs", filter);

export const deliveries = (filter: { state?: string; endpoint?: string }) =>
  pages<{ deliveries: Delivery[] } & Paged>(["deliveries"], "/api/v1/deliveries", filter);

export const delivery = (id: string) =>
  queryOptions({
    queryKey: ["delivery", id],
    queryFn: ({ signal }) => json<Delivery>(`/api/v1/deliveries/${encodeURIComponent(id)}`, { signal }),
  });

export const users = (filter: { q?: string }) =>
  pages<{ users: UserRow[]; authorable: boolean } & Paged>(["users"], "/api/v1/users", filter);

export const policies = queryOptions({
  queryKey: ["policies"],
  queryFn: async ({ signal }) => (await json<{ policies: Policy[] }>("/api/v1/policies", { signal })).policies,
  staleTime: 60_000,
});

export const keys = (filter: { user?: string; state?: string }) =>
  pages<{ keys: ApiKey[] } & Paged>(["keys"], "/api/v1/keys", filter);

export const usage = (filter: { from: string; to: string; by: string; limit?: number }) =>
  queryOptions({
    queryKey: ["usage", filter],
    queryFn: ({ signal }) => json<Usage>(`/api/v1/usage${query({ limit: 10000, ...filter })}`, { signal }),
  });

export const status = queryOptions({
  queryKey: ["status"],
  queryFn: ({ signal }) => json<Status>("/api/v1/status", { signal }),
  refetchInterval: 10_000,
});

/** Whether a failed request is worth a second try. */
export function again(count: number, error: unknown): boolean {
  return count < 2 && mayPass(error);
}
