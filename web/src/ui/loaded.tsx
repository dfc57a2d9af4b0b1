// What the server is asked for: while it comes, when it does not, and then what is made of it.
import type { ReactNode } from "react";
import { Bones, Failure } from "./parts";

interface Props<T> {
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  lines?: number;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ query, lines = 6, children }: Props<T>) {
  if (query.error) return <Failure error={query.error} again={() => void query.refetch()} />;
  if (query.data === undefined)
    return (
      <div className="card">
        <Bones lines={lines} />
      </div>
    );
  return children(query.data);
}

/** A card with a head. */
export function Card({ title, beside, children }: { title: string; beside?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">
        <h2>{title}</h2>
        {beside}
      </div>
      {children}
    </section>
  );
}

/** Words and their values. Nothing is shown of those without a value. */
export function Facts({ facts }: { facts: (readonly [ReactNode, ReactNode] | null)[] }) {
  return (
    <dl className="facts card-body">
      {facts.map((fact, index) =>
        fact ? (
          <div key={index}>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

/** Figures beside each other. */
export function Figures({ figures }: { figures: (readonly [string, ReactNode])[] }) {
  return (
    <dl className="figures">
      {figures.map(([label, value]) => (
        <div key={label} className="figure">
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
