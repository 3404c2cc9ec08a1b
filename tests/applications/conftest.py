"""What these tests share: applications at a real sandbox, made the way Telnyx's portal would make them."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from applications.kinds import Kind
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.telnyx import patience
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.bystanders import Bystanders
from tests.support.under_way import Dying, Meanwhile, answers_otherwise


@pytest.fixture
def only_account() -> None:
    """For tests that speak of *the* account: what they ask names none, or they count the rows of all."""


@pytest.fixture(autouse=True)
def bystanders(request: pytest.FixtureRequest) -> Iterator[Bystanders | None]:
    """A second person with a token, and a second account with a twin of each application: nothing happens to them."""
    if not {"db", "transactional_db"} & set(request.fixturenames):
        yield None  # a test without rows
        return
    request.getfixturevalue("transactional_db" if "transactional_db" in request.fixturenames else "db")
    bystanders = Bystanders(with_account="only_account" not in request.fixturenames)
    yield bystanders
    bystanders.check()


@pytest.fixture
def mirrored(bystanders: Bystanders, sandbox_account: TelnyxAccount) -> Callable[..., Any]:
    """Makes an application at Telnyx and pulls it; returns the row."""

    def make(kind: Kind = CALL_CONTROL, **values: Any) -> Any:
        remote = at_telnyx(sandbox_account, kind, **values)
        pull(kind, sandbox_account, PORTAL)
        row = kind.rows(sandbox_account).get(telnyx_id=remote["id"])
        bystanders.twin_of(row)
        return row

    return make


@pytest.fixture
def differing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telnyx's list leaves out what the single answer has, and has something of its own."""

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        parts = request.url.path.split("/")
        if "applications" not in parts[2] or answer.status_code != 200:
            return None
        body = json.loads(answer.content)
        for one in body["data"] if isinstance(body["data"], list) else []:
            one["of_the_list"] = "only there"
            one["inbound"].pop("shaken_stir_enabled")
            del one["anchorsite_override"], one["tags"]
        return httpx.Response(200, json=body)

    answers_otherwise(monkeypatch, change)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited for Telnyx, without waiting; whoever else sleeps does."""
    waited: list[float] = []
    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=waited.append))
    return waited


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    return Meanwhile(monkeypatch)


@pytest.fixture
def dying(meanwhile: Meanwhile) -> Dying:
    return Dying(meanwhile)


@pytest.fixture(autouse=True)
def _requests_wait_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a request begins is over when it is answered, on a busy machine too; a test of the contrary says so."""
    for name in (
        "admin.pull_pages.PULL_SECONDS",
        "api.viewsets.PULL_SECONDS",
        "bulk.pages.WAIT_SECONDS",
        "exchange.pages.RUN_SECONDS",
    ):
        monkeypatch.setattr(f"applications.{name}", 600.0)
    monkeypatch.setattr("applications.editing.edit_lock._PATIENCE_SECONDS", 60.0)
