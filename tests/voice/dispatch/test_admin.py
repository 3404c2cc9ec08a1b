"""The journal's pages, and the command beside the event that answers it."""

from typing import Any

import pytest
from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain
from tests.support.factories import make_call, make_event, run_owed
from tests.support.reconciliation import sent_ok
from tests.support.rows import AccountBreaker, CallCommand, CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.calls import timeline
from voice.commands import outbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
LIST = "/admin/voice/callcommand/"
SPEAK = {"payload": "Call +13125550188", "voice": "female"}


def spoken(account: TelnyxAccount) -> CallCommand:
    """Said 30 s ago at the second attempt, and heard 28 s ago."""
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    tries = [
        {"at": ago(30).isoformat(), "http_status": 503, "ms": 41, "code": "10007", "outcome": "uncertain"},
        {"at": ago(29).isoformat(), "http_status": 200, "ms": 52, "code": None, "outcome": "ok"},
    ]
    told = {"status": "ok", "first_sent_at": ago(30), "finished_at": ago(28.5), "attempts": tries}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    assert post_webhook(Client(), account, make_event("call.speak.started", -28)).status_code == 200
    run_owed()
    return CallCommand.objects.get(pk=command.pk)


def test_the_page_tells_attempts_duration_the_call_and_the_answering_event(
    account: TelnyxAccount, browser: Client
) -> None:
    command = spoken(account)
    page = browser.get(f"{LIST}{command.pk}/change/").content.decode()
    for told in ("503", "41 ms", "10007", "52 ms", "uncertain", "1.5 s", "call.speak.started"):
        assert told in page
    assert f"/admin/voice/call/{command.call_id}/change/" in page
    assert f"/admin/voice/callevent/{CallEvent.objects.get().pk}/change/" in page


def test_the_page_tells_the_id_of_what_was_tried_again_after_a_refusal(account: TelnyxAccount, browser: Client) -> None:
    command = spoken(account)
    page = browser.get(f"{LIST}{command.pk}/change/").content.decode()
    assert ("under the same command id" in page, "after the refusal" in page) == (True, False)
    command.attempts[0]["outcome"] = "refused"
    command.save()
    page = browser.get(f"{LIST}{command.pk}/change/").content.decode()
    assert (command.id_at_telnyx != command.pk, str(command.id_at_telnyx) in page) == (True, True)
    assert ("under the same command id" in page, "after the refusal" in page) == (False, True)


def test_the_page_leads_to_the_call_and_the_event_those_alone_who_may_see_them(
    account: TelnyxAccount, signed_in: Any
) -> None:
    command, event = spoken(account), CallEvent.objects.get()
    CallCommand.objects.filter(pk=command.pk).update(event=event.pk)
    pages = {
        "view_call": f"/admin/voice/call/{command.call_id}/",
        "view_callevent": f"/admin/voice/callevent/{event.pk}/",
    }
    for right in ("view_limits", *pages):
        client = signed_in("voice.view_callcommand", f"voice.{right}", username=right)
        page = client.get(f"{LIST}{command.pk}/change/").content.decode()
        assert {name: url in page for name, url in pages.items()} == {name: name == right for name in pages}
        assert str(event.pk) in page


def test_the_page_tells_what_telnyx_answered(account: TelnyxAccount, browser: Client) -> None:
    command = spoken(account)
    CallCommand.objects.filter(pk=command.pk).update(answer={"result": "accepted-by-telnyx"})
    assert "accepted-by-telnyx" in browser.get(f"{LIST}{command.pk}/change/").content.decode()


def test_the_page_masks_numbers(account: TelnyxAccount, signed_in: Any) -> None:
    command = spoken(account)
    page = signed_in("voice.view_callcommand").get(f"{LIST}{command.pk}/change/").content.decode()
    assert "5550188" not in page
    assert "0188" in page


def test_the_list_tells_how_long_it_took(account: TelnyxAccount, browser: Client) -> None:
    command = spoken(account)
    page = browser.get(LIST).content.decode()
    assert "1.5 s · 2 tries<" in page
    assert f"{command.first_sent_at:%H:%M:%S}</time>" in page
    CallCommand.objects.filter(pk=command.pk).update(attempts=command.attempts[1:])
    assert "1.5 s<" in browser.get(LIST).content.decode()


