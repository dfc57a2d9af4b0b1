// Results, read without a digit lost. Values stay the text that the server has written: no number becomes a double, and what is
// nested in a cell is not taken apart at all.

/** A cell of a result. Numbers and nested values are the JSON text of the answer. */
export type Cell =
  | { kind: "null" }
  | { kind: "text"; text: string }
  | { kind: "number"; text: string }
  | { kind: "boolean"; text: string }
  | { kind: "json"; text: string };

export interface Column {
  name: string;
  type: string;
}

/** A result as it is shown. */
export interface Result {
  columns: Column[];
  rows: Cell[][];
  row_count: number | null;
  truncated: boolean;
  max_rows: number | null;
  executed_at: string | null;
  next_cursor: string | null;
  total_row_count: number | null;
  /** The text ended before the result did: the rows are those of its beginning. */
  cut: boolean;
}

class Ended extends Error {}

const NULL: Cell = { kind: "null" };
const TRUE: Cell = { kind: "boolean", text: "true" };
const FALSE: Cell = { kind: "boolean", text: "false" };
const space = /[ \t\r\n]*/y;
const run = /[-+.\w]*/y;
const word = /^(?:null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

/** Where the string that begins here has ended; -1: it does not. By hand, since a cell may be longer than an expression can match. */
function behindString(text: string, from: number): number {
  for (let end = from + 1; ; end++) {
    end = text.indexOf('"', end);
    if (end < 0) return -1;
    let escapes = end;
    while (text[escapes - 1] === "\\") escapes--;
    if ((end - escapes) % 2 === 0) return end + 1;
  }
}

class Reader {
  at = 0;
  constructor(readonly text: string) {}

  peek(): string {
    space.lastIndex = this.at;
    space.test(this.text);
    this.at = space.lastIndex;
    if (this.at >= this.text.length) throw new Ended();
    return this.text[this.at]!;
  }

  take(wanted: string): void {
    if (this.peek() !== wanted) throw new SyntaxError(`expected ${wanted} at ${this.at}`);
    this.at++;
  }

  /** The text of a string, with its quotation marks. */
  private quoted(): string {
    if (this.peek() !== '"') throw new SyntaxError(`expected a string at ${this.at}`);
    const end = behindString(this.text, this.at);
    if (end < 0) throw new Ended();
    const found = this.text.slice(this.at, end);
    this.at = end;
    return found;
  }

  string(): string {
    return JSON.parse(this.quoted()) as string;
  }

  /** Whether another member follows; takes the comma or the end. */
  more(end: string): boolean {
    const next = this.peek();
    if (next !== "," && next !== end) throw new SyntaxError(`expected , or ${end} at ${this.at}`);
    this.at++;
    return next === ",";
  }

  /** Calls back at each member of an array or object, with its key. */
  members(visit: (key: string) => void): void {
    const open = this.peek();
    const end = open === "{" ? "}" : "]";
    this.at++;
    if (this.peek() === end) {
      this.at++;
      return;
    }
    do {
      let key = "";
      if (open === "{") {
        key = this.string();
        this.take(":");
      }
      visit(key);
    } while (this.more(end));
  }

  /** The text of the value here. It is not recursive: depth is up to the sender. */
  skip(): string {
    this.peek();
    const from = this.at;
    let depth = 0;
    do {
      const next = this.peek();
      if (next === "{" || next === "[") {
        depth++;
        this.at++;
      } else if (next === "}" || next === "]") {
        depth--;
        this.at++;
      } else if (next === '"') {
        this.quoted();
      } else if (next === "," || next === ":") {
        this.at++;
      } else {
        this.word();
      }
    } while (depth > 0);
    return this.text.slice(from, this.at);
  }

  private word(): string {
    this.peek();
    run.lastIndex = this.at;
    const found = run.exec(this.text)![0];
    // What ends with the text may go on behind it.
    if (found !== "" && this.at + found.length === this.text.length) throw new Ended();
    if (!word.test(found))
      throw new SyntaxError(`unexpected ${JSON.stringify(this.text.slice(this.at, this.at + 20))} at ${this.at}`);
    this.at += found.length;
    return found;
  }

  cell(): Cell {
    const next = this.peek();
    if (next === '"') return { kind: "text", text: this.string() };
    if (next === "{" || next === "[") return { kind: "json", text: this.skip() };
    const word = this.word();
    return word === "null" ? NULL : word === "true" ? TRUE : word === "false" ? FALSE : { kind: "number", text: word };
  }
}

/** Reads the JSON of a result: of an execution, of a job's result, or of a page of it. Text that breaks off gives the rows before. */
export function readResult(text: string): Result {
  const result: Result = {
    columns: [],
    rows: [],
    row_count: null,
    truncated: false,
    max_rows: null,
    executed_at: null,
    next_cursor: null,
    total_row_count: null,
    cut: false,
  };
  const reader = new Reader(text);
  try {
    reader.members((key) => {
      if (key === "columns") {
        result.columns = JSON.parse(reader.skip()) as Column[];
      } else if (key === "rows") {
        reader.members(() => {
          const row: Cell[] = [];
          reader.members(() => row.push(reader.cell()));
          result.rows.push(row);
        });
      } else {
        const value = JSON.parse(reader.skip()) as never;
        if (key in result) result[key as keyof Result] = value;
      }
    });
  } catch (failure) {
    if (!(failure instanceof Ended)) throw failure;
    result.cut = true;
  }
  return result;
}

/** The members of a JSON object, or the items of an array by their number: each as the text that is there, with every digit. */
export function texts(json: string): Map<string, string> {
  const reader = new Reader(json);
  const list = reader.peek() === "[";
  const found = new Map<string, string>();
  reader.members((key) => found.set(list ? String(found.size) : key, reader.skip()));
  return found;
}

const token = /[{}[\],:]|[^\s{}[\],:"]+/y;

/** The tokens of JSON, as they are there. */
function* tokens(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    space.lastIndex = at;
    space.test(text);
    at = space.lastIndex;
    token.lastIndex = at;
    if (token.test(text)) {
      yield text.slice(at, token.lastIndex);
      at = token.lastIndex;
    } else if (text[at] === '"') {
      const end = behindString(text, at);
      yield text.slice(at, end < 0 ? text.length : end);
      at = end < 0 ? text.length : end;
    } else at++; // white space that JSON does not know
  }
}

/** Writes JSON again with indentation; tokens stay as they are. It stops after so many characters, be it within a token. */
export function indent(text: string, limit = 2_000_000): string {
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.min(depth, 40))}`;
  let before = "";
  for (const next of tokens(text)) {
    if (next === "}" || next === "]") {
      depth--;
      if (before !== "{" && before !== "[") out += line();
      out += next;
    } else {
      if (before === "{" || before === "[") out += line();
      out += next;
      if (next === "{" || next === "[") depth++;
      else if (next === ",") out += line();
      else if (next === ":") out += " ";
    }
    before = next;
    if (out.length > limit) return `${out.slice(0, limit)}\n…`;
  }
  return out;
}

/** A cell as one copies it: the text itself; nothing for null. */
export const plain = (cell: Cell): string => (cell.kind === "null" ? "" : cell.text);

/** A cell as JSON. */
export const asJSON = (cell: Cell): string =>
  cell.kind === "null" ? "null" : cell.kind === "text" ? JSON.stringify(cell.text) : cell.text;
