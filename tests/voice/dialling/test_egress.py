"""Where a command sends media and events: to the portal's own host, and to hosts that somebody has named."""

from functools import partial
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import Actor
from portal.models import ApiToken, TelnyxAccount
from portal.refusals import LimitExceeded
from portal.telnyx.sdk_types import Parameter
from tests.support import batches, samples
from tests.support.conferences import make_room
from tests.support.factories import CONNECTION, make_call, make_event, make_flow, run_owed
from tests.support.limits import limit
from tests.support.rest import CALLS, FLOWS, api_for, problem
from tests.support.rows import CallCommand, DialBatch, Flow, Limits
from tests.support.webhooks import post_webhook
from voice.catalogue import actions, members
from voice.commands import outbox
from voice.dialling.egress import addresses, may_name_address, names_address
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
STREAM = {"stream_url": "wss://media.example.com/in"}
PERSON = ("voice.control_call", "voice.dial", "voice.listen_recording", "voice.view_call")

# a new SDK that adds one, or changes its words, shows here
MODEL = [
    f"assistant.{path}external_llm.{name}"
    for path in ("", "fallback_config.")
    for name in ("base_url", "token_retrieval_url")
]
ASSISTANT = [*MODEL, "assistant.tools.*.webhook.url"]
WEBHOOKS, RELAY = ["webhook_url", "webhook_urls"], ["conversation_relay_config.url"]
KNOWN: dict[str, list[str]] = {
    "dial": [*ASSISTANT, "audio_url", "conference_config.hold_audio_url", *RELAY, "stream_url", *WEBHOOKS],
    "answer": [*ASSISTANT, *RELAY, "stream_url", *WEBHOOKS],
    "transfer": ["audio_url", *WEBHOOKS],
    "start_ai_assistant": ASSISTANT,
    "gather_using_ai": ["assistant.tools.*.webhook.url"],
    "gather_using_audio": ["audio_url", "invalid_audio_url"],
    "start_conversation_relay": ["conversation_relay_settings.url", "conversation_relay_url", "url"],
    "start_forking": ["rx", "tx"],
    "start_playback": ["audio_url"],
    "start_streaming": ["stream_url"],
    "conferences.create": ["hold_audio_url"],
    "conferences.gather_dtmf_audio": ["audio_url", "invalid_audio_url"],
    "conferences.hold": ["audio_url"],
    "conferences.join": ["hold_audio_url"],
    "conferences.play": ["audio_url"],
}
EVERY = (actions.DIAL, *actions.names(), *actions.conference_names(), "conferences.create", "queues.create")


def test_the_members_that_name_an_address_are_known() -> None:
    found = {action: sorted(members.paths(action, names_address)) for action in EVERY}
    assert {action: places for action, places in found.items() if places} == {
        action: sorted(places) for action, places in KNOWN.items()
    }


def test_every_text_that_the_help_calls_a_url_is_looked_at() -> None:
    def is_missed(parameter: Parameter) -> bool:
        looked_at = names_address(parameter) or may_name_address(parameter)
        return parameter.kind == "string" and not parameter.choices and "URL" in parameter.help and not looked_at

    assert [place for action in EVERY for place in members.paths(action, is_missed)] == []


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("wss://media.example.com/in", "media.example.com"),
        ("HTTPS://Media.Example.com:8443/a?b=c", "media.example.com"),
        ("https://example.com/api/{id}/{{ call.from }}", "example.com"),
        ("udp:192.0.2.1:5000", "192.0.2.1"),
        ("wss://[2001:db8::1]/in", "[2001:db8::1]"),
        (" wss://media.example.com/in\n", "media.example.com"),
        *(
            (text, "")
            for text in (
                "https://portal.example@evil.example",
                "https://evil.example\\\\@portal.example",
                "//evil.example",
                "https://{{ event.payload.host }}/x",
                "https://{host}.example.com",
                "https://portal.example evil.example",
                "ftp://evil.example",
                "evil.example",
                "",
                "https://",
                "file:///etc/passwd",
                "https://a..b@c",
                7,
                None,
            )
        ),
    ],
)
def test_an_address_is_of_one_host_or_cannot_be_read(text: Any, host: str) -> None:
    assert [one.host for one in addresses("start_streaming", {"stream_url": text})] == [host]


