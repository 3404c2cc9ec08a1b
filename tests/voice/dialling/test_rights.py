"""What could ring a phone takes the permission to dial and is held to the limits, at every door and in every form."""

import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import ApiToken, TelnyxAccount
from tests.support import batches
from tests.support.conferences import make_room
from tests.support.destinations import IN_RULES, NUMBER, READABLE, RINGING, tool
from tests.support.documents import make_document
from tests.support.factories import CONNECTION, make_call, make_event, make_flow, run_owed
from tests.support.html_forms import typed
from tests.support.limits import FROM, limit
from tests.support.rest import CALLS, FLOWS, api_for, problem
from tests.support.rows import CallCommand, DialBatch, Flow, Limits
from tests.support.webhooks import post_webhook
from voice.catalogue import actions
from voice.commands import outbox
from voice.dialling import limits, rights
from voice.replay import runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db
ALL_BUT_DIAL = ("voice.control_call", "voice.listen_recording", "voice.send_anywhere", "voice.view_call")
FLOW_RIGHTS = ("voice.view_flow", "voice.add_flow", "voice.change_flow", "voice.add_rule", "voice.change_rule")
SATELLITE = "+881612345678"

every_ringing = pytest.mark.parametrize(("action", "given"), RINGING.values(), ids=RINGING)
every_rule = pytest.mark.parametrize(("action", "given"), IN_RULES.values(), ids=IN_RULES)
every_readable = pytest.mark.parametrize(("action", "given"), READABLE.values(), ids=READABLE)


def rule(action: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"event_type": "call.initiated", "do": [{"action": action, "parameters": given}]}


def flow_body(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "ringing", "account": "main", "connection_id": CONNECTION, "rules": list(rules)} | more


# --- Without the permission to dial ----------------------------------------------------------------------------------


@every_ringing
def test_rest_refuses_it(account: TelnyxAccount, user_with: Any, action: str, given: dict[str, Any]) -> None:
    make_call(account)
    body = problem(
        api_for(user_with(*ALL_BUT_DIAL)).post(f"{CALLS}v3:a-leg/actions/{action}/?account=main", given, format="json"),
        403,
    )
    assert "voice.dial" in body["detail"]
    assert not CallCommand.objects.exists()


@every_ringing
def test_the_page_refuses_it(account: TelnyxAccount, signed_in: Any, action: str, given: dict[str, Any]) -> None:
    url = f"/admin/voice/call/{make_call(account).pk}/do/{action}/"
    person = signed_in(*ALL_BUT_DIAL)
    page = person.get(url)
    if page.status_code == 200:  # the action itself is not the dialling one: its parameters are
        intent = str(page.context["form"]["intent"].value())
        page = person.post(url, {name: typed(value) for name, value in given.items()} | {"intent": intent})
        assert "voice.dial" in str(page.context["form"].non_field_errors())
    else:
        assert page.status_code == 403
    assert not CallCommand.objects.exists()


@every_rule
def test_a_rule_of_it_is_not_saved(account: TelnyxAccount, user_with: Any, action: str, given: dict[str, Any]) -> None:
    writer = api_for(user_with(*ALL_BUT_DIAL, *FLOW_RIGHTS))
    rules = rule("hangup", {}), rule(action, given)
    body = problem(writer.post(FLOWS, flow_body(*rules), format="json"), 403, "permission_denied")
    assert body["detail"].startswith(f"Rule #2 ({action}) needs the permission voice.dial, which is lacking.")
    assert not Flow.objects.exists()
    dialler = api_for(user_with(*ALL_BUT_DIAL, *FLOW_RIGHTS, "voice.dial", username="dialler"))
    assert dialler.post(FLOWS, flow_body(rule(action, given)), format="json").status_code == 201


@every_rule
def test_a_replay_of_such_rules_takes_it(
    account: TelnyxAccount, user_with: Any, action: str, given: dict[str, Any]
) -> None:
    make_flow(account, rule(action, given))
    person = user_with(*ALL_BUT_DIAL, "voice.replay_event")
    assert runs.missing_rights(person, Selection(account=account.name)) == ["voice.dial"]


@pytest.mark.parametrize("placed", ["{{ event.payload.custom }}", {"id": "a", "tools": "{{ event.payload.custom }}"}])
def test_a_placeholder_where_a_destination_may_stand_counts_as_one(
    account: TelnyxAccount, user_with: Any, placed: Any
) -> None:
    """What it is filled with may be anything."""
    writer = api_for(user_with(*ALL_BUT_DIAL, *FLOW_RIGHTS))
    body = flow_body(rule("answer", {"assistant": placed}))
    assert "voice.dial" in problem(writer.post(FLOWS, body, format="json"), 403)["detail"]


@pytest.mark.parametrize("body", [{"to": NUMBER}, {"to": [NUMBER, "+13125550002"]}])
def test_a_dial_is_refused(account: TelnyxAccount, user_with: Any, body: dict[str, Any]) -> None:
    person, asked = api_for(user_with(*ALL_BUT_DIAL)), {"connection_id": "1", "from": FROM, "account": "main"} | body
    problem(person.post(CALLS, asked, format="json"), 403)
    assert not CallCommand.objects.exists()


