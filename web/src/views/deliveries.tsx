// Callbacks: what was announced to whom, and what would not be taken.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { deliveries } from "../api/queries";
import { Moment } from "../lib/format";
import { useAddress } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { whyNot } from "../lib/reasons";
import { Listing } from "../ui/list";
import { Page } from "../ui/page";
import { StatusBadge, StatusFilter } from "../ui/status";

export default function Deliveries() {
  const { t } = useI18n();
  const [state, setState] = useAddress("state");
  const list = useInfiniteQuery({
    ...deliveries({ state }),
    refetchInterval: 5000,
    placeholderData: (before) => before,
  });
  return (
    <Page title={t("nav.deliveries")} lead={t("deliveries.lead")}>
      <div className="filters">
        <StatusFilter value={state} change={setState} choices={["pending", "delivered", "dead"]} />
      </div>
      <Listing
        link
        query={list}
        rows={(page) => page.deliveries}
        name={(one) => one.job_id}
        empty={{
          icon: "delivery",
          title: t(state ? "none.found" : "deliveries.none"),
          text: t(state ? "none.found.text" : "deliveries.none.text"),
        }}
        columns={[
          {
            title: t("deliveries.to"),
            cell: (one) => (
              <Link className="cover break" href={`/deliveries/${one.job_id}`}>
                {one.url}
              </Link>
            ),
          },
          { title: t("jobs.status"), cell: (one) => <StatusBadge status={one.state} /> },
          { title: t("endpoints.endpoint"), className: "small break", cell: (one) => one.endpoint },
          { title: t("jobs.attempts"), right: true, className: "digits", cell: (one) => one.attempts },
          {
            title: t("deliveries.last"),
            className: "small",
            cell: (one) =>
              one.last ? (
                <span className="break">
                  <Moment at={one.last.at} />
                  {one.last.status ? (
                    <span className="dim"> · HTTP {one.last.status}</span>
                  ) : one.last.error ? (
                    <span className="dim"> · {whyNot(one.last, t)}</span>
                  ) : null}
                </span>
              ) : (
                "—"
              ),
          },
          { title: t("deliveries.next"), cell: (one) => <Moment at={one.next_attempt_at} /> },
        ]}
      />
    </Page>
  );
}
