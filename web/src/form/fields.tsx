// The parameters of an endpoint: what each is, what is allowed, and a field for its value.
import { useId } from "react";
import type { Parameters, Schema } from "../api/types";
import type { Fault } from "../lib/http";
import { useI18n, type Key } from "../lib/i18n";
import { Badge } from "../ui/parts";
import type { Typed } from "./values";

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** The name of a parameter's type, as endpoint files have it. */
export function typeName(schema: Schema): string {
  if (schema.type === "array") return `array<${typeName(schema.items ?? {})}>`;
  if (schema.format === "date") return "date";
  if (schema.format === "date-time") return "timestamp";
  if (schema.format === "uuid") return "uuid";
  return (
    { number: "decimal", integer: "integer", boolean: "boolean", string: "string" }[schema.type ?? ""] ??
    schema.type ??
    "any"
  );
}

/** What a schema allows, in words. */
function useConstraints() {
  const { t } = useI18n();
  return (schema: Schema): string[] => {
    const value = schema.items ?? schema;
    const words: string[] = [];
    const least = value.minimum ?? value.formatMinimum;
    const most = value.maximum ?? value.formatMaximum;
    const say = (key: Key, values: Record<string, string | number> = {}) => words.push(t(key, values));
    if (least !== undefined && most !== undefined) say("param.between", { least: text(least), most: text(most) });
    else if (least !== undefined) say("param.least", { least: text(least) });
    else if (most !== undefined) say("param.most", { most: text(most) });
    if (value.minLength !== undefined || value.maxLength !== undefined)
      say("param.length", { least: value.minLength ?? 0, most: value.maxLength ?? "∞" });
    if (value.pattern) say("param.pattern", { pattern: value.pattern });
    if (schema.type === "array") say("param.items", { least: schema.minItems ?? 0, most: schema.maxItems ?? 1000 });
    if (schema.type === "array" && value.enum)
      say("param.of", { values: value.enum.slice(0, 12).map(text).join(", ") });
    if (schema.default !== undefined) say("param.default", { value: text(schema.default) });
    return words;
  };
}

interface Props {
  parameters: Parameters;
  pinned: string[];
  values: Typed;
  change: (name: string, value: string) => void;
  faults?: Fault[];
  /** Parameters can be left to the caller: those that are, and how one is or is not. */
  free?: { names: string[]; label: string; change: (name: string, free: boolean) => void };
}

export function Fields({ parameters, pinned, values, change, faults = [], free }: Props) {
  const { t } = useI18n();
  const names = Object.keys(parameters.properties);
  if (names.length === 0) return <p className="dim params-none">{t("param.none")}</p>;
  return (
    <div className="params">
      {names.map((name) => (
        <FieldRow
          key={name}
          name={name}
          schema={parameters.properties[name]!}
          required={parameters.required?.includes(name) ?? false}
          pinned={pinned.includes(name)}
          value={values[name] ?? ""}
          change={(value) => change(name, value)}
          free={
            free && !pinned.includes(name)
              ? {
                  on: free.names.includes(name),
                  label: free.label,
                  change: (on) => free.change(name, on),
                }
              : undefined
          }
          fault={faults.find((fault) => fault.parameter === name || fault.parameter?.startsWith(`${name}[`))?.detail}
        />
      ))}
    </div>
  );
}

interface RowProps {
  name: string;
  schema: Schema;
  required: boolean;
  pinned: boolean;
  value: string;
  change: (value: string) => void;
  free?: { on: boolean; label: string; change: (on: boolean) => void } | undefined;
  fault?: string | undefined;
}

function FieldRow({ name, schema, required, pinned, value, change, free, fault }: RowProps) {
  const { t } = useI18n();
  const constraints = useConstraints()(schema);
  const id = useId();
  return (
    <div className="param">
      <div className="param-about">
        <div className="row wrap param-name">
          <label htmlFor={id}>
            <code>{name}</code>
          </label>
          <span className="param-type">{typeName(schema)}</span>
          {required ? <Badge tone="warn">{t("param.required")}</Badge> : null}
          {pinned ? <Badge tone="info">{t("param.pinned")}</Badge> : null}
        </div>
        <div id={`${id}-about`}>
          {schema.title && schema.title !== name ? <p className="strong small">{schema.title}</p> : null}
          {schema.description ? <p className="small ink2 break">{schema.description}</p> : null}
          {constraints.length > 0 ? <p className="hint">{constraints.join(" · ")}</p> : null}
        </div>
      </div>
      <div className="param-value">
        <Control
          schema={schema}
          name={name}
          required={required}
          pinned={pinned}
          value={value}
          change={change}
          free={free}
          id={id}
          aria={{
            "aria-describedby": `${id}-about ${fault ? `${id}-fault` : ""}`,
            "aria-invalid": fault ? true : undefined,
          }}
        />
        {schema.type === "array" && !pinned ? <p className="hint">{t("param.lines")}</p> : null}
        {free ? (
          <label className="check small">
            <input
              type="checkbox"
              checked={free.on}
              aria-label={`${name}: ${free.label}`}
              onChange={(event) => free.change(event.target.checked)}
            />
            <span>{free.label}</span>
          </label>
        ) : null}
        {fault ? (
          <p className="fault" id={`${id}-fault`}>
            {fault}
          </p>
        ) : null}
      </div>
    </div>
  );
}

interface ControlProps extends Omit<RowProps, "fault"> {
  id: string;
  aria: Record<string, string | boolean | undefined>;
}

function Control({ schema, name, required, pinned, value: typed, change, free, id, aria }: ControlProps) {
  const { t } = useI18n();
  const common = { id, name, className: "input", disabled: free?.on ?? false, ...aria };
  const value = free?.on ? "" : typed;
  if (pinned) return <input {...common} value={text(schema.const ?? schema.default ?? "")} disabled />;
  if (schema.type === "array") {
    return (
      <textarea
        {...common}
        className="input mono"
        rows={3}
        spellCheck={false}
        value={value}
        onChange={(event) => change(event.target.value)}
      />
    );
  }
  const choices =
    schema.const !== undefined
      ? [schema.const]
      : schema.type === "boolean"
        ? [true, false]
        : schema.enum && schema.enum.length <= 500
          ? schema.enum
          : null;
  if (choices) {
    return (
      <select {...common} value={value} onChange={(event) => change(event.target.value)}>
        <option value="">{t(required ? "param.choose" : "param.leftout")}</option>
        {choices.map((choice) => (
          <option key={text(choice)} value={text(choice)}>
            {text(choice)}
          </option>
        ))}
      </select>
    );
  }
  const numeric = schema.type === "integer" || schema.type === "number";
  return (
    <input
      {...common}
      className={`input ${numeric ? "digits" : ""}`}
      type={schema.writeOnly ? "password" : schema.format === "date" ? "date" : "text"}
      inputMode={numeric ? "decimal" : undefined}
      autoComplete="off"
      spellCheck={false}
      placeholder={
        schema.format === "date-time" ? "2026-01-31T10:30:00Z" : schema.format === "uuid" ? "0f8fad5b-…" : undefined
      }
      value={value}
      onChange={(event) => change(event.target.value)}
    />
  );
}
