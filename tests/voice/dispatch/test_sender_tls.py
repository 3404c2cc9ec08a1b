"""A command to a server that is not plainly Telnyx: nothing has left, so it may be sent again, and is, once it is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from tests.support.accounts import make_account
from tests.support.authorities import NAME, forgotten_clients, server, trust
from tests.support.commands import act, now_due, outcomes, seen
from tests.support.factories import make_call
from tests.support.http_servers import answer, serving
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
YES = answer("200 OK", b'{"data": {"result": "ok"}}')


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    authority = trustme.CA()
    trust(monkeypatch, authority)
    with forgotten_clients():
        yield authority


@pytest.mark.parametrize("action", ["hangup", "start_siprec"])  # siprec takes no command_id: it has one attempt
def test_a_command_waits_until_the_certificate_is_renewed_and_is_sent_once(authority: trustme.CA, action: str) -> None:
    expired = server(authority, expires=datetime.now(UTC) - timedelta(days=1))
    with serving(YES, expired) as listener:
        account = make_account("wired", f"https://{NAME}:{listener.port}/v2")
        command = act(make_call(account), action)
        assert sender.send(command.pk) == []
        assert listener.requests == []
    assert (seen(command).status, seen(command).first_sent_at, outcomes(command)) == ("queued", None, ["unavailable"])
    assert "certificate" in seen(command).error
    with serving(YES, server(authority)) as listener:
        account.base_url = f"https://{NAME}:{listener.port}/v2"
        account.save()
        now_due(command)
        sender.send(command.pk)
        assert len(listener.requests) == 1
    assert (seen(command).status, outcomes(command)) == ("ok", ["unavailable", "ok"])
