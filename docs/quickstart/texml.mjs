// A menu with TeXML: 2 is put through. PORT is where documents are asked for; no package is needed.
import { createServer } from "node:http";
const { TELNYX_API_KEY, TELNYX_BASE_URL, PORT } = process.env;
const url = `http://127.0.0.1:${PORT}`;
const menu = `<Gather numDigits="1" action="${url}/chosen"><Say>1 or 2?</Say></Gather>`;
createServer(async (request, response) => {
  let raw = "";
  for await (const part of request) raw += part;
  const chosen = new URLSearchParams(raw).get("Digits") === "2" ? "<Dial>+13125550001</Dial>" : "<Hangup/>";
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(`<Response>${request.url === "/chosen" ? chosen : menu}</Response>`);
}).listen(PORT, "127.0.0.1", () => fetch(`${TELNYX_BASE_URL}/texml_applications`, {
  method: "POST",
  headers: { authorization: `Bearer ${TELNYX_API_KEY}` },
  body: JSON.stringify({ friendly_name: "menu", voice_url: `${url}/voice` }),
}));
