// Signs in by a company's identity provider, and fails to in every way, and prints what it saw as JSON.
// Arguments: Chromium's program, the server, the provider. The test that runs this changes the provider when it is asked to.
import { open, outside } from "./page.mjs";

const [executablePath, origin, provider] = process.argv.slice(2);
const { browser, page, seen, look } = await open(executablePath, origin);
const report = { ...seen, told: {}, addresses: [], foreignElements: [] };
const company = page.locator("input[name=company]");
const button = page.getByRole("button", { name: "Continue with your company’s account" });
const note = page.locator("form .note.bad");
const begun = "/console/jobs?status=failed";

await page.goto(origin + begun);
await button.waitFor();
await look("sign in");

// The company is wanted, and has to have a provider.
await button.click();
report.wanted = await company.evaluate((one) => one === document.activeElement && one.validity.valueMissing);
await company.fill("globex");
await button.click();
await note.waitFor();
report.told.none = await note.innerText();
await look("a company without a provider");

/** Signs in by the provider, which has become so. */
async function signIn(become) {
  await outside("provider", become);
  await company.fill("acme");
  await Promise.all([page.waitForEvent("load"), button.click()]);
}
for (const [name, become] of [
  ["denied", { denial: { error: ["access_denied"], error_description: ["<img src=x onerror=window.ran=1>"] } }],
  ["markup", { denial: { error: ['"><img src=x onerror=window.ran=1>'], return_to: ["//evil.example"] } }],
  ["stale", { denial: { error: ["access_denied"], state: ["another"] } }],
  ["unknown", { sub: "nobody" }],
  ["unavailable", { down: 502 }],
]) {
  await signIn(become);
  await note.waitFor();
  report.told[name] = await note.innerText();
  report.addresses.push(page.url().replace(origin, ""));
  report.foreignElements.push(...(await page.locator("img, script:not([src])").evaluateAll((all) => all.map(String))));
}
await look("a sign-in that has failed");
await page.getByRole("button", { name: "Português (Brasil)" }).click();
await page.getByText("Comece de novo").waitFor();
report.told.portuguese = await note.innerText();
await page.getByRole("button", { name: "English" }).click();

// What anybody writes into the address is told in no words of theirs.
for (const word of ["constructor", "<img src=x onerror=window.ran=1>", ""]) {
  await page.goto(`${origin}/console/?${Math.random()}#/sign-in?failed=${encodeURIComponent(word)}`);
  await note.waitFor();
  report.told[`forged ${word}`] = await note.innerText();
}

// In, and where one was.
await page.goto(origin + begun);
await button.waitFor();
await signIn({ sub: "ana" });
await page.waitForSelector(".nav");
report.place = page.url().replace(origin, "");
report.user = await page.locator(".account-name").innerText();
report.kept = await page.evaluate(() => Object.keys(localStorage));
report.cookies = await page.evaluate(() => document.cookie);

report.ran = await page.evaluate(() => window.ran !== undefined);
await browser.close();
report.foreign = seen.foreign.filter((address) => !address.startsWith(`${provider}/authorize?`));
report.requests = undefined;
console.log(JSON.stringify({ report }));
