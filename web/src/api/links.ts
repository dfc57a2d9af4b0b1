// The presigned links to an endpoint. Apart from the other queries, since it reads values digit by digit, and few views want it.
import { infiniteQueryOptions } from "@tanstack/react-query";
import { texts } from "../lib/exact";
import { fetched } from "../lib/session";
import { endpointPath, query } from "./queries";
import type { LinkRow } from "./types";

interface LinkPage {
  links: LinkRow[];
  next_cursor: string | null;
}

export const linksKey = (namespace: string, slug: string) => ["links", namespace, slug];

export const links = (namespace: string, slug: string) =>
  infiniteQueryOptions({
    queryKey: linksKey(namespace, slug),
    queryFn: async ({ pageParam, signal }) => {
      const path = `${endpointPath(namespace, slug)}/links${query({ limit: 200, cursor: pageParam })}`;
      return readLinks(await (await fetched(path, { signal })).text());
    },
    initialPageParam: "",
    getNextPageParam: (page: LinkPage) => page.next_cursor,
  });

/** Reads a page of links, with the values that they are bound to as the text that is there. */
function readLinks(text: string): LinkPage {
  const page = JSON.parse(text) as LinkPage;
  const all = texts(texts(text).get("links") ?? "[]");
  page.links.forEach((one, index) => {
    one.parameter_values = texts(texts(all.get(String(index)) ?? "{}").get("parameter_values") ?? "{}");
  });
  return page;
}
