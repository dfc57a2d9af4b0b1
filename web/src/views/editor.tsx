// Making and changing an endpoint. Which text one begins with is settled here; the workbench does the rest.
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "wouter";
import { managed, sources } from "../api/queries";
import type { Managed } from "../api/types";
import { readDraft, template, type Draft } from "../editor/draft";
import { Workbench } from "../editor/workbench";
import { useI18n } from "../lib/i18n";
import { useCompany } from "../lib/hooks";
import { Page } from "../ui/page";
import { Bones, Failure } from "../ui/parts";

interface Props {
  namespace?: string;
  slug?: string;
}

export default function Editor({ namespace, slug }: Props) {
  const { t } = useI18n();
  const company = useCompany();
  const [search] = useSearchParams();
  const from = (search.get("from") ?? "").split("/");
  const editing = namespace !== undefined && slug !== undefined;
  const copied = from.length === 2;
  const [sourceNamespace = "", sourceSlug = ""] = editing ? [namespace, slug] : from;
  const live = useQuery({
    ...managed(sourceNamespace, sourceSlug),
    enabled: editing || copied,
    refetchOnWindowFocus: false,
  });
  const where = useQuery(sources);
  const error = (editing || copied ? live.error : null) ?? where.error;
  const waiting = ((editing || copied) && !live.data) || !where.data;

  if (error || waiting || company === "") {
    return (
      <Page title={editing ? `${namespace}/${slug}` : t("editor.new")}>
        {error ? (
          <Failure error={error} />
        ) : (
          <div className="card">
            <Bones lines={10} columns={1} />
          </div>
        )}
      </Page>
    );
  }
  const at = (search.get("at") ?? "").split("/");
  const address = editing
    ? { namespace, slug }
    : { namespace: at[0] || "default", slug: at[1] ?? (copied ? `${sourceSlug}-copy` : "") };
  const endpoint: Managed | null = editing ? (live.data?.endpoint ?? null) : null;
  const begin: Draft = editing
    ? {
        text: live.data?.endpoint.text ?? "",
        base: live.data?.endpoint.text ?? "",
        etag: live.data?.etag ?? "",
        at: "",
      }
    : {
        text: copied
          ? asDraft(live.data?.endpoint.text ?? "")
          : template(where.data.find((one) => one.author)?.name ?? ""),
        base: "",
        etag: "",
        at: "",
      };
  return (
    <Workbench
      company={company}
      address={address}
      endpoint={endpoint}
      begin={begin}
      draft={readDraft(company, editing ? `${namespace}/${slug}` : copied ? `copy:${from.join("/")}` : "new")}
      draftName={editing ? `${namespace}/${slug}` : copied ? `copy:${from.join("/")}` : "new"}
      sources={where.data}
    />
  );
}

/** The text of an endpoint that is copied: not live yet, and shared with nobody. */
function asDraft(text: string): string {
  const without = text.replace(/^active:.*\n/m, "");
  return without.replace(/\n---\*\//, "\nactive: false\n---*/");
}
