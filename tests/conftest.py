"""What tests share: a real sandbox over HTTP, really signed webhooks, signed-in people, REST tokens."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from nacl.signing import SigningKey
from rest_framework.test import APIClient

from portal import signatures
from portal.models import ApiToken, TelnyxAccount
from portal.sandbox.server import Sandbox
from voice import rejections

TELNYX_KEY = SigningKey(b"a signing key for the tests only")


class WriterAtOnce(rejections.Writer):
    """Writes refusals in the request itself: another thread would not see a test's transaction, nor be seen by it."""

    def start(self) -> None:
        self.flush()


@pytest.fixture(autouse=True)
def _rejections_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "writer", WriterAtOnce())


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox process-wide; ``sandbox`` gives it empty to a test."""
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "state.sqlite3", port=0, pace=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def account(db: None) -> TelnyxAccount:
    """The only account. Its webhooks are signed with ``TELNYX_KEY``; nobody answers at its address."""
    return make_account()


@pytest.fixture
def sandbox_account(db: None, sandbox: Sandbox) -> TelnyxAccount:
    """An account that points at the running sandbox."""
    return make_account(name="sandbox", base_url=sandbox.base_url, public_key=sandbox.public_key)


def make_account(name: str = "main", base_url: str = "http://127.0.0.1:9/v2", public_key: str = "") -> TelnyxAccount:
    key = public_key or base64.b64encode(bytes(TELNYX_KEY.verify_key)).decode()
    account = TelnyxAccount(name=name, base_url=base_url, public_key=key)
    account.api_key = "KEY-of-the-tests"
    account.save()
    return account


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


def api_for(user: User, *scopes: str) -> APIClient:
    _, text = ApiToken.make(user, "tests", list(scopes))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def signed(body: bytes, now: float | None = None, key: SigningKey = TELNYX_KEY) -> dict[str, str]:
    """The headers Telnyx would send with ``body``, at the present time unless ``now`` says another."""
    return signatures.sign(body, key, time.time() if now is None else now)


def post_webhook(client: Client, account: TelnyxAccount, event: Any, **how: Any) -> Any:
    """Post an event (a dict, or raw bytes) to the account's Call Control address, signed."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    url = f"/webhooks/{account.webhook_token}/call-control/"
    return client.post(url, body, content_type="application/json", headers=signed(body, **how))


def post_texml(client: Client, account: TelnyxAccount, form: bytes, path: str = "status", **how: Any) -> Any:
    """Post a form to an address below the account's ``texml/``, signed."""
    url = f"/webhooks/{account.webhook_token}/texml/{path}"
    return client.post(url, form, content_type="application/x-www-form-urlencoded", headers=signed(form, **how))


def on_sqlite() -> bool:
    return connection.vendor == "sqlite"


PAYLOADS = Path(__file__).parent / "payloads"