@pytest.mark.parametrize(
    ("action", "given", "places"),
    [
        ("answer", {"webhook_urls": {"call.hangup": ["https://a.example", "https://b.example"]}}, 2),
        ("answer", {"webhook_urls": "{{ event.payload.x }}"}, 1),
        ("answer", {"assistant": {"id": "a", "mcp_servers": [{"url": "https://mcp.example/sse"}]}}, 1),
        ("answer", {"assistant": {"id": "a", "observability_settings": {"host": "langfuse.example"}}}, 1),
        ("answer", {"assistant": {"id": "a", "dynamic_variables": {"x": "https://a.example"}}}, 1),
        ("answer", {"assistant": {"id": "a", "dynamic_variables": {"x": " https://a.example"}}}, 1),
        ("answer", {"assistant": "{{ event.payload.x }}"}, 1),
        (
            "start_ai_assistant",
            {
                "assistant": {
                    "id": "a",
                    "voice_settings": {
                        "voice": "v",
                        "background_audio": {"type": "media_url", "value": "https://a.example/bed.mp3"},
                    },
                }
            },
            1,
        ),
        (
            "start_ai_assistant",
            {
                "assistant": {
                    "id": "a",
                    "voice_settings": {
                        "voice": "v",
                        "background_audio": {"type": "predefined_media", "value": "office"},
                    },
                }
            },
            0,
        ),
        ("answer", {"assistant": {"id": "a", "dynamic_variables": {"name": "Ada", "age": 7}}}, 0),
        ("speak", {"payload": "https://example.com is our address", "voice": "female"}, 0),
        ("answer", {"webhook_url_method": "POST", "client_state": "aHR0cHM6Ly9h"}, 0),
    ],
)
def test_addresses_are_found_where_they_stand(action: str, given: dict[str, Any], places: int) -> None:
    assert len(addresses(action, given)) == places


@pytest.mark.parametrize(
    ("action", "given", "hosts"),
    [
        ("texml.calls.dial", {"SendRecordingUrl": False}, []),
        ("texml.calls.redirect", {"Texml": "<Response><Play>https://A.example/a</Play></Response>"}, ["a.example"]),
        ("texml.calls.redirect", {"Texml": "<Response><Play>https://a.example/a</Play>"}, []),  # it cannot be read
    ],
)
def test_of_texml_the_addresses_of_a_document_are_read(action: str, given: dict[str, Any], hosts: list[str]) -> None:
    found = addresses(action, given)
    assert [(one.place, one.host) for one in found] == [("Texml", host) for host in hosts]


def test_an_address_where_anything_may_stand_is_held_to_the_hosts_named(account: TelnyxAccount, user_with: Any) -> None:
    make_call(account)
    limit(account, egress_hosts=["media.example.com"])
    person, url = api_for(user_with(*PERSON)), f"{CALLS}v3:a-leg/actions/answer/?account=main"
    for host, status in (("media.example.com", 202), ("evil.example", 403)):
        given = {"assistant": {"id": "a", "dynamic_variables": {"x": f"https://{host}/in"}}}
        assert person.post(url, given, format="json").status_code == status


# --- The list --------------------------------------------------------------------------------------------------------


def stream(account: TelnyxAccount, actor: Actor, url: str = STREAM["stream_url"]) -> CallCommand:
    call = make_call(account, leg=url)
    return outbox.act(call, "start_streaming", {"stream_url": url}, actor)


