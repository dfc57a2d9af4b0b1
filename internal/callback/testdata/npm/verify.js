// Reads one JSON document per line from standard input, with a secret, headers and a payload, and answers each with a line:
// ok, or why the payload must not be trusted.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, payload } = JSON.parse(line);
  try {
    new Webhook(secret).verify(payload, headers);
    console.log("ok");
  } catch (error) {
    console.log(error.message);
  }
}
