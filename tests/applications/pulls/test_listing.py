"""A list that shifts while it is read loses no application: not in a pull, a check, an export or a plan."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from django.core.management import call_command

from applications.mirror import store
from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.application_documents import plan_of, run
from tests.support.applications import CALL_CONTROL
from tests.support.quick_telnyx import applications

pytestmark = pytest.mark.usefixtures("only_account")
RESOURCE = "call_control_applications"


class Shifting:
    """A Telnyx where, once ``shifts``, the first application is deleted as soon as the first page was read."""

    def __init__(self) -> None:
        self.rows = applications(RESOURCE, 3)
        self.shifts = False

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        resource, _, id = path.removeprefix("/v2/").partition("/")
        rows = self.rows if resource == RESOURCE else []
        if id:
            found = next((row for row in rows if row["id"] == id), None)
            missing = {"errors": [{"code": "10005", "title": "Resource not found", "detail": "It could not be found."}]}
            return (200, {"data": found}) if found else (404, missing)
        number, size = int(query.get("page[number]", "1")), int(query.get("page[size]", "20"))
        meta = {"page_number": number, "total_pages": max(1, -(-len(rows) // size)), "total_results": len(rows)}
        page = rows[(number - 1) * size : number * size]
        if self.shifts and rows and number == 1:
            self.rows, self.shifts = self.rows[1:], False
        return 200, {"data": page, "meta": meta}

    @contextmanager
    def served(self) -> Iterator[str]:
        telnyx = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                status, body = telnyx.answer(parts.path, dict(parse_qsl(parts.query)))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v2"
        finally:
            server.shutdown()
            server.server_close()


@pytest.fixture
def telnyx(monkeypatch: pytest.MonkeyPatch) -> Shifting:
    monkeypatch.setattr(store, "PAGE_SIZE", 1)
    return Shifting()


@pytest.fixture
def account(db: None, telnyx: Shifting) -> Iterator[TelnyxAccount]:
    with telnyx.served() as url:
        yield make_account(base_url=url)


@pytest.fixture
def known(account: TelnyxAccount, telnyx: Shifting) -> list[str]:
    """Pulled before anything shifts."""
    pull(CALL_CONTROL, account, PORTAL)
    telnyx.shifts = True
    return [row["id"] for row in telnyx.rows]


def test_a_pull_marks_only_the_one_that_is_gone(account: TelnyxAccount, known: list[str]) -> None:
    # the first was still in the list when it was read; the second moved to where it was not looked for
    assert [pull(CALL_CONTROL, account, PORTAL).missing for _ in range(2)] == [0, 1]
    assert CallControlApplication.objects.get(telnyx_id=known[1]).missing_since is None


def test_a_check_names_only_the_one_that_is_gone(account: TelnyxAccount, known: list[str]) -> None:
    assert _check() == []
    assert _check() == [(known[0], "missing")]


def test_an_export_holds_every_one_that_was_there_all_the_time(account: TelnyxAccount, known: list[str]) -> None:
    section = yaml.safe_load(run("export"))[RESOURCE]
    assert {values["id"] for values in section.values()} >= {*known[1:]}


def test_an_export_does_so_also_when_nothing_was_ever_pulled(account: TelnyxAccount, telnyx: Shifting) -> None:
    ids, telnyx.shifts = [row["id"] for row in telnyx.rows], True
    section = yaml.safe_load(run("export"))[RESOURCE]
    assert {values["id"] for values in section.values()} >= {*ids[1:]}


def test_a_plan_creates_none_that_is_there(account: TelnyxAccount, telnyx: Shifting, file: Path) -> None:
    file.write_text(run("export"))
    telnyx.shifts = True
    assert plan_of(file)["steps"] == []
    telnyx.rows[1]["active"] = False
    telnyx.rows, telnyx.shifts = [*applications(RESOURCE, 1), *telnyx.rows], True
    (step,) = plan_of(file, "--prune")["steps"]
    assert (step["action"], step["changes"]) == ("update", {"active": {"before": False, "after": True}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "apps.yaml"


def _check() -> list[tuple[str, str]]:
    out = StringIO()
    with suppress(SystemExit):
        call_command("pull_applications", "--check", stdout=out, stderr=StringIO())
    return [(change["id"], change["change"]) for change in json.loads(out.getvalue())]
