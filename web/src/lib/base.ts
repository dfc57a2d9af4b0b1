// Where the application is. The server writes paths into the document, relative to it or absolute, so that a proxy may put
// any prefix before them.

function meta(name: string): string {
  const text = document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
  return text.startsWith("__") ? "" : text; // a placeholder that nobody has filled in, as on the development server
}

function path(text: string): string {
  return new URL(text, location.href).pathname.replace(/\/$/, "");
}

const resolved = {
  base: meta("data-api-base") === "" ? "/console" : path(`${meta("data-api-base")}/`),
  root: meta("data-api-root") === "" ? "" : path(`${meta("data-api-root")}/`),
};

/** The path below which this face of the application is, without a slash at its end. */
export const base = resolved.base;

/** What comes before `/api/v1`: empty, or a prefix without a slash at its end. */
export const root = resolved.root;

/** The console governs; the docs are for those who call. */
export const face: "console" | "docs" = meta("data-api-face") === "docs" ? "docs" : "console";

const other = meta(face === "docs" ? "data-api-console" : "data-api-docs");

/** The path of the other face; null where it is off. */
export const otherFace: string | null = other === "" ? null : path(`${other}/`);

/** The nonce of this document's Content-Security-Policy, which style sheets need that are made while the page runs. */
export const nonce: string = (() => {
  const element = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]');
  const text = element?.nonce || element?.content || "";
  return text.startsWith("__") ? "" : text;
})();

/** The server's address, as programs outside of the browser write it. */
export const origin: string = location.origin + root;
