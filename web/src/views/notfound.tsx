import { Link } from "wouter";
import { useT } from "../lib/i18n";
import { Page } from "../ui/page";
import { Empty } from "../ui/parts";

export function NotFound() {
  const t = useT();
  return (
    <Page title={t("notfound.title")}>
      <Empty
        icon="search"
        title={t("none.found")}
        action={
          <Link className="button" href="/">
            {t("notfound.action")}
          </Link>
        }
      >
        {t("notfound.text")}
      </Empty>
    </Page>
  );
}