@pytest.mark.parametrize(
    ("named", "url", "goes"),
    [
        ([], "wss://portal.example:8443/in", True),
        (["media.example.com"], "wss://portal.example/in", True),
        (["media.example.com"], "wss://MEDIA.example.com/in", True),
        (["*.example.com"], "wss://media.example.com/in", True),
        (["*"], "wss://media.example.com/in", True),
        (["media.example.com"], "wss://evil.example/in", False),
        (["*.example.com"], "wss://example.com/in", False),
        (["*.example.com"], "wss://evilexample.com/in", False),
        (["*"], "media.example.com", False),
        ([], "wss://media.example.com/in", False),
        ([], "wss://portal.example@evil.example/in", False),
    ],
)
def test_a_command_goes_to_its_own_host_and_to_those_named(
    account: TelnyxAccount, user_with: Any, settings: Any, named: list[str], url: str, goes: bool
) -> None:
    settings.PORTAL_PUBLIC_URL = "https://portal.example"
    limit(account, egress_hosts=named)
    make_call(account)
    answer = api_for(user_with(*PERSON)).post(
        f"{CALLS}v3:a-leg/actions/start_streaming/?account=main", {"stream_url": url}, format="json"
    )
    if goes:
        assert answer.status_code == 202
    else:
        body = problem(answer, 403, "limit_exceeded")
        assert (body["limit"], body["value"]) == ("egress_hosts", named)
        assert not CallCommand.objects.exists()


@pytest.mark.parametrize(("action", "place"), [(action, place) for action, places in KNOWN.items() for place in places])
def test_every_member_is_held(
    account: TelnyxAccount, user_with: Any, monkeypatch: pytest.MonkeyPatch, action: str, place: str
) -> None:
    """Whatever else the action needs: the SDK is not asked whether it would take just this."""
    monkeypatch.setattr("voice.catalogue.actions.check", lambda name, values: values)
    given: Any = "https://evil.example"
    for part in reversed(place.split(".")):
        given = [given] if part == "*" else {part: given}
    given = given | ({"to": "+13125550001"} if action in {"dial", "transfer"} else {})
    actor = Actor("user: ada", user_with(*PERSON))
    ask = {
        "dial": partial(outbox.dial, account),
        "conferences": partial(outbox.place, account, action),
    }.get(action.partition(".")[0], partial(outbox.act, make_call(account), action))
    with pytest.raises(LimitExceeded, match=r"evil\.example"):
        ask(given, actor)
    assert not CallCommand.objects.exists()


def test_without_a_list_it_takes_a_permission_of_its_own(account: TelnyxAccount, user_with: Any) -> None:
    make_call(account)
    url = f"{CALLS}v3:a-leg/actions/start_streaming/?account=main"
    body = problem(api_for(user_with(*PERSON)).post(url, STREAM, format="json"), 403, "limit_exceeded")
    assert "voice.send_anywhere" in body["detail"]
    anywhere = api_for(user_with(*PERSON, "voice.send_anywhere", username="anywhere"))
    assert anywhere.post(url, STREAM, format="json").status_code == 202
    limit(account, egress_hosts=["other.example"])
    assert problem(anywhere.post(url, STREAM, format="json"), 403)["limit"] == "egress_hosts"


def test_a_tokens_own_list_narrows_the_accounts(account: TelnyxAccount, user_with: Any) -> None:
    make_call(account)
    api, url = api_for(user_with(*PERSON)), f"{CALLS}v3:a-leg/actions/start_streaming/?account=main"
    limit(account, egress_hosts=["*.example.com"])
    own = Limits.objects.create(token=ApiToken.objects.get(), egress_hosts=["one.example.com"])
    assert str(own) in problem(api.post(url, STREAM, format="json"), 403)["detail"]
    assert api.post(url, {"stream_url": "wss://one.example.com"}, format="json").status_code == 202
    Limits.objects.filter(pk=own.pk).update(egress_hosts=[])  # which narrows nothing, and asks for no permission
    assert api.post(url, STREAM, format="json").status_code == 202


# --- The other doors -------------------------------------------------------------------------------------------------


def test_the_form_tells_it_on_the_field(account: TelnyxAccount, signed_in: Any) -> None:
    url = f"/admin/voice/call/{make_call(account).pk}/do/start_streaming/"
    person = signed_in(*PERSON)
    intent = str(person.get(url).context["form"]["intent"].value())
    page = person.post(url, STREAM | {"intent": intent})
    assert "voice.send_anywhere" in page.context["form"].errors["stream_url"][0]


def test_a_conference_is_held(account: TelnyxAccount, user_with: Any) -> None:
    room, person = make_room(account), api_for(user_with(*PERSON, "voice.view_conference"))
    url = f"/api/v1/conferences/{room.conference_id}/actions/play/?account=main"
    body = problem(person.post(url, {"audio_url": "https://evil.example/a.mp3"}, format="json"), 403)
    assert body["limit"] == "egress_hosts"


