// Markdown as elements. There is no HTML on the way: tags that somebody writes are shown as they are written, and a link leads to
// the web or to an address within it, or it is no link.
import { marked, type Token, type Tokens } from "marked";
import { Fragment, useMemo, type ReactNode } from "react";

function safe(href: string): string | null {
  try {
    const url = new URL(href, location.href);
    return ["https:", "http:", "mailto:"].includes(url.protocol) ? href : null;
  } catch {
    return null;
  }
}

const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const plain = (text: string) => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? "");

function inline(tokens: Token[] | undefined): ReactNode {
  return (tokens ?? []).map((token, index) => <Fragment key={index}>{one(token)}</Fragment>);
}

function one(token: Token): ReactNode {
  switch (token.type) {
    case "paragraph":
      return <p>{inline(token.tokens)}</p>;
    case "heading": {
      const Heading = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as "h3";
      return <Heading>{inline(token.tokens)}</Heading>;
    }
    case "list": {
      const list = token as Tokens.List;
      const items = list.items.map((item, index) => <li key={index}>{inline(item.tokens)}</li>);
      return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      );
    case "blockquote":
      return <blockquote>{inline(token.tokens)}</blockquote>;
    case "hr":
      return <hr />;
    case "table": {
      const table = token as Tokens.Table;
      return (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                {table.header.map((cell, index) => (
                  <th key={index}>{inline(cell.tokens)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, line) => (
                <tr key={line}>
                  {row.map((cell, index) => (
                    <td key={index}>{inline(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    }
    case "strong":
      return <strong>{inline(token.tokens)}</strong>;
    case "em":
      return <em>{inline(token.tokens)}</em>;
    case "del":
      return <del>{inline(token.tokens)}</del>;
    case "codespan":
      return <code>{plain((token as Tokens.Codespan).text)}</code>;
    case "br":
      return <br />;
    case "space":
    case "checkbox":
    case "def":
      return null;
    case "link": {
      const href = safe((token as Tokens.Link).href);
      return href === null ? (
        inline(token.tokens)
      ) : (
        <a href={href} rel="noreferrer noopener" target="_blank">
          {inline(token.tokens)}
        </a>
      );
    }
    case "image": // the page loads nothing from elsewhere
      return (token as Tokens.Image).text;
    default: {
      const { tokens, text, raw } = token as { tokens?: Token[]; text?: string; raw: string };
      return tokens ? inline(tokens) : plain(token.type === "html" ? raw : (text ?? raw));
    }
  }
}

export default function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => marked.lexer(text.slice(0, 100_000), { gfm: true }), [text]);
  return <div className="markdown">{inline(tokens)}</div>;
}
