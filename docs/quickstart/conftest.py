"""The application under test, in a process of its own, and what a test asks it to do."""
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


class Menu:
    def __init__(self, sandbox):
        self.sandbox = sandbox

    def dial(self, to, **more):
        (application,) = self.sandbox.ask("GET", "/v2/call_control_applications")["data"]
        body = {"connection_id": application["id"], "from": "+13125550100", "to": to} | more
        return self.sandbox.ask("POST", "/v2/calls", body)["data"]["call_control_id"]


@pytest.fixture
def menu(telnyx_sandbox):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"TELNYX_API_KEY": telnyx_sandbox.api_key, "TELNYX_BASE_URL": telnyx_sandbox.base_url}
    settings |= {"TELNYX_PUBLIC_KEY": telnyx_sandbox.public_key, "PORT": str(port)}
    script = Path(__file__).with_name("call_control.py")
    process = subprocess.Popen([sys.executable, script], env=os.environ | settings)
    telnyx_sandbox.ledger("requests", method="POST", path="/v2/call_control_applications", wait=60)
    wait_for(port)
    yield Menu(telnyx_sandbox)
    process.terminate()
    process.wait()


def wait_for(port):
    while True:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
