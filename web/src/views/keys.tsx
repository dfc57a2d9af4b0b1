// All keys of the company.
import { useState } from "react";
import { KeyList, MakeKey } from "../access/keys";
import { useAddress } from "../lib/hooks";
import { useI18n } from "../lib/i18n";
import { Page } from "../ui/page";
import { Button } from "../ui/parts";
import { StatusFilter } from "../ui/status";

export default function Keys() {
  const { t } = useI18n();
  const [state, setState] = useAddress("state");
  const [making, setMaking] = useState(false);
  return (
    <Page
      title={t("nav.keys")}
      lead={t("keys.lead")}
      actions={
        <Button look="primary" icon="plus" onClick={() => setMaking(true)}>
          {t("keys.new")}
        </Button>
      }
    >
      <div className="filters">
        <StatusFilter value={state} change={setState} choices={["active", "expired", "revoked"]} />
      </div>
      <KeyList state={state} />
      {making ? <MakeKey close={() => setMaking(false)} /> : null}
    </Page>
  );
}
