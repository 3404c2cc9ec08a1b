"""A page asks the database as often for thirty accounts, with all that is theirs, as for three."""

import itertools
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from applications.models import CallControlApplication, Pull, TexmlApplication
from portal.actors import PORTAL
from portal.models import ApiToken, AuditEvent
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.inbox import stored
from tests.support.rows import CallCommand
from voice.dialling import limits
from voice.models import Alert, Conference, ConferenceParticipant, DialBatch, Limits

pytestmark = pytest.mark.django_db
_LISTS = {
    "calls": "voice_call",
    "events": "voice_callevent",
    "commands": "voice_callcommand",
    "conferences": "voice_conference",
    "batches": "voice_dialbatch",
    "alerts": "voice_alert",
    "limits": "voice_limits",
    "applications": "applications_callcontrolapplication",
    "texml applications": "applications_texmlapplication",
    "pulls": "applications_pull",
    "audit trail": "portal_auditevent",
    "tokens": "portal_apitoken",
}
PAGES: dict[str, Callable[[], str]] = {
    "home": lambda: reverse("admin:index"),
    "inbox": lambda: reverse("admin:voice_inbox"),
    "application": lambda: reverse(
        "admin:applications_callcontrolapplication_change",
        args=[CallControlApplication.objects.order_by("account__name")[0].pk],
    ),
    **{name: lambda name=url: reverse(f"admin:{name}_changelist") for name, url in _LISTS.items()},  # type: ignore[misc]
}


def grow(names: range, user: User) -> None:
    """An account each, with one of everything that pages tell of."""
    now = timezone.now()
    for at in names:
        account = make_account(f"account-{at:02}")
        CallControlApplication.objects.create(account=account, telnyx_id=f"1{at}", application_name=f"router {at}")
        TexmlApplication.objects.create(account=account, telnyx_id=f"2{at}", friendly_name=f"menu {at}")
        call = make_call(account, f"leg-{at}", connection_id=f"1{at}", direction="outgoing")
        stored(account, at, connection_id=f"1{at}", call=call)
        batch = DialBatch.objects.create(
            **{"account": account, "name": f"batch {at}", "per_second": 1, "lines": 1, "intent": f"b{at}"},
            **{"requested_by": "user: ada", "created_at": now, "began_at": now},
        )
        CallCommand.objects.create(
            **{"account": account, "action": "dial", "call": call, "batch": batch, "intent_key": f"c{at}", "dials": 1},
            **{"requested_by": "user: ada", "created_at": now, "expires_at": now, "finished_at": now},
            **{"counted_at": now, "status": "ok"},
        )
        room = Conference.objects.create(account=account, conference_id=f"r{at}", started_at=now)
        ConferenceParticipant.objects.create(conference=room, call_control_id="x", call=call, joined_at=now)
        Alert.objects.create(kind="dead_events", subject=f"s{at}", account=account, opened_at=now, seen_at=now)
        Pull.objects.create(account=account, kind="call-control-applications", state="done", requested_by="portal")
        token, _ = ApiToken.make(user, f"token {at}")
        Limits.objects.create(token=token)
        limits.of_account(account)
        AuditEvent.note(PORTAL, "limits.update", account)


@pytest.mark.alone("it counts what the pages of all accounts ask")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_as_often_for_thirty_accounts_as_for_three(name: str, browser: Client, operator: User) -> None:
    def statements() -> list[str]:
        address = PAGES[name]()
        browser.get(address)  # what is read once and kept
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(address).status_code == 200
        # a cursor of the server has another name each time
        return [re.sub(r"_django_curs_\w+", "cursor", one["sql"])[:60] for one in captured.captured_queries]

    grow(range(3), operator)
    few = statements()
    grow(range(3, 30), operator)
    many = statements()
    extra = [one for one, group in itertools.groupby(sorted(many)) if len(list(group)) > few.count(one)]
    assert extra == []
    assert len(many) <= len(few)  # choices of a filter that are too many are not counted at all
