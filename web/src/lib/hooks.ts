import { useEffect, useState } from "react";
import { useSearchParams } from "wouter";

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
