"""The fixtures of all tests: a real sandbox over HTTP, accounts, signed-in people, REST tokens."""

import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import management
from django.db import DataError, connection
from django.db.models import CharField
from django.test import Client
from hypothesis import settings
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware

from portal import sql, stopping
from portal.apps import register_pages
from portal.celery import app
from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from voice.documents import fetch_log, serving
from voice.events import rejections

# before they are imported: a failed assert of theirs shows its values, as one in a test does
pytest.register_assert_rewrite("tests.support", "tests.badinput", "tests.browser", "tests.faults")

from tests.support import documents  # noqa: E402
from tests.support.accounts import make_account  # noqa: E402
from tests.support.clock import STANDING_STILL, Gate  # noqa: E402
from tests.support.databases import on_sqlite  # noqa: E402
from tests.support.portal_processes import migrated_once  # noqa: E402
from tests.support.rejections import WriterAtOnce  # noqa: E402
from tests.support.rest import api_for  # noqa: E402

# "ci" is the same each time; "long" looks elsewhere each time, and a failure prints how to see it again
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

register_pages()  # as the web process has them before its first request

ASKS_THE_DATABASE = {"db", "transactional_db", "live_server", "street"}  # the last one in a process of its own


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what asks the database, before ``-m`` looks for it, and begin with what takes longest."""
    for item in items:
        if item.get_closest_marker("django_db") or ASKS_THE_DATABASE & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")
    yield
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_sessionstart() -> None:
    """No garbage is looked for while the tests are collected: they make millions of objects that stay, and none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor among these, from here on."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite as ``manage.py migrate`` leaves it, made once for all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    return migrated_once((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "migrated")


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest) -> None:
    """Make this process's database: on SQLite a copy of the one that was migrated."""
    run = management.call_command

    def copied(command: str, *given: Any, **options: Any) -> None:
        if command != "migrate":
            run(command, *given, **options)
            return
        connection.ensure_connection()
        with closing(sqlite3.connect(file)) as source:
            source.backup(connection.connection)

    with pytest.MonkeyPatch.context() as patch:
        if on_sqlite():
            file: Path = request.getfixturevalue("migrated")
            patch.setattr(management, "call_command", copied)
        request.getfixturevalue("django_db_setup")


@pytest.fixture(scope="session", autouse=True)
def _tasks_are_registered() -> None:
    """As when a worker starts; whoever only wakes one imports no task."""
    app.autodiscover_tasks(force=True)


@pytest.fixture(autouse=True)
def _no_process_is_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that ends a worker of this process ends it for itself alone: whoever is told to end sends nothing."""
    monkeypatch.setattr(stopping._Process, "is_ending", False)


@pytest.fixture(autouse=True)
def _rejections_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "writer", WriterAtOnce())


@pytest.fixture(autouse=True)
def _fetches_are_logged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no test knows what another one served."""
    monkeypatch.setattr(fetch_log, "writer", documents.WriterAtOnce())
    monkeypatch.setattr(serving, "database", serving.Database())
    monkeypatch.setattr(serving, "_kept", {})


@pytest.fixture(scope="session", autouse=True)
def _nobody_is_woken() -> Iterator[None]:
    """The process's own publisher drops what it is given: its thread outlives a test, and would publish what that one
    left behind into the broker of a later one. Tests that look at wake-ups have a publisher or a ``put`` of their own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wakeups.publisher, "put", lambda task, identifier: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _a_read_may_take_as_long_as_the_request() -> Iterator[None]:
    """A machine with more to do than this may let a sandbox of the same process wait. The deadline of 8 s stays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.telnyx.client._TIMEOUT", httpx.Timeout(60))
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_listed_once() -> Iterator[None]:
    """WhiteNoise looks for all of them in every new ``Client``, which takes longer than most of its requests."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, Any]()

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _a_text_fits_its_column() -> Iterator[None]:
    """SQLite takes a text of any length, PostgreSQL refuses one that is longer than its column, so here nobody may."""
    plain = CharField.get_db_prep_save

    def checked(field: "CharField[Any, Any]", value: Any, connection: Any) -> Any:
        if isinstance(value, str) and field.max_length is not None and len(value) > field.max_length:
            raise DataError(f"value too long for type character varying({field.max_length}): {field}, {len(value)}")
        return plain(field, value, connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CharField, "get_db_prep_save", checked)
        patch.setitem(sql._AS_IT_IS, CharField, frozenset())  # what is written by hand asks the field, too
        yield


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox process-wide; ``sandbox`` gives it empty to a test.

    Its calls stand still: no caller hangs up on a test that is slow, and no test waits for what people do in seconds.
    ``eventually`` lets them go on, given the exchange.
    """
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "state.sqlite3", port=0, pace=STANDING_STILL) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def gate(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Where the sandbox's ``drip`` (after the first byte of a body) and ``hang`` wait until the test opens it."""
    gate = Gate()
    monkeypatch.setattr(sandbox, "closing", gate)
    yield gate
    gate.opened.set()


@pytest.fixture
def account(db: None) -> TelnyxAccount:
    """The only account. Its webhooks are signed with ``TELNYX_KEY``; nobody answers at its address."""
    return make_account()


@pytest.fixture
def sandbox_account(db: None, sandbox: Sandbox) -> TelnyxAccount:
    """An account that points at the running sandbox."""
    return make_account(name="sandbox", base_url=sandbox.base_url, public_key=sandbox.public_key)


@pytest.fixture
def user_with(db: None) -> Callable[..., User]:
    """Makes a staff user with exactly these permissions (``voice.dial``) or groups (``Support``)."""

    def make(*names: str, username: str = "person") -> User:
        user = User.objects.create_user(username, password="a long enough password", is_staff=True)
        for name in names:
            app, _, codename = name.partition(".")
            if codename:
                user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
            else:
                user.groups.add(Group.objects.get(name=name))
        return User.objects.get(pk=user.pk)

    return make


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator", password="a long enough password")


@pytest.fixture
def browser(operator: User, client: Client) -> Client:
    """Django's test client, signed in as someone who may do everything."""
    client.force_login(operator)
    return client


@pytest.fixture
def api(operator: User) -> APIClient:
    """REST with a token that may do everything."""
    return api_for(operator)
