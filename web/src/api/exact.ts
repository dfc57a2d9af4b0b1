// What holds values of parameters, read digit by digit. Apart from the other queries, since few views want it.
import { queryOptions } from "@tanstack/react-query";
import { fetched } from "../lib/session";
import { readJob, readUser } from "./reading";

export const user = (name: string) =>
  queryOptions({
    queryKey: ["user", name],
    queryFn: async ({ signal }) => {
      const answer = await fetched(`/api/v1/users/${encodeURIComponent(name)}`, { signal });
      return { user: readUser(await answer.text()), etag: answer.headers.get("ETag") ?? "" };
    },
  });

export const job = (id: string) =>
  queryOptions({
    queryKey: ["job", id],
    queryFn: async ({ signal }) =>
      readJob(await (await fetched(`/api/v1/jobs/${encodeURIComponent(id)}`, { signal })).text()),
  });
