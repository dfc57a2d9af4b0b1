import { Link } from "wouter";
import { useT } from "../lib/i18n";
import { Empty } from "../ui/parts";

export function NotFound() {
  const t = useT();
  return (
    <div className="page">
      <Empty
        icon="search"
        title={t("notfound.title")}
        action={
          <Link className="button" href="/">
            {t("notfound.action")}
          </Link>
        }
      >
        {t("notfound.text")}
      </Empty>
    </div>
  );
}
