// Running a draft: with values for its parameters, as oneself or as a user whose rows one may see.
import { lazy, Suspense, useEffect, useImperativeHandle, useRef, useState, type Ref } from "react";
import type { Check, UserRow } from "../api/types";
import { Fields } from "../form/fields";
import { initial, valuesJSON, type Typed } from "../form/values";
import { Problem, refuse } from "../lib/http";
import { useT } from "../lib/i18n";
import { ask } from "../lib/session";
import { finish, mediaTypes, type Format, type Ran } from "../result/run";
import { Bones, Button, Empty, Failure, Field } from "../ui/parts";

const Result = lazy(() => import("../result/view").then((module) => ({ default: module.ResultView })));

export interface PreviewHandle {
  run: () => void;
}

interface Props {
  namespace: string;
  slug: string;
  text: string;
  check: Check | undefined;
  people: UserRow[];
  show: () => void;
  handle: Ref<PreviewHandle>;
}

export function Preview({ namespace, slug, text, check, people, show, handle }: Props) {
  const t = useT();
  const [typed, setTyped] = useState<Typed>({});
  const [user, setUser] = useState("");
  const [state, setState] = useState<{ ran: Ran | null; error: unknown; running: boolean; count: number }>({
    ran: null,
    error: null,
    running: false,
    count: 0,
  });
  const controller = useRef<AbortController | null>(null);
  // A tab that is closed, or a view that is left, ends its query.
  useEffect(() => () => controller.current?.abort(), []);
  const parameters = check?.parameters ?? null;
  const values = Object.fromEntries(
    Object.entries(parameters?.properties ?? {}).map(([name, schema]) => [name, typed[name] ?? initial(schema)]),
  );
  const request = (headers: Record<string, string>, signal?: AbortSignal, query = "") => {
    const who = user === "" ? "null" : JSON.stringify(user);
    return ask(`/api/v1/data-api/preview${query}`, {
      method: "POST",
      headers,
      signal,
      // As text, so that the values keep their digits.
      body: `{"namespace":${JSON.stringify(namespace)},"slug":${JSON.stringify(slug)},"text":${JSON.stringify(text)},"parameter_values":${valuesJSON(parameters, [], values)},"as_user":${who},"max_rows":1000}`,
    });
  };
  const run = () => {
    controller.current?.abort();
    const mine = new AbortController();
    controller.current = mine;
    show();
    setState((before) => ({ ...before, error: null, running: true }));
    const began = performance.now();
    request({}, mine.signal, "?rows_as=arrays")
      .then((answer) => finish(answer, began, null))
      .then(
        (ran) => {
          if (!mine.signal.aborted)
            setState((before) => ({ ran, error: null, running: false, count: before.count + 1 }));
        },
        (error: unknown) => {
          if (!mine.signal.aborted) setState((before) => ({ ...before, error, running: false }));
        },
      );
  };
  useImperativeHandle(handle, () => ({ run }));
  const download = async (format: Format) => {
    const answer = await request({ Accept: mediaTypes[format] });
    if (!answer.ok) await refuse(answer);
    return answer;
  };
  const problem = state.error instanceof Problem ? state.error : null;
  return (
    <div className="stack">
      <form
        className="preview-form"
        onSubmit={(event) => {
          event.preventDefault();
          run();
        }}
        onKeyDown={(event) => {
          if ((event.ctrlKey || event.metaKey) && event.key === "Enter") run();
        }}
      >
        {parameters && Object.keys(parameters.properties).length > 0 ? (
          <Fields
            parameters={parameters}
            pinned={[]}
            values={values}
            change={(name, value) => setTyped((before) => ({ ...before, [name]: value }))}
            faults={problem?.faults ?? []}
          />
        ) : null}
        {people.length > 0 ? (
          <div className="preview-as">
            <Field label={t("preview.as")} hint={t("preview.as.hint")}>
              {(props) => (
                <select {...props} className="input" value={user} onChange={(event) => setUser(event.target.value)}>
                  <option value="">{t("preview.self")}</option>
                  {people
                    .filter((one) => one.active)
                    .map((one) => (
                      <option key={one.name} value={one.name}>
                        {one.display_name || one.name}
                      </option>
                    ))}
                </select>
              )}
            </Field>
          </div>
        ) : null}
        <div className="row">
          <Button type="submit" look="primary" icon="play" busy={state.running}>
            {t("preview.run")}
          </Button>
          {state.running ? (
            <Button
              icon="stop"
              onClick={() => {
                controller.current?.abort();
                setState((before) => ({ ...before, running: false }));
              }}
            >
              {t("stop")}
            </Button>
          ) : null}
        </div>
      </form>
      {state.error ? (
        <Failure error={state.error} />
      ) : state.ran ? (
        <Suspense fallback={<Bones />}>
          <Result
            key={state.count}
            ran={state.ran}
            name={slug}
            chart={check?.chart}
            download={download}
            available={["json", "csv", "ndjson", "arrow"]}
          />
        </Suspense>
      ) : state.running ? (
        <Bones />
      ) : (
        <Empty icon="play" title={t("preview.none")}>
          {t("preview.none.text")}
        </Empty>
      )}
    </div>
  );
}
