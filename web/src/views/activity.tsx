// How an endpoint fares: its calls of the last day, and what has gone wrong.
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { endpointActivity } from "../api/queries";
import type { Managed, RecentError } from "../api/types";
import { Count, milliseconds, Moment } from "../lib/format";
import { useI18n } from "../lib/i18n";
import { HourBars } from "../ui/hours";
import { Table } from "../ui/list";
import { Card, Figures, Loaded } from "../ui/loaded";
import { Copy, Empty } from "../ui/parts";

export default function Activity({ endpoint }: { endpoint: Managed }) {
  const { t, language } = useI18n();
  const found = useQuery({
    ...endpointActivity(endpoint.namespace, endpoint.slug),
    refetchInterval: 15_000,
  });
  return (
    <Loaded query={found}>
      {({ totals, hours, calls, errors, recent_errors }) => (
        <>
          <Figures
            figures={[
              [t("activity.calls"), <Count key="1" value={totals.calls} />],
              [t("activity.errors"), <Count key="2" value={totals.errors} />],
              [t("activity.p95"), totals.p95_ms === null ? "—" : milliseconds(totals.p95_ms, language)],
            ]}
          />
          <Card title={t("activity.day")}>
            <HourBars hours={hours} values={calls} bad={errors} />
          </Card>
          <Card title={t("activity.recent")}>
            {recent_errors.length === 0 ? (
              <Empty icon="check" title={t("activity.none")}>
                {t("activity.none.text")}
              </Empty>
            ) : (
              <RecentErrors errors={recent_errors} />
            )}
          </Card>
        </>
      )}
    </Loaded>
  );
}

function RecentErrors({ errors }: { errors: RecentError[] }) {
  const { t } = useI18n();
  return (
    <Table
      rows={errors}
      name={(one) => one.request_id + one.at}
      columns={[
        {
          title: t("activity.error"),
          cell: (one) => (
            <>
              <code className="strong">{one.code}</code>
              <p className="small ink2 break">{one.detail}</p>
            </>
          ),
        },
        { title: t("activity.who"), cell: (one) => one.user },
        { title: t("activity.when"), cell: (one) => <Moment at={one.at} /> },
        {
          title: t("error.request"),
          cell: (one) => (
            <span className="row">
              {one.job_id ? (
                <Link href={`/jobs/${one.job_id}`}>
                  <code className="xs">{one.request_id}</code>
                </Link>
              ) : (
                <code className="xs">{one.request_id}</code>
              )}
              <Copy text={one.request_id} />
            </span>
          ),
        },
      ]}
    />
  );
}
