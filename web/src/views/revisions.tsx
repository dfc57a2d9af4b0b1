// How an endpoint came to be: each version, who made it, what it changed, and the way back to it.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { endpointPath, managed, managedOf, revision, revisions } from "../api/queries";
import type { Managed, Revision } from "../api/types";
import { Moment } from "../lib/format";
import { useAddress } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { ask } from "../lib/session";
import { Confirm } from "../ui/dialog";
import { More } from "../ui/list";
import { Badge, Bones, Button, Empty, Failure } from "../ui/parts";
import { toast } from "../ui/toast";

const Diff = lazy(() => import("../editor/diff"));

export default function Revisions({ endpoint, etag }: { endpoint: Managed; etag: string }) {
  const { t } = useI18n();
  const list = useInfiniteQuery(revisions(endpoint.namespace, endpoint.slug));
  const all = list.data?.pages.flatMap((page) => page.revisions) ?? [];
  const [chosen, choose] = useAddress("version");
  const shown = all.find((one) => String(one.version) === chosen) ?? all[0];
  if (list.error) return <Failure error={list.error} again={() => void list.refetch()} />;
  if (list.isPending)
    return (
      <div className="card">
        <Bones />
      </div>
    );
  if (all.length === 0) {
    return (
      <div className="card">
        <Empty icon="history" title={t("revisions.file")}>
          {t("revisions.file.text", { path: endpoint.path ?? "" })}
        </Empty>
      </div>
    );
  }
  return (
    <div className="split side-first">
      <div className="card">
        <ul className="versions">
          {all.map((one) => (
            <li key={one.version}>
              <button type="button" aria-current={one === shown} onClick={() => choose(String(one.version))}>
                <span className="row apart">
                  <span className="strong">
                    {t("revisions.version", { version: one.version })} · {t(`revisions.${one.action}`)}
                  </span>
                  {one.current ? <Badge tone="accent">{t("revisions.current")}</Badge> : null}
                </span>
                {one.message ? <span className="break">{one.message}</span> : null}
                <span className="small dim">
                  {one.author ?? "—"} · <Moment at={one.saved_at} />
                </span>
              </button>
            </li>
          ))}
        </ul>
        <More query={list} />
      </div>
      {shown ? <Shown endpoint={endpoint} etag={etag} one={shown} before={all[all.indexOf(shown) + 1]} /> : null}
    </div>
  );
}

function Shown({
  endpoint,
  etag,
  one,
  before,
}: {
  endpoint: Managed;
  etag: string;
  one: Revision;
  before: Revision | undefined;
}) {
  const { t } = useI18n();
  const client = useQueryClient();
  const [against, setAgainst] = useState<"before" | "current">("before");
  const [asking, setAsking] = useState(false);
  const text = useQuery(revision(endpoint.namespace, endpoint.slug, one.version));
  const other = useQuery({
    ...revision(endpoint.namespace, endpoint.slug, before?.version ?? 0),
    enabled: before !== undefined && against === "before",
  });
  const left = against === "current" ? (text.data?.text ?? "") : before ? (other.data?.text ?? "") : "";
  const right = against === "current" ? (endpoint.text ?? "") : (text.data?.text ?? "");
  const ready = text.data && (against === "current" || !before || other.data);
  const restore = async () => {
    const answer = await managedOf(
      await ask(`${endpointPath(endpoint.namespace, endpoint.slug)}/revisions/${one.version}/restore`, {
        method: "POST",
        headers: { "If-Match": etag },
        body: {},
      }),
    );
    client.setQueryData(managed(endpoint.namespace, endpoint.slug).queryKey, answer);
    await client.invalidateQueries({ queryKey: ["revisions"] });
    await client.invalidateQueries({ queryKey: ["catalog"] });
    toast(t("revisions.restored.done", { version: one.version }));
  };
  return (
    <div className="card">
      <div className="card-head">
        <div className="segments" role="group" aria-label={t("revisions.compare")}>
          <button type="button" aria-pressed={against === "before"} onClick={() => setAgainst("before")}>
            {t("revisions.changes")}
          </button>
          <button type="button" aria-pressed={against === "current"} onClick={() => setAgainst("current")}>
            {t("revisions.against")}
          </button>
        </div>
        {endpoint.may.edit && !one.current && one.revision ? (
          <Button size="small" icon="history" onClick={() => setAsking(true)}>
            {t("revisions.restore")}
          </Button>
        ) : null}
      </div>
      {text.error ? (
        <div className="card-body">
          <Failure error={text.error} />
        </div>
      ) : ready ? (
        <Suspense fallback={<Bones lines={8} columns={1} />}>
          <Diff
            before={left}
            after={right}
            titles={
              against === "current"
                ? [t("revisions.version", { version: one.version }), t("revisions.now")]
                : [
                    before ? t("revisions.version", { version: before.version }) : t("revisions.nothing"),
                    t("revisions.version", { version: one.version }),
                  ]
            }
          />
        </Suspense>
      ) : (
        <Bones lines={8} columns={1} />
      )}
      {asking ? (
        <Confirm
          title={t("revisions.restore.ask", { version: one.version })}
          action={t("revisions.restore")}
          danger={false}
          close={() => setAsking(false)}
          run={restore}
        >
          <p>{t("revisions.restore.text")}</p>
        </Confirm>
      ) : null}
    </div>
  );
}
