// Words for a status, with its colour, and the choice of one.
import { useT, type Key } from "../lib/i18n";
import { Badge, Segments, type Tone } from "./parts";

const tones: Record<string, Tone> = {
  processing: "info",
  completed: "ok",
  failed: "bad",
  cancelled: "",
  pending: "info",
  delivered: "ok",
  dead: "bad",
  active: "ok",
  expired: "warn",
  revoked: "",
  up: "ok",
  down: "bad",
  unknown: "",
};

export function StatusBadge({ status }: { status: string }) {
  const t = useT();
  return (
    <Badge tone={tones[status] ?? ""} dot>
      {t(`status.${status}` as Key) || status}
    </Badge>
  );
}

/** Lets one choose among statuses; empty: all. */
export function StatusFilter({
  value,
  change,
  choices,
}: {
  value: string;
  change: (value: string) => void;
  choices: string[];
}) {
  const t = useT();
  return (
    <Segments
      label={t("jobs.status")}
      value={value}
      change={change}
      choices={[
        { value: "", title: t("jobs.all") },
        ...choices.map((status) => ({ value: status, title: t(`status.${status}` as Key) })),
      ]}
    />
  );
}
