// Lists of things: a table that becomes cards on a narrow screen, and what takes its place while there is none.
import type { ReactNode } from "react";
import { useT } from "../lib/i18n";
import type { IconName } from "./icons";
import { Bones, Button, Empty, Failure } from "./parts";

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  /** Figures, and what can be done: on the right. */
  right?: boolean;
  className?: string;
  /** The title is only read out: the column's buttons say what they do. */
  actions?: boolean;
}

interface TableProps<T> {
  rows: T[];
  columns: (Column<T> | null | false)[];
  name: (row: T) => string;
  /** The rows lead somewhere, by the link of their first column. */
  link?: boolean;
}

/** Things in rows. The first column is what a row is; on a narrow screen the titles of the others are before their values. */
export function Table<T>({ rows, columns, name, link }: TableProps<T>) {
  const shown = columns.filter((column) => column !== null && column !== false);
  const look = (column: Column<T>) =>
    [column.right && "right", column.actions && "actions", column.className].filter(Boolean).join(" ") || undefined;
  return (
    <table className="list">
      <thead>
        <tr>
          {shown.map((column) => (
            <th key={column.title} scope="col" className={column.right ? "right" : undefined}>
              {column.actions ? <span className="unseen">{column.title}</span> : column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={name(row)} className={link ? "link" : undefined}>
            {shown.map((column, index) => (
              <td
                key={column.title}
                className={look(column)}
                data-label={index > 0 && !column.actions ? column.title : undefined}
              >
                {column.cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface Answer<Page> {
  data: { pages: Page[] } | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

interface ListingProps<T, Page> extends Omit<TableProps<T>, "rows"> {
  query: Answer<Page>;
  rows: (page: Page) => T[];
  empty: { icon: IconName; title: string; text: ReactNode; action?: ReactNode };
}

/** The pages of a list, in a card: its table, or why there is none. */
export function Listing<T, Page>({ query, rows, empty, ...table }: ListingProps<T, Page>) {
  const all = query.data?.pages.flatMap(rows) ?? [];
  if (query.error) return <Failure error={query.error} again={() => void query.refetch()} />;
  return (
    <div className="card">
      {query.isPending ? (
        <Bones />
      ) : all.length === 0 ? (
        <Empty icon={empty.icon} title={empty.title} action={empty.action}>
          {empty.text}
        </Empty>
      ) : (
        <Table rows={all} {...table} />
      )}
      <More query={query} />
    </div>
  );
}

/** The next page of a list. */
export function More({
  query,
}: {
  query: Pick<Answer<unknown>, "hasNextPage" | "isFetchingNextPage" | "fetchNextPage">;
}) {
  const t = useT();
  if (!query.hasNextPage) return null;
  return (
    <div className="card-body row centre">
      <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {t("more")}
      </Button>
    </div>
  );
}
