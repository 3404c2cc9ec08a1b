"""A Telnyx that only lists, from pages rendered beforehand: what a test or a benchmark measures is the portal."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from portal.json_types import JsonObject
from portal.sandbox.resources.applications import KINDS

SIZE = 250


def applications(path: str, count: int, **values: Any) -> list[JsonObject]:
    """So many answers of one resource (``texml_applications``), with all of Telnyx's fields."""
    kind = KINDS[path]
    urls = {name: f"https://portal.example/{name}" for name in kind.urls}
    told = {"record_type": kind.record_type, "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z"}
    return [
        {"id": str(10**18 + at), kind.name: f"number {at:05}", **kind.defaults, **urls, **told, **values}
        for at in range(count)
    ]


class QuickTelnyx:
    """``rows`` by resource; after a change of them, ``render`` makes the pages anew."""

    def __init__(self, count: int) -> None:
        self.rows = {path: applications(path, count) for path in KINDS}
        self.pages: dict[tuple[str, int], bytes] = {}
        self.render()

    def render(self) -> None:
        for path, rows in self.rows.items():
            pages = max(1, -(-len(rows) // SIZE))
            for number in range(1, pages + 1):
                meta = {"page_number": number, "page_size": SIZE, "total_pages": pages, "total_results": len(rows)}
                body = {"data": rows[(number - 1) * SIZE : number * SIZE], "meta": meta}
                self.pages[path, number] = json.dumps(body).encode()

    @contextmanager
    def served(self) -> Iterator[str]:
        """Its base URL, while it is served by a thread."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"pages": self.pages}))
        server.daemon_threads, server.block_on_close = True, False
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v2"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)


def serve(pipe: Any, count: int) -> None:
    """In a process of its own, until something comes through the pipe: then its work counts for nobody else."""
    with QuickTelnyx(count).served() as url:
        pipe.send(url)
        pipe.recv()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 5
    pages: dict[tuple[str, int], bytes]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        number = int(dict(parse_qsl(parts.query)).get("page[number]", "1"))
        content = self.pages.get((parts.path.rpartition("/")[2], number), b'{"data": []}')
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""
