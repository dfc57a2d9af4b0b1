// Words that come and go, such as "Saved". They are read out, too.
import { useSyncExternalStore } from "react";
import { Icon } from "./icons";

interface Toast {
  id: number;
  text: string;
}

let toasts: Toast[] = [];
let next = 0;
const listeners = new Set<() => void>();

function change(now: Toast[]) {
  toasts = now;
  for (const listener of listeners) listener();
}

/** Shows words for some seconds. */
export function toast(text: string): void {
  const id = next++;
  change([...toasts.slice(-2), { id, text }]);
  setTimeout(() => change(toasts.filter((one) => one.id !== id)), 3500);
}

export function Toasts() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text }) => (
        <div key={id} className="toast fade">
          <Icon name="check" />
          {text}
        </div>
      ))}
    </div>
  );
}
