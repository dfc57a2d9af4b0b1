// The workbench: the text on one side; its faults, its result, its difference and its tables on the other.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import { managed, schema as schemaQuery, users } from "../api/queries";
import type { Managed, Source } from "../api/types";
import { useMay } from "../api/may";
import { Moment } from "../lib/format";
import { Problem } from "../lib/http";
import { useI18n } from "../lib/i18n";
import { Page } from "../ui/page";
import { Badge, Bones, Button, Note, Tabs } from "../ui/parts";
import { toast } from "../ui/toast";
import { useCheck } from "./check";
import { writeDraft, type Draft } from "./draft";
import { FaultList } from "./faultlist";
import { Preview, type PreviewHandle } from "./preview";
import { activate, saveText, type StaleSave } from "./save";
import { SaveDialog } from "./savedialog";
import { SchemaPanel } from "./schema";
import { Stale } from "./stale";
import { TextEditor, type Handle } from "./text";

const Diff = lazy(() => import("./diff"));

interface Props {
  company: string;
  address: { namespace: string; slug: string };
  endpoint: Managed | null;
  begin: Draft;
  draft: Draft | null;
  draftName: string;
  sources: Source[];
}

type Side = "run" | "faults" | "compare" | "schema";

export function Workbench({ company, address, endpoint, begin, draft: before, draftName, sources }: Props) {
  const { t } = useI18n();
  const may = useMay();
  const client = useQueryClient();
  const [, go] = useLocation();
  const resumed = before !== null && before.text !== begin.text ? before : null;
  const [namespace, setNamespace] = useState(address.namespace);
  const [slug, setSlug] = useState(address.slug);
  const [text, setText] = useState(resumed?.text ?? begin.text);
  const [base, setBase] = useState(
    resumed && endpoint ? { text: resumed.base, etag: resumed.etag } : { text: begin.base, etag: begin.etag },
  );
  const [restored, setRestored] = useState(resumed);
  const [side, setSide] = useState<Side>("run");
  const [saving, setSaving] = useState(false);
  const [stale, setStale] = useState<StaleSave | null>(null);
  const handle = useRef<Handle | null>(null);
  const preview = useRef<PreviewHandle | null>(null);

  const { check, error, checking, settled } = useCheck(namespace, slug || "draft", text);
  const source = sources.find((one) => one.name === check?.source) ?? sources.find((one) => one.author);
  const tables = useQuery({ ...schemaQuery(source?.name ?? ""), enabled: Boolean(source?.author && source.schema) });
  const people = useInfiniteQuery({ ...users({}), enabled: may("access:manage") });
  // The first check tells which fields the form of a run has, and the users whom one may run as: it is shown with both, so that it does not
  // grow under the pointer. Then it stays, whatever becomes of later checks: what was typed and the result are below it.
  const waits = (check === undefined && !error && checking) || people.isLoading;
  const [formed, setFormed] = useState(!waits);
  if (!formed && !waits) setFormed(true);
  const changed = text !== begin.text;
  const faults = check?.faults ?? none;
  const warnings = check?.warnings ?? none;

  // The draft is kept a moment after each change, and until it is saved.
  useEffect(() => {
    if (!changed) return;
    const timer = setTimeout(() => {
      writeDraft(company, draftName, { text, base: base.text, etag: base.etag, at: new Date().toISOString() });
    }, 300);
    return () => clearTimeout(timer);
  }, [text, changed, company, draftName, base]);

  const known = useMemo(
    () => ({
      sources: () => sources.filter((one) => one.author).map((one) => one.name),
      parameters: () => Object.keys(check?.parameters?.properties ?? {}),
      columns: () => (check?.columns ?? []).map((column) => column.name),
    }),
    [sources, check],
  );

  const discard = () => {
    writeDraft(company, draftName, null);
    setRestored(null);
    setBase({ text: begin.base, etag: begin.etag });
    handle.current?.replace(begin.text);
  };

  const save = async (message: string, live: boolean) => {
    const outcome = await saveText(namespace, slug, text, message, base.etag);
    if (outcome.kind === "stale") {
      setSaving(false);
      setStale(outcome);
      return;
    }
    if (outcome.kind === "gone") {
      setBase({ text: "", etag: "" });
      throw new Problem(412, "PRECONDITION_FAILED", t("editor.gone"));
    }
    let { saved } = outcome;
    if (live && !saved.endpoint.active) saved = await activate(namespace, slug, saved.etag);
    writeDraft(company, draftName, null);
    client.setQueryData(managed(namespace, slug).queryKey, saved);
    void client.invalidateQueries({ queryKey: ["catalog"] });
    void client.invalidateQueries({ queryKey: ["callables"] });
    void client.invalidateQueries({ queryKey: ["revisions", namespace, slug] });
    toast(t(saved.endpoint.active ? "editor.saved.live" : "editor.saved"));
    go(`/endpoints/${namespace}/${slug}`);
  };

  const title = endpoint ? endpoint.title || endpoint.slug : t("editor.new");
  const tabs: { id: Side; title: React.ReactNode }[] = [
    { id: "run", title: t("run") },
    {
      id: "faults",
      title: (
        <>
          {t("editor.faults")}{" "}
          {faults.length + warnings.length > 0 ? (
            <Badge tone={faults.length > 0 ? "bad" : "warn"}>{faults.length + warnings.length}</Badge>
          ) : null}
        </>
      ),
    },
    ...(endpoint ? [{ id: "compare" as const, title: t("editor.compare") }] : []),
    { id: "schema", title: t("editor.schema") },
  ];
  return (
    <Page
      wide
      whole
      title={title}
      back={
        endpoint
          ? { to: `/endpoints/${endpoint.namespace}/${endpoint.slug}`, title: endpoint.title || endpoint.slug }
          : { to: "/endpoints", title: t("nav.endpoints") }
      }
      heading={endpoint ? t("editor.edit", { name: title }) : title}
      actions={
        <>
          <CheckState checking={checking} faults={faults.length} error={error} asked={check?.source_asked ?? true} />
          <Button icon="play" onClick={() => preview.current?.run()} title="Ctrl+Enter">
            {t("run")}
          </Button>
          <Button
            look="primary"
            onClick={() => setSaving(true)}
            disabled={!changed && endpoint !== null}
            title="Ctrl+S"
          >
            {t("editor.save")}
          </Button>
        </>
      }
    >
      {endpoint ? null : (
        <div className="address row wrap">
          <label className="grow">
            <span className="label">{t("editor.namespace")}</span>
            <input
              className="input mono"
              value={namespace}
              spellCheck={false}
              onChange={(event) => setNamespace(event.target.value)}
            />
          </label>
          <span className="dim address-slash" aria-hidden="true">
            /
          </span>
          <label className="grow">
            <span className="label">{t("editor.slug")}</span>
            <input
              className="input mono"
              value={slug}
              spellCheck={false}
              placeholder="sales-by-region"
              onChange={(event) => setSlug(event.target.value)}
            />
          </label>
        </div>
      )}
      {sources.some((one) => one.author) ? null : (
        <Note tone="warn">
          {t("editor.closed")}{" "}
          {sources[0]?.how_to_author ? (
            <>
              {t("editor.closed.how")} <code>{sources[0].how_to_author}</code>
            </>
          ) : null}
        </Note>
      )}
      {restored ? (
        <Note>
          <div className="row wrap apart">
            <span>
              {t("editor.restored")} <Moment at={restored.at} />
            </span>
            <Button size="small" onClick={discard}>
              {t("editor.discard")}
            </Button>
          </div>
        </Note>
      ) : null}
      <div className="workbench">
        <div className="card editor-card">
          <TextEditor
            text={text}
            change={setText}
            faults={faults}
            warnings={warnings}
            dialect={source?.kind || "postgresql"}
            schema={tables.data}
            known={known}
            run={() => preview.current?.run()}
            save={() => setSaving(true)}
            handle={handle}
          />
          <p className="editor-hint xs dim">
            {t("editor.hint")} · {t("editor.files")}
          </p>
        </div>
        <div className="card side-card">
          <div className="side-tabs">
            <Tabs
              label={t("editor.panels")}
              panel="editor-panel"
              tabs={tabs}
              chosen={side}
              choose={(id) => setSide(id as Side)}
            />
          </div>
          <div id="editor-panel" role="tabpanel" aria-labelledby={`editor-panel-${side}`} className="side-body">
            <div hidden={side !== "run"}>
              {formed ? null : <Bones lines={4} columns={1} />}
              <div hidden={!formed}>
                <Preview
                  namespace={namespace}
                  slug={slug || "draft"}
                  text={text}
                  check={check}
                  people={people.data?.pages.flatMap((page) => page.users) ?? []}
                  show={() => setSide("run")}
                  handle={preview}
                />
              </div>
            </div>
            {side === "faults" ? (
              <FaultList
                faults={faults}
                warnings={warnings}
                settled={settled}
                show={(fault) => handle.current?.show(fault)}
              />
            ) : null}
            {side === "compare" && endpoint ? (
              <Suspense fallback={<Bones lines={8} columns={1} />}>
                <Diff before={endpoint.text ?? ""} after={text} titles={[t("revisions.now"), t("editor.draft")]} />
              </Suspense>
            ) : null}
            {side === "schema" ? (
              source?.author && source.schema ? (
                <SchemaPanel
                  schema={tables.data}
                  error={tables.error}
                  insert={(words) => handle.current?.insert(words)}
                />
              ) : (
                <Note>{t("schema.unavailable")}</Note>
              )
            ) : null}
          </div>
        </div>
      </div>
      {saving ? (
        <SaveDialog
          address={`${namespace}/${slug}`}
          sound={slug !== "" && namespace !== ""}
          active={check?.active ?? false}
          faults={settled ? faults.length : 0}
          close={() => setSaving(false)}
          save={save}
        />
      ) : null}
      {stale ? (
        <Stale
          mine={text}
          base={base.text}
          theirs={stale.theirs}
          author={stale.author}
          close={() => setStale(null)}
          take={(merged) => {
            setBase({ text: stale.theirs, etag: stale.etag });
            handle.current?.replace(merged);
            setStale(null);
            toast(t("stale.merged"));
          }}
        />
      ) : null}
    </Page>
  );
}

const none: never[] = [];

function CheckState({
  checking,
  faults,
  error,
  asked,
}: {
  checking: boolean;
  faults: number;
  error: unknown;
  asked: boolean;
}) {
  const { t } = useI18n();
  return (
    <span className="check-state small" role="status">
      {checking ? (
        <span className="dim">{t("editor.checking")}</span>
      ) : error ? (
        <span className="fault">{error instanceof Error ? error.message : ""}</span>
      ) : faults > 0 ? (
        <Badge tone="bad">{t("editor.count", { count: faults })}</Badge>
      ) : asked ? (
        <Badge tone="ok">{t("editor.sound")}</Badge>
      ) : (
        <Badge tone="warn">{t("editor.unasked")}</Badge>
      )}
    </span>
  );
}
