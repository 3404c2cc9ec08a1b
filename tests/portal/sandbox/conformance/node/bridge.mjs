// Calls Telnyx's SDK for Node for somebody who speaks JSON, a line each way: {"name", "last", "params"} calls a method,
// {"raw", "headers"} unwraps a webhook.
import { createInterface } from "node:readline";
import Telnyx from "telnyx";

const { TELNYX_API_KEY: apiKey, TELNYX_BASE_URL: baseURL, TELNYX_PUBLIC_KEY: publicKey } = process.env;
const client = new Telnyx({ apiKey, baseURL, publicKey, maxRetries: 0 });

async function call({ name, last, params }) {
  const parts = name.split("."), method = parts.pop();
  const resource = parts.reduce((found, part) => found[part], client);
  const answer = await (last === null ? resource[method](params) : resource[method](last, params));
  return typeof answer?.getPaginatedItems === "function" ? { items: answer.getPaginatedItems() } : { answer };
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let told;
  try {
    told = asked.name ? await call(asked) : { event: await client.webhooks.unwrap(asked.raw, { headers: asked.headers }) };
  } catch (error) {
    told = { error: error.constructor.name, status: error.status ?? null, message: String(error.message) };
  }
  console.log(JSON.stringify(told));
}
