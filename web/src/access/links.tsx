// A presigned link, made: what its URL runs, in which form, how long and how often, and what anyone who has it may set.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { linksKey } from "../api/links";
import { endpointPath } from "../api/queries";
import type { Callable, LinkRow, Managed, Parameters } from "../api/types";
import { Fields } from "../form/fields";
import { valuesJSON, type Typed } from "../form/values";
import { Problem } from "../lib/http";
import { useSession, useTask } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { json } from "../lib/session";
import { Dialog } from "../ui/dialog";
import { Button, Failure, Field, Note } from "../ui/parts";
import { SecretDialog } from "./secret";

type Made = Pick<LinkRow, "format" | "free"> & { url: string };

const day = 86_400;
const lifetimes = [
  [3600, "links.hour"],
  [day, "links.day"],
  [7 * day, "links.week"],
  [30 * day, "links.month"],
  [90 * day, "links.quarter"],
  [366 * day, "links.year"],
] as const;

const forms = ["json", "csv", "xlsx", "ndjson", "arrow", "parquet"] as const;

/** For whom CSV is written: options of the format. */
const readers = {
  programs: {},
  excel: { csv_for: "excel" },
  brazil: { csv_for: "excel", csv_locale: "pt-BR" },
} as const;

/** What may be in a URL, and the names of what may not. */
function split(parameters: Parameters | null): { open: Parameters; sensitive: string[] } {
  const all = Object.entries(parameters?.properties ?? {});
  return {
    open: { ...parameters, properties: Object.fromEntries(all.filter(([, schema]) => !schema.writeOnly)) },
    sensitive: all.filter(([, schema]) => schema.writeOnly).map(([name]) => name),
  };
}

export function MakeLink({ endpoint, close }: { endpoint: Managed | Callable; close: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const { open, sensitive } = split(endpoint.parameters);
  const [name, setName] = useState("");
  const [format, setFormat] = useState<(typeof forms)[number]>("csv");
  const [reader, setReader] = useState<keyof typeof readers>("programs");
  const [lifetime, setLifetime] = useState(String(7 * day));
  const [uses, setUses] = useState("");
  const [values, setValues] = useState<Typed>({});
  const [free, setFree] = useState<string[]>([]);
  const [made, setMade] = useState<Made | null>(null);
  const pinned = endpoint.pinned ?? [];
  const session = useSession();
  const { busy, error, start } = useTask(async () => {
    const settings = {
      name: name.trim(),
      format,
      options: format === "csv" ? readers[reader] : {},
      expires_in: Number(lifetime),
      uses: uses === "" ? null : Number(uses),
      free,
    };
    // The values as text, so that they keep their digits.
    const bound = valuesJSON(open, [...pinned, ...free], values);
    const body = `${JSON.stringify(settings).slice(0, -1)},"parameter_values":${bound}}`;
    setMade(await json<Made>(`${endpointPath(endpoint.namespace, endpoint.slug)}/links`, { method: "POST", body }));
    void client.invalidateQueries({ queryKey: linksKey(endpoint.namespace, endpoint.slug) });
  });
  if (made) return <NewLink made={made} close={close} />;
  return (
    <Dialog
      title={t("links.new")}
      close={close}
      submit={start}
      foot={
        <>
          <Button onClick={close}>{t("cancel")}</Button>
          <Button type="submit" look="primary" busy={busy}>
            {t("links.make")}
          </Button>
        </>
      }
    >
      {session.state === "in" && session.keyEnds ? <Note tone="warn">{t("links.session")}</Note> : null}
      <Field label={t("keys.name")} hint={t("links.name.hint")}>
        {(props) => (
          <input
            {...props}
            className="input"
            autoFocus
            maxLength={200}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <div className="fields">
        <Choice
          label={t("links.format")}
          value={format}
          change={setFormat}
          choices={forms.map((one) => [one, t(`format.${one}`)])}
        />
        <Choice
          label={t("links.csv")}
          value={reader}
          change={setReader}
          disabled={format !== "csv"}
          choices={(["programs", "excel", "brazil"] as const).map((one) => [one, t(`links.csv.${one}`)])}
        />
        <Choice
          label={t("links.lifetime")}
          value={lifetime}
          change={setLifetime}
          choices={lifetimes.map(([seconds, words]) => [String(seconds), t(words)])}
        />
        <Field label={t("links.uses.most")} hint={t("links.uses.hint")}>
          {(props) => (
            <input
              {...props}
              className="input digits"
              type="number"
              min={1}
              max={1_000_000}
              value={uses}
              onChange={(event) => setUses(event.target.value)}
            />
          )}
        </Field>
      </div>
      {Object.keys(open.properties).length > 0 ? (
        <fieldset className="choices">
          <legend className="label">{t("params")}</legend>
          <p className="hint">{t("links.params.hint")}</p>
          <div className="framed">
            <Fields
              parameters={open}
              pinned={pinned}
              values={values}
              change={(name, value) => setValues((before) => ({ ...before, [name]: value }))}
              faults={error instanceof Problem ? error.faults : []}
              free={{
                names: free,
                label: t("links.free"),
                change: (name, on) =>
                  setFree((before) => [...before.filter((one) => one !== name), ...(on ? [name] : [])]),
              }}
            />
          </div>
        </fieldset>
      ) : null}
      {sensitive.length > 0 ? <Note>{t("links.sensitive", { names: sensitive.join(", ") })}</Note> : null}
      {error ? <Failure error={error} /> : null}
    </Dialog>
  );
}

function Choice<T extends string>({
  label,
  value,
  change,
  choices,
  disabled,
}: {
  label: string;
  value: T;
  change: (value: T) => void;
  choices: [T, string][];
  disabled?: boolean;
}) {
  return (
    <Field label={label}>
      {(props) => (
        <select
          {...props}
          className="input"
          disabled={disabled ?? false}
          value={value}
          onChange={(event) => change(event.target.value as T)}
        >
          {choices.map(([one, words]) => (
            <option key={one} value={one}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function NewLink({ made, close }: { made: Made; close: () => void }) {
  const { t } = useI18n();
  const sheet = { label: t("links.sheet"), value: `=IMPORTDATA("${made.url}")` };
  return (
    <SecretDialog
      title={t("links.made")}
      close={close}
      once={t("links.once")}
      taken={t("links.taken")}
      values={[{ label: t("links.url"), value: made.url }, ...(made.format === "csv" ? [sheet] : [])]}
    >
      {made.free.length > 0 ? (
        <p className="hint">
          {t("links.free.hint")} <code className="break">{made.free.map((name) => `&p.${name}=…`).join("")}</code>
        </p>
      ) : null}
    </SecretDialog>
  );
}
