"""A menu with TeXML: 2 is put through. PORT is where documents are asked for."""
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import telnyx

client, port = telnyx.Telnyx(), int(os.environ["PORT"])  # TELNYX_API_KEY, TELNYX_BASE_URL
url = f"http://127.0.0.1:{port}"
MENU = f'<Gather numDigits="1" action="{url}/chosen"><Say>1 or 2?</Say></Gather>'
class Documents(BaseHTTPRequestHandler):
    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        chosen = {"2": "<Dial>+13125550001</Dial>"}.get(form.get("Digits", [""])[0], "<Hangup/>")
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.end_headers()
        self.wfile.write(f"<Response>{chosen if self.path == '/chosen' else MENU}</Response>".encode())
client.texml_applications.create(friendly_name="menu", voice_url=f"{url}/voice")
ThreadingHTTPServer(("127.0.0.1", port), Documents).serve_forever()
