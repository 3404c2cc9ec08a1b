"""A hang-up shows that an application is silent only where Telnyx has hung up: of a call that was over none tells."""

from typing import Any

import pytest

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.alerts import look, opened
from tests.support.commands import act, seen
from tests.support.factories import CONNECTION, make_call
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
DONE = {"data": {"result": "ok"}}
OVER = ("422 Unprocessable Entity", {"errors": [{"code": "90018", "detail": "This call is no longer active."}]})


@pytest.mark.parametrize(("said", "silent"), [(DONE, [f"main/{CONNECTION}"]), (OVER, [])], ids=["it ended", "was over"])
@pytest.mark.parametrize("action", ["hangup", "reject"])
def test_a_hang_up_of_a_call_that_was_over_shows_nothing(
    account: TelnyxAccount, action: str, said: Any, silent: list[str]
) -> None:
    ours = {"telnyx_id": CONNECTION, "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.create(account=account, application_name="line", **ours)
    parameters = {"cause": "CALL_REJECTED"} if action == "reject" else {}
    command = act(make_call(account), action, **parameters)
    with telnyx_says(account, **{f"actions/{action}": said}):
        sender.send(command.pk)
    CallCommand.objects.filter(pk=command.pk).update(created_at=ago(240), first_sent_at=ago(240))
    look()
    assert (seen(command).status, opened("application_silent")) == ("ok", silent)