def test_it_is_told_that_a_phone_may_ring_to_who_may_not_dial_alone(account: TelnyxAccount, user_with: Any) -> None:
    make_call(account)
    person = user_with("voice.control_call", "voice.view_call", "voice.dial")
    silent = user_with(*ALL_BUT_DIAL, username="silent")
    asked: list[tuple[Any, str, dict[str, Any]]] = [
        (silent, "start_ai_assistant", {"assistant": {"id": "a"}}),
        (person, "start_recording", {"channels": "single", "format": "mp3"}),
    ]
    told = []
    for who, action, given in asked:
        url = f"{CALLS}v3:a-leg/actions/{action}/?account=main"
        told.append(problem(api_for(who).post(url, given, format="json"), 403)["detail"])
    assert told == [
        "This needs the permission voice.dial, which is lacking. It may ring a phone, if only through a tool.",
        "This needs the permission voice.listen_recording, which is lacking.",
    ]


def test_a_token_publishes_no_document_that_goes_around_its_scopes_or_limits_of_its_own(
    account: TelnyxAccount, user_with: Any
) -> None:
    document = make_document(account, f"<Response><Dial>{NUMBER}</Dial></Response>")
    url, confirmed = f"/api/v1/texml/documents/{document.pk}/publish/", {"confirmed": True}
    may = [f"voice.{verb}_texmldocument" for verb in ("view", "change", "publish")]
    person = user_with(*may, "voice.control_call", "voice.dial")
    wide = api_for(person, "texml:write", "calls:write")
    own = Limits.objects.create(token=ApiToken.objects.get(), dials_per_day=1)
    narrow = api_for(person, "texml:write")
    for token, why in ((narrow, "calls:write"), (wide, "limits of its own")):
        assert why in problem(token.post(url, confirmed, format="json"), 403, "permission_denied")["detail"]
    assert not document.versions.exists()
    own.delete()
    assert wide.post(url, confirmed, format="json").status_code == 201


def test_a_document_that_rings_and_records_nobody_is_published_without_the_right_to_control_calls(
    account: TelnyxAccount, user_with: Any
) -> None:
    document = make_document(account, "<Response><Say>Hello</Say></Response>")
    person = user_with(*(f"voice.{verb}_texmldocument" for verb in ("view", "change", "publish")))
    url = f"/api/v1/texml/documents/{document.pk}/publish/"
    assert api_for(person).post(url, {"confirmed": True}, format="json").status_code == 201


# --- With it, the limits ---------------------------------------------------------------------------------------------


@every_readable
def test_it_is_counted(api: APIClient, account: TelnyxAccount, action: str, given: dict[str, Any]) -> None:
    make_call(account)
    limit(account, dials_per_minute=1)
    url = f"{CALLS}v3:a-leg/actions/{action}/?account=main"
    assert api.post(url, given, format="json").status_code == 202
    body = problem(api.post(url, given, format="json"), 403, "limit_exceeded")
    assert (body["limit"], CallCommand.objects.count()) == ("dials_per_minute", 1)
    assert limits.usage(limits.of_account(account)).dials_per_minute == 1


@every_readable
def test_a_rule_that_runs_is_counted(account: TelnyxAccount, action: str, given: dict[str, Any]) -> None:
    make_flow(account, rule(action, given))
    limit(account, dials_per_day=0)
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    command = CallCommand.objects.get()
    assert (command.action, command.status) == (action, "expired")
    assert "dials_per_day" in command.error


@pytest.mark.parametrize("name", [name for name in RINGING if "fill in" in name])
def test_what_cannot_be_read_is_not_sent(api: APIClient, account: TelnyxAccount, name: str) -> None:
    action, given = RINGING[name]
    make_call(account)
    body = problem(api.post(f"{CALLS}v3:a-leg/actions/{action}/?account=main", given, format="json"), 400)
    (place,) = body["errors"]
    assert place.startswith("assistant.tools.0.transfer.targets")
    assert "country code" in body["errors"][place][0]
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize("filled", ["{{ targets }}", [{"to": "{{ agent }}"}], "0049 30 12345", [], 4930123456])
def test_what_a_rule_fills_in_and_cannot_be_read_is_not_sent(account: TelnyxAccount, filled: Any) -> None:
    tools = [tool("{{ event.payload.custom }}")]
    make_flow(account, rule("start_ai_assistant", {"assistant": {"id": "a", "tools": tools}}))
    assert post_webhook(Client(), account, make_event(custom=filled)).status_code == 200
    run_owed()
    assert CallCommand.objects.get().status == "expired"


def test_a_tool_counts_once_and_a_dial_of_several_numbers_each(account: TelnyxAccount) -> None:
    named = {"to": [NUMBER, "+13125550002"], "assistant": {"id": "a", "tools": [tool([{"to": NUMBER}] * 5)]}}
    assert outbox.dial(account, {"connection_id": "1", "from": FROM} | named, PORTAL).dials == 3


# --- Many in a row ---------------------------------------------------------------------------------------------------


