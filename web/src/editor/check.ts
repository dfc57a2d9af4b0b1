// The check of a draft: asked a moment after the last key, and once more for each text at most.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Check } from "../api/types";
import { useRested } from "../lib/hooks";
import { contract } from "../lib/session";

/** What is wrong with a text, as the server says. It saves nothing. */
export function useCheck(namespace: string, slug: string, text: string) {
  const rested = useRested(text, 350);
  const query = useQuery({
    queryKey: ["check", namespace, slug, rested],
    queryFn: ({ signal }) =>
      contract<Check>("/api/v1/data-api/check", { method: "POST", body: { namespace, slug, text: rested }, signal }),
    enabled: namespace !== "" && slug !== "",
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
    retry: false,
  });
  return {
    check: query.data,
    error: query.error,
    checking: query.isFetching || rested !== text,
    settled: query.isSuccess && !query.isPlaceholderData && rested === text,
  };
}
