// The frame around every view: where one may go, who one is.
import { useSuspenseQuery } from "@tanstack/react-query";
import { Suspense, useEffect, useRef, useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { useMay } from "../api/may";
import { callables } from "../api/queries";
import { face, otherFace } from "../lib/base";
import { useI18n, useT } from "../lib/i18n";
import { listenForFinder } from "../lib/finder";
import { signOut, type User } from "../lib/session";
import { setTheme, useTheme } from "../lib/theme";
import { Boundary } from "./boundary";
import { Icon, Mark, type IconName } from "./icons";
import { Button, Menu, MenuItem, Search, Bones } from "./parts";

export function Shell({ user, children }: { user: User; children: ReactNode }) {
  const t = useT();
  const [place, go] = useLocation();
  // The drawer is open at one place: going elsewhere closes it.
  const [openAt, setOpenAt] = useState<string | null>(null);
  const open = openAt === place;
  const setOpen = (wanted: boolean) => setOpenAt(wanted ? place : null);
  const main = useRef<HTMLElement>(null);
  useEffect(() => listenForFinder(() => (face === "docs" ? setOpenAt(place) : go("/endpoints"))), [go, place]);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    // A user of a screen reader or the keyboard goes on at the new view's beginning.
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place]);
  return (
    <div className={`shell ${face}`}>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("skip")}
      </a>
      <header className="bar">
        <Button look="quiet" icon="menu" aria-label={t("menu")} aria-expanded={open} onClick={() => setOpen(!open)} />
        <Brand user={user} />
      </header>
      <aside
        aria-label={t("nav")}
        className={`side ${open ? "open" : ""}`}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      >
        <div className="side-head">
          <Brand user={user} />
        </div>
        <Boundary>
          <Suspense fallback={<Bones lines={6} columns={1} />}>
            {face === "docs" ? <DocsNav /> : <ConsoleNav />}
          </Suspense>
        </Boundary>
        <div className="side-foot">
          <Account user={user} />
        </div>
      </aside>
      {open ? <div className="veil" onClick={() => setOpen(false)} /> : null}
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Brand({ user }: { user: User }) {
  return (
    <Link href="/" className="brand">
      <Mark />
      <span>
        Data API <span className="dim">{user.company_slug}</span>
      </span>
    </Link>
  );
}

function NavLink({ to, icon, children }: { to: string; icon: IconName; children: ReactNode }) {
  const [place] = useLocation();
  return (
    <Link href={to} aria-current={place === to || place.startsWith(`${to}/`) ? "page" : undefined}>
      <Icon name={icon} />
      {children}
    </Link>
  );
}

function ConsoleNav() {
  const t = useT();
  const may = useMay();
  return (
    <nav className="nav" aria-label={t("nav")}>
      <NavLink to="/endpoints" icon="endpoint">
        {t("nav.endpoints")}
      </NavLink>
      {may("data_api:get_job") ? (
        <NavLink to="/jobs" icon="jobs">
          {t("nav.jobs")}
        </NavLink>
      ) : null}
      {may("data_api:get_usage") ? (
        <NavLink to="/usage" icon="usage">
          {t("nav.usage")}
        </NavLink>
      ) : null}
      {may("access:manage") ? (
        <>
          <h2>{t("nav.access")}</h2>
          <NavLink to="/users" icon="users">
            {t("nav.users")}
          </NavLink>
          <NavLink to="/keys" icon="key">
            {t("nav.keys")}
          </NavLink>
          <NavLink to="/deliveries" icon="delivery">
            {t("nav.deliveries")}
          </NavLink>
        </>
      ) : null}
      {may("access:manage") || may("visualization:edit") ? (
        <>
          <h2>{t("nav.operation")}</h2>
          <NavLink to="/status" icon="status">
            {t("nav.status")}
          </NavLink>
        </>
      ) : null}
    </nav>
  );
}

const folded = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function DocsNav() {
  const t = useT();
  const { data } = useSuspenseQuery(callables);
  const [wanted, setWanted] = useState("");
  const words = folded(wanted).split(/\s+/).filter(Boolean);
  const found = data.filter((one) => {
    const text = folded(`${one.namespace}/${one.slug} ${one.title} ${one.description}`);
    return words.every((word) => text.includes(word));
  });
  const namespaces = [...new Set(found.map((one) => one.namespace))];
  const [place] = useLocation();
  return (
    <nav className="nav docs-nav" aria-label={t("nav.endpoints")}>
      <Search finder label={t("docs.find")} value={wanted} onChange={(event) => setWanted(event.target.value)} />
      <Link href="/" aria-current={place === "/" ? "page" : undefined}>
        <Icon name="book" />
        {t("docs.start")}
      </Link>
      {namespaces.map((namespace) => (
        <div key={namespace}>
          <h2>{namespace}</h2>
          {found
            .filter((one) => one.namespace === namespace)
            .map((one) => {
              const to = `/endpoints/${one.namespace}/${one.slug}`;
              return (
                <Link key={to} href={to} aria-current={place === to ? "page" : undefined}>
                  <span className="break">{one.title || one.slug}</span>
                </Link>
              );
            })}
        </div>
      ))}
      {found.length === 0 ? <p className="hint">{t(data.length === 0 ? "docs.none" : "none.found")}</p> : null}
    </nav>
  );
}

function Account({ user }: { user: User }) {
  const { t, language, setLanguage } = useI18n();
  const { theme } = useTheme();
  const next = theme === "system" ? "light" : theme === "light" ? "dark" : "system";
  return (
    <Menu
      up
      look="quiet"
      className="account"
      label={t("account")}
      text={
        <>
          <span className="avatar" aria-hidden="true">
            {(user.display_name || user.name).slice(0, 1).toUpperCase()}
          </span>
          <span className="grow account-name">
            <span className="strong">{user.display_name || user.name}</span>
            <span className="xs dim">{user.company_slug}</span>
          </span>
          <Icon name="more" />
        </>
      }
    >
      <MenuItem icon={theme === "dark" ? "moon" : "sun"} onClick={() => setTheme(next)}>
        {t(`theme.${theme}`)}
      </MenuItem>
      <MenuItem icon="book" onClick={() => setLanguage(language === "en" ? "pt-BR" : "en")}>
        {language === "en" ? "Português (Brasil)" : "English"}
      </MenuItem>
      {otherFace !== null ? (
        <MenuItem icon={face === "docs" ? "edit" : "book"} onClick={() => location.assign(`${otherFace}/`)}>
          {t(face === "docs" ? "to.console" : "to.docs")}
        </MenuItem>
      ) : null}
      <MenuItem icon="exit" onClick={() => void signOut().catch(() => undefined)}>
        {t("signout")}
      </MenuItem>
    </Menu>
  );
}