@pytest.mark.parametrize("dry", [True, False])
def test_a_batch_is_held(account: TelnyxAccount, user_with: Any, dry: bool) -> None:
    person = api_for(user_with(*PERSON))
    given = batches.body(parameters={"webhook_url": "https://evil.example"}, dry_run=dry)
    assert problem(person.post(batches.URL, given, format="json"), 403)["limit"] == "egress_hosts"
    assert not DialBatch.objects.exists()


def flow_with(url: str) -> dict[str, Any]:
    do = [{"action": "start_streaming", "parameters": {"stream_url": url}}]
    return {
        "name": "tap",
        "account": "main",
        "connection_id": CONNECTION,
        "rules": [{"event_type": "call.initiated", "do": do}],
    }


@pytest.mark.parametrize("url", ["wss://media.example.com", "wss://{{ event.payload.from }}/", "{{ call.from }}"])
def test_a_rule_takes_the_permission_of_its_writer(account: TelnyxAccount, user_with: Any, url: str) -> None:
    rights = (*PERSON, "voice.view_flow", "voice.add_flow")
    body = problem(api_for(user_with(*rights)).post(FLOWS, flow_with(url), format="json"), 403)
    assert "voice.send_anywhere" in body["detail"]
    assert not Flow.objects.exists()
    anywhere = api_for(user_with(*rights, "voice.send_anywhere", username="anywhere"))
    assert anywhere.post(FLOWS, flow_with(url), format="json").status_code == 201


def test_where_every_host_is_open_a_rule_goes_to_none_that_cannot_be_read(
    account: TelnyxAccount, user_with: Any
) -> None:
    limit(account, egress_hosts=["*"])
    writer = api_for(user_with(*PERSON, "voice.send_anywhere", "voice.view_flow", "voice.add_flow"))
    flow = flow_with("wss://media.example.com")
    flow["rules"][0]["do"].append({"action": "answer", "parameters": {"assistant": "{{ event.payload.x }}"}})
    body = problem(writer.post(FLOWS, flow, format="json"), 403, "limit_exceeded")
    assert body["limit"] == "egress_hosts"
    assert "What cannot be read as the address of one host" in body["detail"]
    assert not Flow.objects.exists()


@pytest.mark.parametrize(
    ("named", "status"), [(["media.example.com"], "queued"), (["other.example"], "expired"), ([], "queued")]
)
def test_a_rule_that_runs_goes_to_the_hosts_named(account: TelnyxAccount, named: list[str], status: str) -> None:
    """Without a list nobody is asked: its writer was."""
    make_flow(account, *flow_with("wss://{{ event.payload.custom }}/in")["rules"])
    limit(account, egress_hosts=named)
    post_webhook(Client(), account, make_event(custom="media.example.com"))
    run_owed()
    command = CallCommand.objects.get()
    assert (command.status == "expired") == (status == "expired"), command.error
    assert ("egress_hosts" in command.error) == (status == "expired")


def test_it_is_looked_at_once_more_before_it_is_sent(account: TelnyxAccount, user_with: Any) -> None:
    limit(account, egress_hosts=["media.example.com"])
    command = stream(account, Actor("user: ada", user_with(*PERSON)))
    limit(account, egress_hosts=["other.example"])
    sender.send(command.pk)
    command.refresh_from_db()
    assert (command.status, command.attempts) == ("expired", [])
    assert "egress_hosts" in command.error


@pytest.mark.alone("an account need not be named while there is only one")
def test_the_list_is_told_over_rest(api: APIClient, account: TelnyxAccount) -> None:
    limit(account, egress_hosts=["media.example.com"])
    assert api.get("/api/v1/accounts/main/limits/").json()["egress_hosts"] == ["media.example.com"]


@pytest.mark.parametrize("action", actions.names())
def test_what_the_sdk_wants_at_least_goes_nowhere_or_is_known(action: str) -> None:
    given = samples.required(actions.method(action))
    places = {address.place for address in addresses(action, given)}
    assert places <= set(KNOWN.get(action, ()))
