// The head of a view: its name, what one can do there, and the page's title.
import { useEffect, type ReactNode } from "react";
import { Link } from "wouter";
import { Icon } from "./icons";

interface PageProps {
  title: string;
  heading?: ReactNode;
  back?: { to: string; title: string };
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  wide?: boolean;
  /** The view is as high as a large window: what is in it scrolls, the page does not. */
  whole?: boolean;
}

export function Page({ title, heading, back, lead, actions, children, wide, whole }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Data API`;
  }, [title]);
  return (
    <div className={`page ${wide ? "wide" : ""} ${whole ? "whole" : ""}`}>
      <header className="page-head">
        <div className="grow">
          {back ? (
            <nav className="crumbs">
              <Link href={back.to}>{back.title}</Link>
              <Icon name="chevron" />
            </nav>
          ) : null}
          <h1>{heading ?? title}</h1>
          {lead ? <div className="lead">{lead}</div> : null}
        </div>
        {actions ? <div className="row wrap page-actions">{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}
