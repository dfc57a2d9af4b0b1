// Drawings of 16 by 16, in the colour of the text around them.
const paths = {
  plus: "M8 3v10M3 8h10",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.8 10.8 14 14",
  copy: "M5.5 5.5h7v8h-7zM10.5 5.5v-3h-7v8h2",
  check: "m3 8.5 3.2 3L13 4.5",
  close: "m4 4 8 8M12 4l-8 8",
  chevron: "m6 4 4 4-4 4",
  down: "m4 6 4 4 4-4",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  play: "M5 3.2v9.6L12.5 8z",
  stop: "M4.5 4.5h7v7h-7z",
  download: "M8 2.5v8M4.7 7.5 8 10.8l3.3-3.3M3 13.5h10",
  warn: "M8 2.2 14.2 13H1.8zM8 6.3v3M8 11.2v.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3v3.5M8 5.2v.01",
  edit: "M10.8 2.9 13.1 5.2 5.5 12.8l-3 .7.7-3z",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9",
  endpoint: "M3 3.5h10v9H3zM3 6.5h10M6 9.5h4",
  jobs: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.6",
  delivery: "M2.5 8 13.5 3 11 13.5 7.6 9.6zM13.5 3 7.6 9.6",
  link: "M6.7 9.3a2.6 2.6 0 0 0 3.7 0l2.3-2.3a2.6 2.6 0 0 0-3.7-3.7l-.9.9M9.3 6.7a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.9-.9",
  key: "M6 10.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM9 7.5h4.5v2.5M11.5 7.5V9",
  users:
    "M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6ZM1.8 13c.3-2.4 2-3.7 4.2-3.7s3.9 1.3 4.2 3.7M10.7 3.2a2.1 2.1 0 0 1 0 4M12 9.7c1.3.5 2.1 1.7 2.3 3.3",
  usage: "M3 13V8.5M6.3 13V3.5M9.7 13V6.5M13 13v-3",
  status: "M1.8 8h3l1.8-4.5 2.8 9L11.2 8h3",
  history: "M2.5 8a5.5 5.5 0 1 0 1.8-4.1L2.5 5.5M2.5 2.5v3h3M8 5.2V8l2 1.3",
  sun: "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.8v1.3M8 12.9v1.3M1.8 8h1.3M12.9 8h1.3M3.6 3.6l.9.9M11.5 11.5l.9.9M3.6 12.4l.9-.9M11.5 4.5l.9-.9",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z",
  exit: "M6 2.5H3v11h3M7 8h6.5M10.8 5.2 13.5 8l-2.7 2.8",
  book: "M8 4c-1.3-1-3-1.3-5.5-1.3v9.5c2.5 0 4.2.3 5.5 1.3 1.3-1 3-1.3 5.5-1.3V2.7C11 2.7 9.3 3 8 4ZM8 4v9.5",
  chart: "M2.5 2.5v11h11M5 10l2.6-3 2.2 1.8L13 5",
  table: "M2.5 3h11v10h-11zM2.5 6.3h11M2.5 9.7h11M6.5 6.3V13",
  lock: "M4 7.5h8v6H4zM5.5 7.5V5.3a2.5 2.5 0 0 1 5 0v2.2",
  up: "M8 13V3.5M4 7.5l4-4 4 4",
  arrowDown: "M8 3v9.5M4 8.5l4 4 4-4",
  fork: "M5 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM11 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM8 13.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM5 5.5c0 2 3 2 3 5 0-3 3-3 3-5",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon-glyph" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** The product's mark. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path
        d="M9 11.5 14 16l-5 4.5M16.5 21H23"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
