// Files: what the server answers with becomes one of the browser's downloads.
import { useState } from "react";
import { toast } from "../ui/toast";

/** Hands text or an answer's body to the browser as a file. */
export function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Downloads an answer under a name; why there is none is said in a toast. */
export function useDownload(): { busy: boolean; download: (name: string, answer: () => Promise<Response>) => void } {
  const [busy, setBusy] = useState(false);
  const download = (name: string, answer: () => Promise<Response>) => {
    setBusy(true);
    answer()
      .then((got) => got.blob())
      .then((blob) => save(blob, name))
      .catch((failure: unknown) => toast(failure instanceof Error ? failure.message : String(failure)))
      .finally(() => setBusy(false));
  };
  return { busy, download };
}