def with_tool(targets: Any) -> dict[str, Any]:
    return {"parameters": {"assistant": {"id": "a", "tools": [tool(targets)]}}}


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize(
    ("targets", "status", "code"),
    [([{"to": SATELLITE}], 403, "limit_exceeded"), ("{{ targets }}", 403, "limit_exceeded")],
)
def test_a_batch_is_held_to_whom_its_tools_name(
    api: APIClient, account: TelnyxAccount, targets: Any, status: int, code: str, dry: bool
) -> None:
    problem(api.post(batches.URL, batches.body(**with_tool(targets), dry_run=dry), format="json"), status, code)
    assert not DialBatch.objects.exists()


def test_a_batch_whose_tools_cannot_be_read_is_told_that_it_is_for_whom_they_name(
    api: APIClient, account: TelnyxAccount
) -> None:
    refused = problem(api.post(batches.URL, batches.body(**with_tool("{{ targets }}")), format="json"), 403)
    assert (refused["limit"], refused["value"]) == ("destination", None)
    assert refused["detail"].startswith("Enter a number with + and country code")


@pytest.mark.parametrize("given", [{"Texml": ""}, {"Texml": None}, {}])
def test_an_empty_document_takes_no_more_than_control(given: dict[str, Any]) -> None:
    assert rights.needed("texml.calls.redirect", given) == {"voice.control_call"}


def test_a_batch_counts_what_its_tools_may_ring(api: APIClient, account: TelnyxAccount) -> None:
    limit(account, dials_per_day=5)
    shared = with_tool([{"to": NUMBER}])
    assert problem(api.post(batches.URL, batches.body(3, **shared), format="json"), 403)["limit"] == "dials_per_day"
    batches.begin(api, 2, **shared)
    assert limits.usage(limits.of_account(account)).dials_per_day == 4


# --- Listening -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("start_recording", {"channels": "single", "format": "mp3"}),
        ("start_streaming", {"stream_url": "wss://media.example.com"}),
        ("start_forking", {"rx": "udp:192.0.2.1:5000", "tx": "udp:192.0.2.1:5001"}),
        ("start_siprec", {"connector_name": "recorder"}),
        ("answer", {"record": "record-from-answer"}),
        ("answer", {"stream_url": "wss://media.example.com"}),
        ("start_streaming", {"enable_dialogflow": True}),
        ("start_conversation_relay", {"conversation_relay_url": "wss://media.example.com"}),
        ("answer", {"conversation_relay_config": {"url": "wss://media.example.com"}}),
        ("transfer", {"to": NUMBER, "record": "record-from-answer"}),
    ],
)
def test_what_is_recorded_or_streamed_takes_the_permission_to_listen(
    account: TelnyxAccount, user_with: Any, action: str, given: dict[str, Any]
) -> None:
    make_call(account)
    others = {*ALL_BUT_DIAL, *FLOW_RIGHTS, "voice.dial"} - {"voice.listen_recording"}
    person, url = user_with(*others), f"{CALLS}v3:a-leg/actions/{action}/?account=main"
    assert "voice.listen_recording" in problem(api_for(person).post(url, given, format="json"), 403)["detail"]
    refused = problem(api_for(person).post(FLOWS, flow_body(rule(action, given)), format="json"), 403)
    assert "voice.listen_recording" in refused["detail"]
    make_flow(account, rule(action, given))
    assert runs.missing_rights(person, Selection(account=account.name))[-1] == "voice.listen_recording"
    listener = api_for(user_with(*others, "voice.listen_recording", username="listener"))
    assert listener.post(url, given, format="json").status_code == 202


@pytest.mark.parametrize("dry", [True, False])
def test_a_batch_is_recorded_by_who_may_listen(account: TelnyxAccount, user_with: Any, dry: bool) -> None:
    person = api_for(user_with("voice.control_call", "voice.dial"))
    given = batches.body(parameters={"record": "record-from-answer"}, dry_run=dry)
    assert "voice.listen_recording" in problem(person.post(batches.URL, given, format="json"), 403)["detail"]
    assert not DialBatch.objects.exists()


def test_a_conference_is_recorded_by_who_may_listen(account: TelnyxAccount, user_with: Any) -> None:
    room = make_room(account)
    url = f"/api/v1/conferences/{room.conference_id}/actions/record_start/"
    person = user_with("voice.view_conference", "voice.control_call")
    assert (
        "listen"
        in problem(api_for(person).post(f"{url}?account=main", {"format": "mp3"}, format="json"), 403)["detail"]
    )


def test_every_action_that_begins_to_record_or_to_stream_is_known() -> None:
    every = (*actions.names(), *actions.conference_names())
    begins = {
        name for name in every if re.search(r"start_(record|stream|fork|siprec|conversation_relay)|record_start", name)
    }
    assert begins == {name for name in every if actions.is_listening(name, {})}
    for name in (
        "record",
        "stream_url",
        "enable_dialogflow",
        "conversation_relay_config",
    ):  # still the SDK's, and still told
        assert any(name in {parameter.name for parameter in actions.parameters(action)} for action in every)
        assert actions.is_listening("answer", {name: "{{ event.payload.x }}"})
