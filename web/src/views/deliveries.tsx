// Callbacks: what was announced to whom, and what would not be taken.
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { deliveries } from "../api/queries";
import { Moment } from "../lib/format";
import { useAddress } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { More } from "../ui/more";
import { Page } from "../ui/page";
import { Bones, Empty, Failure, Segments, StatusBadge } from "../ui/parts";

export default function Deliveries() {
  const { t } = useI18n();
  const [state, setState] = useAddress("state");
  const list = useInfiniteQuery({
    ...deliveries({ state }),
    refetchInterval: 5000,
    placeholderData: (before) => before,
  });
  const rows = list.data?.pages.flatMap((page) => page.deliveries) ?? [];
  return (
    <Page title={t("nav.deliveries")} lead={t("deliveries.lead")}>
      <div className="filters">
        <Segments
          label={t("jobs.status")}
          value={state}
          change={setState}
          choices={["", "pending", "delivered", "dead"].map((value) => ({
            value,
            title: t(value === "" ? "jobs.all" : (`status.${value}` as "status.dead")),
          }))}
        />
      </div>
      {list.error ? (
        <Failure error={list.error} again={() => void list.refetch()} />
      ) : (
        <div className="card">
          {list.isPending ? (
            <Bones />
          ) : rows.length === 0 ? (
            <Empty icon="delivery" title={t(state ? "none.found" : "deliveries.none")}>
              {t("deliveries.none.text")}
            </Empty>
          ) : (
            <table className="list stacking">
              <thead>
                <tr>
                  <th scope="col">{t("deliveries.to")}</th>
                  <th scope="col">{t("jobs.status")}</th>
                  <th scope="col">{t("endpoints.endpoint")}</th>
                  <th scope="col" className="right">
                    {t("jobs.attempts")}
                  </th>
                  <th scope="col">{t("deliveries.last")}</th>
                  <th scope="col">{t("deliveries.next")}</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((one) => (
                  <tr key={one.job_id} className="link">
                    <td>
                      <Link className="cover break" href={`/deliveries/${one.job_id}`}>
                        {one.url}
                      </Link>
                    </td>
                    <td data-label={t("jobs.status")}>
                      <StatusBadge status={one.state} />
                    </td>
                    <td data-label={t("endpoints.endpoint")} className="small break">
                      {one.endpoint}
                    </td>
                    <td data-label={t("jobs.attempts")} className="right digits">
                      {one.attempts}
                    </td>
                    <td data-label={t("deliveries.last")} className="small">
                      {one.last ? (
                        <>
                          <code>{one.last.status ?? "—"}</code> <span className="dim">{one.last.error}</span>{" "}
                          <Moment at={one.last.at} />
                        </>
                      ) : (
                        "—"
                      )}
                    </td>
                    <td data-label={t("deliveries.next")}>
                      <Moment at={one.next_attempt_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          <More query={list} />
        </div>
      )}
    </Page>
  );
}
