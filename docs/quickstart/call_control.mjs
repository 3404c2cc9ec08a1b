// A menu with Call Control: 2 is put through. PORT is where webhooks come in; no package is needed.
import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";
const { TELNYX_API_KEY, TELNYX_BASE_URL, TELNYX_PUBLIC_KEY, PORT } = process.env;
const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(TELNYX_PUBLIC_KEY, "base64")]);
const key = createPublicKey({ key: spki, format: "der", type: "spki" });
const ask = (path, body = {}) => fetch(TELNYX_BASE_URL + path,
  { method: "POST", headers: { authorization: `Bearer ${TELNYX_API_KEY}` }, body: JSON.stringify(body) });
createServer(async (request, response) => {
  let raw = ""; for await (const part of request) raw += part;
  const { "telnyx-timestamp": at, "telnyx-signature-ed25519": signature } = request.headers;
  if (!verify(null, Buffer.from(`${at}|${raw}`), key, Buffer.from(signature, "base64"))) return response.writeHead(400).end();
  const { event_type: type, payload } = JSON.parse(raw).data, act = `/calls/${payload.call_control_id}/actions`;
  if (type === "call.initiated" && payload.direction === "incoming") {
    await ask(`${act}/answer`);
    await ask(`${act}/gather_using_speak`, { payload: "1 or 2?", voice: "female", maximum_digits: 1 });
  } else if (type === "call.gather.ended" && payload.digits === "2") await ask(`${act}/transfer`, { to: "+13125550001" });
  response.end();
}).listen(PORT, "127.0.0.1", () => ask("/call_control_applications",
  { application_name: "menu", webhook_event_url: `http://127.0.0.1:${PORT}`, webhook_api_version: "2" }));
