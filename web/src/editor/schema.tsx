// The tables and columns that a statement can read. A click writes a name into it.
import { useState } from "react";
import type { DatabaseSchema } from "../api/types";
import { useT } from "../lib/i18n";
import { Empty, Failure, Search, Bones } from "../ui/parts";

interface Props {
  schema: DatabaseSchema | undefined;
  error: unknown;
  insert: (text: string) => void;
}

const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

export function SchemaPanel({ schema, error, insert }: Props) {
  const t = useT();
  const [wanted, setWanted] = useState("");
  const word = wanted.toLowerCase();
  if (error) return <Failure error={error} />;
  if (!schema) return <Bones lines={6} columns={1} />;
  const found = schema.tables.filter(
    (table) =>
      `${table.schema ?? ""}.${table.name}`.toLowerCase().includes(word) ||
      table.columns.some((column) => column.name.toLowerCase().includes(word)),
  );
  return (
    <div className="stack tight">
      <Search label={t("schema.search")} value={wanted} onChange={(event) => setWanted(event.target.value)} />
      {found.length === 0 ? (
        <Empty icon="table" title={t(wanted ? "none.found" : "schema.none")} />
      ) : (
        found.slice(0, 200).map((table) => (
          <details
            key={`${table.schema ?? ""}.${table.name}`}
            className="table-entry"
            open={wanted !== "" || found.length <= 3}
          >
            <summary>
              <code>{table.in_search_path || !table.schema ? table.name : `${table.schema}.${table.name}`}</code>
              <span className="xs dim">{table.columns.length}</span>
            </summary>
            {table.comment ? <p className="small dim">{table.comment}</p> : null}
            <ul className="table-columns">
              <li>
                <button
                  type="button"
                  onClick={() =>
                    insert(
                      table.in_search_path || !table.schema
                        ? quoted(table.name)
                        : `${quoted(table.schema)}.${quoted(table.name)}`,
                    )
                  }
                >
                  {t("schema.insert")}
                </button>
              </li>
              {table.columns.map((column) => (
                <li key={column.name}>
                  <button type="button" onClick={() => insert(quoted(column.name))} title={column.comment ?? undefined}>
                    <code>{column.name}</code>
                    <code className="xs dim">{column.type}</code>
                  </button>
                </li>
              ))}
            </ul>
          </details>
        ))
      )}
      {schema.truncated ? <p className="hint">{t("schema.truncated")}</p> : null}
    </div>
  );
}
