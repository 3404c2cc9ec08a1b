"""Every code that Telnyx's pages tell of is provoked, or stands in the list of those that are not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.world import World
from tests.support.sandbox_conferences import act_in
from tests.support.sandbox_texml import wait_form

# "API Error Codes" of developers.telnyx.com as far as it is about calls, and the examples of the public document
CODES = [
    "10004", "10005", "10007", "10009", "10010", "10011", "10012", "10015", "10016", "10021", "10026", "10027",
    "10028", "10031", "10032", "10033", "10037", "10038", "10039", "20002", "20006", "20008", "20012", "20013",
    "20014", "20015", "20016", "20017", "90014", "90015", "90017", "90018", "90019", "90020", "90031", "90032",
    "90033", "90034", "90035", "90036", "90037", "90038", "90040", "90041", "90042", "90043", "90044", "90045",
    "90046", "90047", "90048", "90050", "90053", "90054", "90055", "90057", "90058", "90061", "90102",
]  # fmt: skip
Answer = tuple[int, Any]
CALL = "+13125550100"


def _dial(world: World, to: str = "+13125550001", **more: Any) -> Answer:
    return world.http("POST", "/v2/calls", {"connection_id": world.application.id, "from": CALL, "to": to} | more)


def _queued(world: World) -> str:
    call = world.answered()
    name = f"full {call[-6:]}"
    assert world.http.act(call, "enqueue", queue_name=name, max_size=1)[0] == 200
    return name


def _conference(world: World, **more: Any) -> tuple[str, str]:
    call = world.answered()
    body = {"call_control_id": call, "name": f"room {call[-6:]}"} | more
    return call, world.http("POST", "/v2/conferences", body)[1]["data"]["id"]


def _twice(world: World, action: str, **body: Any) -> Answer:
    call = world.answered()
    assert world.http.act(call, action, **body)[0] == 200
    return world.http.act(call, action, **body)


def _limited(world: World, application: dict[str, Any]) -> Answer:
    body = {"application_name": "narrow", "webhook_event_url": world.receiver.url, "outbound": application}
    body |= {"webhook_api_version": "2"}
    made = world.made("call_control_applications", body)
    assert _dial(world, connection_id=made)[0] == 200
    return _dial(world, connection_id=made)


def _account_limit(world: World) -> Answer:
    assert world.http("POST", "/sandbox/account", {"channel_limit": 0})[0] == 200
    try:
        return _dial(world)
    finally:
        world.http("POST", "/sandbox/account", {"channel_limit": None})


def _with_a_number(world: World) -> Answer:
    made = world.made("call_control_applications", {"application_name": "x", "webhook_event_url": world.receiver.url})
    number = world.first("phone_numbers")
    assert world.http("PATCH", f"/v2/phone_numbers/{number}", {"connection_id": made})[0] == 200
    return world.http("DELETE", f"/v2/call_control_applications/{made}")


def _ended(world: World, action: str) -> Answer:
    call = world.answered()
    world.http.act(call, "hangup")
    return world.http.act(call, action)


def _full_conference(world: World) -> Answer:
    _, conference = _conference(world, max_participants=2)
    for _ in range(2):
        answer = act_in(world.http, conference, "join", call_control_id=world.answered())
    return answer


def _same_name(world: World) -> Answer:
    call, _ = _conference(world)
    return world.http("POST", "/v2/conferences", {"call_control_id": world.answered(), "name": f"room {call[-6:]}"})


def _joined_twice(world: World) -> Answer:
    call, conference = _conference(world)
    return act_in(world.http, conference, "join", call_control_id=call)


def _over(world: World) -> Answer:
    _, conference = _conference(world)
    act_in(world.http, conference, "end")
    return act_in(world.http, conference, "join", call_control_id=world.answered())


def _on_hold(world: World) -> Answer:
    one = world.participant()
    wait_form(world.receiver, CallSid=one["call_sid"], CallStatus="in-progress")
    path = f"Conferences/{one['conference_sid']}/Participants/{one['call_sid']}"
    assert world.account("POST", path, {"Hold": True})[0] == 200
    return world.account("POST", path, {"AnnounceUrl": "https://example.com/a"})


def _by_a_fault(status: int, code: str) -> Callable[[World], Answer]:
    def provoked(world: World) -> Answer:
        world.http.fault("status", path="/call_events", value=status, code=code)
        return world.http("GET", "/v2/call_events")

    return provoked


_PROFILE = "/v2/outbound_voice_profiles"


def _profile_limit(world: World) -> Answer:
    made = world.http("POST", _PROFILE, {"name": "narrow", "concurrent_call_limit": 1})[1]["data"]["id"]
    return _limited(world, {"outbound_voice_profile_id": made})


def _two_queues_of_one_name(world: World) -> Answer:
    name = world.queue()
    return world.account("POST", "Queues", {"FriendlyName": name})


def _texml_numbers(world: World) -> dict[str, str]:
    return {"To": CALL, "From": CALL, "ApplicationSid": str(world.account.application.id)}


def _streaming_already(world: World) -> Answer:
    call = world.answered()
    world.http.act(call, "streaming_start", stream_url="wss://example.com/audio")
    return world.http.act(call, "fork_start")


PROVOKED: dict[str, tuple[int, Callable[[World], Answer]]] = {
    "10004": (422, lambda world: world.http("POST", "/v2/calls", {})),
    "10005": (404, lambda world: world.http("GET", "/v2/calls/v3:none")),
    "10007": (500, _by_a_fault(500, "10007")),
    "10009": (401, lambda world: world.http("GET", "/v2/call_events", Authorization="Bearer none")),
    "10010": (403, lambda world: _dial(world, "+13125559013")),
    "10011": (422, lambda world: _dial(world, media_encryption="SRTP")),
    "10012": (422, _two_queues_of_one_name),
    "10015": (422, lambda world: _dial(world, connection_id="1")),
    "10016": (422, lambda world: _dial(world, "5550100")),
    "10021": (422, _with_a_number),
    "10026": (422, lambda world: _dial(world, timeout_secs="30")),
    "10027": (422, lambda world: world.http.act(world.answered(), "answer")),
    "10028": (400, lambda world: world.http("POST", "/v2/calls", b'{"to": "\xff"}')),
    "10031": (400, lambda world: world.http("GET", "/v2/connections?filter[connection_name][contains]=x")),
    "10032": (422, lambda world: _dial(world, record_channels="three")),
    "10033": (422, lambda world: _dial(world, timeout_secs=2)),
    "10037": (503, _by_a_fault(503, "10037")),
    "10038": (403, _by_a_fault(403, "10038")),
    "10039": (403, _by_a_fault(403, "10039")),
    **{code: (401, _by_a_fault(401, code)) for code in ("20002", "20006", "20008")},
    **{code: (403, _by_a_fault(403, code)) for code in CODES if code.startswith("2001")},
    "90014": (
        422,
        lambda world: world.account(
            "POST",
            "Calls",
            {"To": CALL, "From": CALL, "ApplicationSid": world.account.application.id, "SendDigits": "x"},
        ),
    ),
    "90015": (422, lambda world: world.http.act("v3:none", "hangup")),
    "90017": (422, lambda world: _dial(world, client_state="not base64")),
    "90018": (422, lambda world: _ended(world, "gather")),
    "90019": (422, _over),
    "90031": (422, lambda world: world.http.act(world.answered(), "fork_stop")),
    "90032": (422, _full_conference),
    "90033": (422, _same_name),
    "90034": (422, lambda world: world.http.act(_dial(world)[1]["data"]["call_control_id"], "gather")),
    "90035": (422, lambda world: world.http.act(world.answered(), "leave_queue")),
    "90036": (422, lambda world: world.http.act(world.answered(), "enqueue", queue_name=_queued(world))),
    "90037": (422, lambda world: world.http.act(world.answered(), "enqueue", queue_name=_queued(world), max_size=9)),
    "90038": (422, lambda world: _twice(world, "enqueue", queue_name="again")),
    "90040": (400, lambda world: world.http.act(world.answered(), "playback_start", audio_url="http://none.invalid/a")),
    "90041": (422, _account_limit),
    "90042": (422, _profile_limit),
    "90043": (422, lambda world: _limited(world, {"channel_limit": 1})),
    "90044": (422, _joined_twice),
    "90045": (422, _streaming_already),
    "90047": (400, _on_hold),
    "90048": (422, lambda world: world.http.act(world.answered(), "streaming_stop")),
    "90050": (400, lambda world: world.http("DELETE", f"/v2/queues/{_queued(world)}".replace(" ", "%20"))),
    "90054": (422, lambda world: _twice(world, "transcription_start")),
    "90057": (422, lambda world: _dial(world, webhook_urls={"call.bridge": ["http://127.0.0.1:9/"]})),
    "90058": (404, lambda world: act_in(world.http, "none", "end")),
    "90061": (422, lambda world: _twice(world, "ai_assistant_start")),
    "90102": (422, lambda world: world.http.act(_dial(world)[1]["data"]["call_control_id"], "answer")),
}


@pytest.mark.parametrize("code", sorted(PROVOKED))
def test_a_code_is_told_with_its_status_in_the_envelope(world: World, code: str) -> None:
    status, provoke = PROVOKED[code]
    told, body = provoke(world)
    error = body["errors"][0]
    assert (told, str(error["code"])) == (status, code)
    assert error["title"]
    assert error["detail"]
    assert error["meta"]["url"].endswith(code)


def test_every_code_is_provoked_or_listed() -> None:
    assert set(PROVOKED) <= set(CODES)
    judgement.compare("errors", set(CODES) - set(PROVOKED))
