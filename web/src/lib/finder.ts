// The way to an endpoint from anywhere: Ctrl+K, or / where nothing is typed, leads to the field that finds one.

let field: HTMLInputElement | null = null;
let wanted = false;

const focus = () =>
  // After whatever the new view gives the focus to.
  requestAnimationFrame(() => {
    field?.focus();
    field?.select();
  });

/** Makes a field the one that is led to, until the function that is returned is called. */
export function offerFinder(input: HTMLInputElement): () => void {
  field = input;
  if (wanted) focus();
  wanted = false;
  return () => {
    if (field === input) field = null;
  };
}

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(input|select|textarea)$/i.test(target.tagName) || target.role === "grid")
  );
}

/** Listens for the keys. `open` brings the field onto the page where there is none that can be seen. */
export function listenForFinder(open: () => void): () => void {
  const listen = (event: KeyboardEvent) => {
    const control = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    const slash = event.key === "/" && !control && !typing(event.target);
    if (!slash && !(control && event.key.toLowerCase() === "k")) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    const there = field?.checkVisibility({ visibilityProperty: true });
    if (!there) {
      wanted = field === null;
      open();
    }
    if (field) focus();
  };
  addEventListener("keydown", listen);
  return () => removeEventListener("keydown", listen);
}
