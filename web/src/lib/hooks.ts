import { useEffect, useState, useSyncExternalStore } from "react";
import { useSearchParams } from "wouter";
import { current, subscribe, type Session } from "./session";

/** Who is signed in, now and whenever that changes. */
export const useSession = (): Session => useSyncExternalStore(subscribe, current);

/** The slug of the company that is signed in; empty: none is. */
export function useCompany(): string {
  const session = useSession();
  return session.state === "in" ? session.user.company_slug : "";
}

/** A value that follows another when that has rested for a while. */
export function useRested<T>(value: T, milliseconds = 250): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return rested;
}

/** A value in the address's query, so that a link leads to what one sees. */
export function useAddress(name: string, start = ""): [string, (value: string) => void] {
  const [search, setSearch] = useSearchParams();
  return [
    search.get(name) ?? start,
    (value) =>
      setSearch(
        (before) => {
          const next = new URLSearchParams(before);
          if (value === start) next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
  ];
}

/** Something that is sent on demand: whether it is under way, and why it has failed. What follows a success belongs into `run`. */
export function useTask<Given extends unknown[]>(run: (...given: Given) => Promise<unknown>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const start = (...given: Given) => {
    setBusy(true);
    setError(null);
    run(...given)
      .catch(setError)
      .finally(() => setBusy(false));
  };
  return { busy, error, start };
}
