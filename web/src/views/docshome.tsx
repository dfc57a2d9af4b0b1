// Where one begins who calls: the way from a key to a result, and what there is to call.
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { callables } from "../api/queries";
import { highlight } from "../code/highlight";
import { origin } from "../lib/base";
import { useI18n } from "../lib/i18n";
import { useCompany } from "../lib/hooks";
import { fetched } from "../lib/session";
import { useDownload } from "../result/download";
import { Icon } from "../ui/icons";
import { Page } from "../ui/page";
import { Badge, Button, Copy, Empty } from "../ui/parts";
import { States } from "./endpoints";

function Program({ text, label }: { text: string; label: string }) {
  return (
    <div className="card code-card">
      <div className="code-body">
        <pre tabIndex={0} aria-label={label}>
          <code>{highlight(text)}</code>
        </pre>
        <div className="code-copy">
          <Copy text={text} />
        </div>
      </div>
    </div>
  );
}

export default function Home() {
  const { t } = useI18n();
  const { data } = useSuspenseQuery(callables);
  const company = useCompany();
  const { busy, download } = useDownload();
  const first = data[0];
  const signIn = `curl -X POST "${origin}/api/v1/auth/api-key" \\
  -H "Content-Type: application/json" \\
  -d '{ "company_slug": "${company}", "api_key": "s42_...", "api_secret": "..." }'`;
  const execute = `curl -X POST "${origin}${first?.links.execute ?? "/api/v1/data-api/NAMESPACE/SLUG/execute"}" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{ "parameter_values": {} }'`;
  return (
    <Page
      title={t("docs.title")}
      lead={t("docs.lead")}
      actions={
        <Button
          icon="download"
          busy={busy}
          onClick={() => download("openapi.json", () => fetched("/api/v1/data-api/openapi.json"))}
        >
          {t("docs.openapi")}
        </Button>
      }
    >
      <ol className="steps">
        <li>
          <div className="stack tight">
            <h2>{t("docs.step1")}</h2>
            <p className="ink2">{t("docs.step1.text")}</p>
          </div>
          <Program text={signIn} label={t("docs.step1")} />
        </li>
        <li>
          <div className="stack tight">
            <h2>{t("docs.step2")}</h2>
            <p className="ink2">{t("docs.step2.text")}</p>
          </div>
          <Program text={execute} label={t("docs.step2")} />
        </li>
      </ol>
      <section className="stack">
        <h2>{t("docs.yours")}</h2>
        {data.length === 0 ? (
          <div className="card">
            <Empty icon="endpoint" title={t("docs.none")}>
              {t("endpoints.none.ask")}
            </Empty>
          </div>
        ) : (
          <ul className="tiles">
            {data.slice(0, 60).map((one) => (
              <li key={`${one.namespace}/${one.slug}`}>
                <Link href={`/endpoints/${one.namespace}/${one.slug}`} className="card tile">
                  <span className="row apart">
                    <span className="strong break">{one.title || one.slug}</span>
                    <Icon name="chevron" />
                  </span>
                  <code className="xs dim break">
                    {one.namespace}/{one.slug}
                  </code>
                  <span className="small ink2 tile-text">{one.description.replaceAll(/[*_`#>]+|^[-+] /gm, "")}</span>
                  <span className="row wrap">
                    {one.mode === "async" ? <Badge tone="info">{t("mode.async")}</Badge> : null}
                    {one.shared_by ? <Badge>{t("origin.shared", { company: one.shared_by })}</Badge> : null}
                    <States endpoint={one} />
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </section>
    </Page>
  );
}
