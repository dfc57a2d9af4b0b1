// The application: whether someone is signed in, and which view the address names.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Redirect, Route, Switch } from "wouter";
import { face } from "./lib/base";
import { useT } from "./lib/i18n";
import { useSession } from "./lib/hooks";
import { Boundary } from "./ui/boundary";
import { Bones } from "./ui/parts";
import { Shell } from "./ui/shell";
import { Toasts } from "./ui/toast";
import { NotFound } from "./views/notfound";
import { SignIn, SignInAgain, Waiting } from "./views/signin";

const Endpoints = lazy(() => import("./views/endpoints"));
const Endpoint = lazy(() => import("./views/endpoint"));
const Editor = lazy(() => import("./views/editor"));
const Jobs = lazy(() => import("./views/jobs"));
const Job = lazy(() => import("./views/job"));
const Deliveries = lazy(() => import("./views/deliveries"));
const Delivery = lazy(() => import("./views/delivery"));
const Users = lazy(() => import("./views/users"));
const UserView = lazy(() => import("./views/user"));
const Keys = lazy(() => import("./views/keys"));
const Usage = lazy(() => import("./views/usage"));
const Status = lazy(() => import("./views/status"));
const Home = lazy(() => import("./views/docshome"));

export function App() {
  const session = useSession();
  const client = useQueryClient();
  const before = useRef<string>("");

  // What was asked in somebody's name is forgotten with them; after the same person is back, it is asked again.
  useEffect(() => {
    if (session.state === "in") {
      const who = `${session.user.company_slug}/${session.user.name}`;
      if (before.current !== who) client.clear();
      else void client.invalidateQueries();
      before.current = who;
    } else if (session.state === "out" && !session.expired) {
      before.current = "";
      client.clear();
    }
  }, [session, client]);

  // After the session has ended by itself the views stay, behind the dialog that asks to sign in again: nothing is lost.
  const expired = session.state === "out" ? session.expired : null;
  const user = session.state === "in" ? session.user : expired;
  return (
    <>
      {user ? (
        <Shell user={user} key={`${user.company_slug}/${user.name}`}>
          <Boundary>
            <Suspense fallback={<Loading />}>
              <Views />
            </Suspense>
          </Boundary>
        </Shell>
      ) : session.state === "unknown" ? (
        <Waiting />
      ) : (
        <Suspense fallback={<Waiting />}>
          <SignIn error={session.state === "out" ? (session.error ?? null) : null} />
        </Suspense>
      )}
      {expired ? (
        <Suspense fallback={null}>
          <SignInAgain user={expired} />
        </Suspense>
      ) : null}
      <Toasts />
    </>
  );
}

function Loading() {
  const t = useT();
  return (
    <div className="page" aria-label={t("loading")}>
      <div className="card">
        <Bones />
      </div>
    </div>
  );
}

function Views() {
  return (
    <Switch>
      <Route path="/">{face === "docs" ? <Home /> : <Redirect to="/endpoints" replace />}</Route>
      <Route path="/endpoints">{face === "docs" ? <Redirect to="/" replace /> : <Endpoints />}</Route>
      {face === "console" ? (
        <Route path="/endpoints/new">
          <Editor />
        </Route>
      ) : null}
      <Route path="/endpoints/:namespace/:slug">
        {({ namespace, slug }) => (
          <Endpoint key={`${namespace}/${slug}`} namespace={namespace} slug={slug} view="reference" />
        )}
      </Route>
      {face === "console" ? <Governed /> : null}
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}

function Governed() {
  return (
    <Switch>
      <Route path="/endpoints/:namespace/:slug/edit">
        {({ namespace, slug }) => <Editor key={`${namespace}/${slug}`} namespace={namespace} slug={slug} />}
      </Route>
      <Route path="/endpoints/:namespace/:slug/:view">
        {({ namespace, slug, view }) =>
          view === "revisions" || view === "activity" || view === "links" ? (
            <Endpoint key={`${namespace}/${slug}`} namespace={namespace} slug={slug} view={view} />
          ) : (
            <NotFound />
          )
        }
      </Route>
      <Route path="/jobs">
        <Jobs />
      </Route>
      <Route path="/jobs/:id">{({ id }) => <Job key={id} id={id} />}</Route>
      <Route path="/deliveries">
        <Deliveries />
      </Route>
      <Route path="/deliveries/:id">{({ id }) => <Delivery key={id} id={id} />}</Route>
      <Route path="/users">
        <Users />
      </Route>
      <Route path="/users/:name">{({ name }) => <UserView key={name} name={name} />}</Route>
      <Route path="/keys">
        <Keys />
      </Route>
      <Route path="/usage">
        <Usage />
      </Route>
      <Route path="/status">
        <Status />
      </Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