def test_the_list_tells_the_code_of_an_error_beside_its_words_or_in_them(
    account: TelnyxAccount, browser: Client
) -> None:
    rows = CallCommand.objects.filter(pk=spoken(account).pk)
    rows.update(status="refused", error_code="90018", error="Call has ended.")
    assert ">90018: Call has ended.<" in browser.get(LIST).content.decode()
    rows.update(error="Call has ended (90018).")
    assert ">Call has ended (90018).<" in browser.get(LIST).content.decode()
    rows.update(settlement="Settled by user: ada.")
    assert ">90018: Settled by user: ada.<" in browser.get(LIST).content.decode()


def test_the_list_says_that_somebody_has_to_decide(account: TelnyxAccount, browser: Client) -> None:
    made_uncertain(outbox.act(make_call(account), "speak", SPEAK, PORTAL), sent=960, over=910)
    assert "nobody knows whether Telnyx" in browser.get(LIST).content.decode()
    assert "1 for you to decide" in browser.get("/admin/").content.decode()


def test_the_list_counts_up_to_a_thousand_that_somebody_has_to_decide(account: TelnyxAccount, browser: Client) -> None:
    told = {"account": account, "action": "speak", "parameters": SPEAK, "status": "uncertain"}
    told |= {"created_at": ago(960), "expires_at": ago(940), "first_sent_at": ago(960), "finished_at": ago(910)}
    CallCommand.objects.bulk_create([CallCommand(**told, intent_key=f"lost {at}") for at in range(1001)])
    assert browser.get(LIST).context["undecided"] == 1000


@pytest.mark.parametrize(
    ("chosen", "shown"), [("owed", "queued sending"), ("unsettled", "fresh old"), ("undecided", "old")]
)
def test_the_list_is_narrowed_to_what_is_not_over(
    account: TelnyxAccount, browser: Client, chosen: str, shown: str
) -> None:
    call = make_call(account)
    names = ("queued", "sending", "ok", "refused", "fresh", "old", "settled")
    made = {name: outbox.act(call, "speak", SPEAK, PORTAL) for name in names}
    for name in ("sending", "ok", "refused"):
        CallCommand.objects.filter(pk=made[name].pk).update(status=name)
    for name, seconds in (("fresh", 10), ("old", 910), ("settled", 910)):
        made_uncertain(made[name], sent=seconds + 50, over=seconds)
    CallCommand.objects.filter(pk=made["settled"].pk).update(settled_at=ago(5), settlement="Sent again.")
    listed = browser.get(LIST, {"open": chosen}).context["cl"].result_list
    assert {row.pk for row in listed} == {made[name].pk for name in shown.split()}
    assert f"?open={chosen}" in browser.get(LIST if chosen == "undecided" else "/admin/").content.decode()


def test_a_command_that_is_held_back_says_why(account: TelnyxAccount, browser: Client) -> None:
    told = {"state": "open", "since": ago(1), "next_probe_at": ago(-60), "why": "Telnyx was away."}
    AccountBreaker.objects.create(account=account, **told)
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    assert "Telnyx was away." in browser.get(f"{LIST}{command.pk}/change/").content.decode()


def test_a_command_that_waits_is_not_sent_yet(account: TelnyxAccount, browser: Client) -> None:
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    page = browser.get(f"{LIST}{command.pk}/change/").content.decode()
    assert ("It is not sent yet." in page, "It was never sent." in page) == (True, False)
    CallCommand.objects.filter(pk=command.pk).update(status="expired")
    page = browser.get(f"{LIST}{command.pk}/change/").content.decode()
    assert ("It is not sent yet." in page, "It was never sent." in page) == (False, True)


@pytest.mark.parametrize(
    ("breaker", "status", "told"),
    [("open", "queued", True), ("half-open", "sending", True), ("closed", "queued", False), ("open", "ok", False)],
)
def test_the_breaker_is_told_where_it_holds_the_command_back(
    account: TelnyxAccount, browser: Client, breaker: str, status: str, told: bool
) -> None:
    AccountBreaker.objects.create(account=account, state=breaker, since=ago(1), next_probe_at=ago(-60))
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    CallCommand.objects.filter(pk=command.pk).update(status=status)
    assert ("are held back" in browser.get(f"{LIST}{command.pk}/change/").content.decode()) == told


