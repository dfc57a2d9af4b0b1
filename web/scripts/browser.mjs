// Chromium, started so that it asks nobody but the server.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Starts the browser's program. */
export function launch(executablePath) {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** What axe-core finds on the page as it is. */
export async function axe(page) {
  // The world that evaluates is not under the page's policy.
  return page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source);
    const { violations, passes } = await window.axe.run(document, { resultTypes: ["violations"] });
    return {
      passed: passes.length,
      found: violations.map(({ id, impact, nodes }) => ({
        id,
        impact,
        nodes: nodes.slice(0, 4).map((node) => node.html.slice(0, 300)),
      })),
    };
  }, axeSource);
}
