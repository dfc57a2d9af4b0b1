// Endpoints' contracts, whose defaults, examples and bounds are values of parameters: no digit of them may be lost.

const tokens = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Reads JSON. A number that JavaScript would write otherwise becomes the text that is there. */
export function parseContract<T>(json: string): T {
  const kept = json.replace(tokens, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `"${token}"`,
  );
  return JSON.parse(kept) as T;
}
