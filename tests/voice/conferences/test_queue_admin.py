"""The pages of queues, and the form of a new conference."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.support import samples
from tests.support.accounts import make_account
from tests.support.conferences import as_typed, sent
from tests.support.http_servers import Listener
from voice.catalogue import actions
from voice.models import CallCommand

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "action", "left_out"),
    [
        ("conference/new/", "conferences.create", ()),
        ("conference/queues/new/", "queues.create", ()),
        ("conference/queues/{account}/support/do/update/", "queues.update", ()),
        ("conference/queues/{account}/support/do/delete/", "queues.delete", ()),
        ("conference/queues/{account}/support/calls/v3_3Aa-leg/keep/", "queues.calls.update", ("queue_name",)),
        ("conference/queues/{account}/support/calls/v3_3Aa-leg/remove/", "queues.calls.remove", ()),
    ],
)
def test_the_browser_sends_what_was_filled_in(
    browser: Client,
    signed_in: Callable[..., Client],
    wire: Listener,
    silent: Listener,
    path: str,
    action: str,
    left_out: tuple[str, ...],
) -> None:
    listener = silent if actions.answers_nothing(action) else wire
    account = make_account("wired", f"{listener.url}/v2")
    url = "/admin/voice/" + path.format(account=account.pk)
    looker = signed_in("voice.view_queue", "voice.view_conference", username="looker")
    assert (looker.get(url).status_code, looker.post(url, {}).status_code) == (403, 403)
    form = browser.get(url).context["form"]
    given = {name: value for name, value in samples.everything(action).items() if name not in left_out}
    filled = as_typed(given) | {"intent": str(form["intent"].value()), "account": str(account.pk)}
    made = browser.post(url, filled)
    assert made.status_code == 302, made.context["form"].errors
    _, where_to, body = sent(listener)
    assert body == given
    assert CallCommand.objects.get().action == action
    if "support" in path:
        assert "/v2/queues/support" in where_to
    if "a-leg" in path:
        assert where_to.endswith("/calls/v3:a-leg")
