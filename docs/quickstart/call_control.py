"""A menu with Call Control: 2 is put through. PORT is where webhooks come in."""
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import telnyx

client, port = telnyx.Telnyx(), int(os.environ["PORT"])  # TELNYX_API_KEY, TELNYX_PUBLIC_KEY, TELNYX_BASE_URL
class Webhook(BaseHTTPRequestHandler):
    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        event = client.webhooks.unwrap(raw, headers=dict(self.headers)).data  # raises if it is forged
        call, act = event.payload, client.calls.actions
        if event.event_type == "call.initiated" and call.direction == "incoming":
            act.answer(call.call_control_id)
            act.gather_using_speak(call.call_control_id, payload="1 or 2?", voice="female", maximum_digits=1)
        elif event.event_type == "call.gather.ended" and call.digits == "2":
            act.transfer(call.call_control_id, to="+13125550001")
        self.send_response(200)
        self.end_headers()
url = f"http://127.0.0.1:{port}"
client.call_control_applications.create(application_name="menu", webhook_event_url=url, webhook_api_version="2")
ThreadingHTTPServer(("127.0.0.1", port), Webhook).serve_forever()