@pytest.mark.parametrize("path", ["00000000-0000-0000-0000-000000000000", "nonsense"])
def test_a_command_nobody_knows_is_not_found(browser: Client, path: str) -> None:
    assert browser.get(f"{LIST}{path}/change/").status_code == 404


def test_on_the_timeline_it_stands_beside_the_event_that_answers_it(
    account: TelnyxAccount, browser: Client, operator: Any
) -> None:
    command = spoken(account)
    call = command.call
    assert call is not None
    (entry,) = [one for one in timeline.entries(timeline.legs(call), operator) if one.kind == "command"]
    assert entry.answered is not None
    assert (entry.answered.title, entry.answered.seconds) == ("Speaking started", 2.0)
    page = browser.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    assert f'href="#entry-{CallEvent.objects.get().pk}"' in page
    assert "→ Speaking started" in page
    assert "Decide what became of it" not in page


def test_what_answers_one_command_does_not_stand_beside_the_next(account: TelnyxAccount, browser: Client) -> None:
    first = spoken(account)
    assert first.call is not None
    second = sent_ok(first.call, "speak", SPEAK, 25)  # it may have brought it as well
    pages = [browser.get(f"{LIST}{one.pk}/change/").content.decode() for one in (first, second)]
    assert ["call.speak.started" in page for page in pages] == [True, False]


def test_who_may_see_neither_calls_nor_events_is_led_to_none(account: TelnyxAccount, signed_in: Any) -> None:
    command = spoken(account)
    CallCommand.objects.filter(pk=command.pk).update(event=CallEvent.objects.get())
    page = signed_in("voice.view_callcommand").get(f"{LIST}{command.pk}/change/").content.decode()
    assert ("Caused by the event" in page, "Answered by" in page) == (True, False)
    assert ("/admin/voice/callevent/" in page, "/admin/voice/call/" in page) == (False, False)


def test_who_may_not_see_events_does_not_see_the_answer(account: TelnyxAccount, user_with: Any) -> None:
    call = spoken(account).call
    assert call is not None
    (entry,) = timeline.entries(timeline.legs(call), user_with("voice.view_call", "voice.view_callcommand"))
    assert entry.answered is None


def test_an_uncertain_one_on_the_timeline_leads_to_its_decision(account: TelnyxAccount, browser: Client) -> None:
    command = made_uncertain(outbox.act(make_call(account), "speak", SPEAK, PORTAL))
    page = browser.get(f"/admin/voice/call/{command.call_id}/change/").content.decode()
    assert "Decide what became of it" in page


def test_an_event_that_was_here_before_the_command_does_not_stand_beside_it(
    account: TelnyxAccount, operator: Any
) -> None:
    command = spoken(account)
    CallEvent.objects.update(received_at=ago(31))
    call = command.call
    assert call is not None
    (entry,) = [one for one in timeline.entries(timeline.legs(call), operator) if one.kind == "command"]
    assert entry.answered is None


def test_commands_are_found_by_their_call_their_id_and_who_asked(
    account: TelnyxAccount, browser: Client, signed_in: Any
) -> None:
    mine, other = (outbox.act(make_call(account, leg), "hangup", {}, PORTAL) for leg in ("b", "c"))
    CallCommand.objects.filter(pk=other.pk).update(requested_by="user: ada +13125550188")

    def found(client: Client, term: str) -> list[Any]:
        return [row.pk for row in client.get(LIST, {"q": term}).context["cl"].result_list]

    terms = ("v3:c-leg", str(mine.pk), "user: ada", "user: bob", "v3:c")
    assert [found(browser, term) for term in terms] == [[other.pk], [mine.pk], [other.pk], [], []]
    masked = signed_in("voice.view_callcommand")  # who else could read a number by its beginnings
    assert [found(masked, term) for term in ("user: ada", "user: ada +13125550188")] == [[], [other.pk]]
