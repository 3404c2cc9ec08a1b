"""A hang-up tells how the leg sounded: well, or as a test wants it."""

import json
from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.client import Client
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_texml import Account, make_texml_application, wait_form
from tests.support.webhook_receiver import Receiver


def sounded(client: Client, **how: Any) -> Any:
    """What was measured of somebody who talked for ten seconds."""
    call = client.ring({"after": "answered", "in": 10, "hangup": True}, **how)
    client.ask("POST", f"/v2/calls/{call}/actions/answer", {})
    client.advance(10)
    return client.wait("call.hangup", call)["call_quality_stats"]


def test_a_line_is_good_unless_told_otherwise(standing: Client) -> None:
    heard = [sounded(standing) for _ in range(20)]
    for one in heard:
        assert one["inbound"]["packet_count"] == "500"
        assert one["inbound"]["jitter_packet_count"] == "0"
        assert 4.4 <= float(one["inbound"]["mos"]) <= 4.5
        assert 0 <= float(one["inbound"]["jitter_max_variance"]) < 6
        assert int(one["inbound"]["skip_packet_count"]) <= 2
        assert one["outbound"] == {"packet_count": "500", "skip_packet_count": "0"}
    assert len({one["inbound"]["jitter_max_variance"] for one in heard}) > 10


@pytest.mark.parametrize(
    ("line", "inbound", "outbound"),
    [
        ("poor", {"mos": "3.40", "jitter_max_variance": "31.20", "skip_packet_count": "8"}, {"skip_packet_count": "5"}),
        ("bad", {"mos": "2.10", "skip_packet_count": "60"}, {"skip_packet_count": "40"}),
        ({"inbound": {"mos": 3}}, {"mos": "3.00", "packet_count": "500"}, {"packet_count": "500"}),
        ({"inbound": {"jitter_packet_count": 7}}, {"jitter_packet_count": "7"}, {}),
        ({"inbound": {"packet_count": 591, "skip_packet_count": 9}}, {"packet_count": "591"}, {"packet_count": "500"}),
        ({"outbound": {"loss": 0.5}}, {"packet_count": "500"}, {"packet_count": "500", "skip_packet_count": "250"}),
        ("no_outbound", {"packet_count": "500"}, {"packet_count": "0", "skip_packet_count": "0"}),
    ],
)
def test_it_sounds_as_told(standing: Client, line: Any, inbound: dict[str, str], outbound: dict[str, str]) -> None:
    told = sounded(standing, line=line)
    assert inbound.items() <= told["inbound"].items()
    assert outbound.items() <= told["outbound"].items()


@pytest.mark.parametrize(("told", "least", "most"), [({"loss": 0.51}, 2.2, 2.6), ({"skip_packet_count": 500}, 1, 1)])
def test_who_loses_much_hears_badly(standing: Client, told: dict[str, Any], least: float, most: float) -> None:
    """FreeSWITCH was seen to tell a MOS of 2.52 where 51 % did not come in order."""
    assert least <= float(sounded(standing, line={"inbound": told})["inbound"]["mos"]) <= most


def test_of_nothing_there_is_no_mos(standing: Client) -> None:
    assert sounded(standing, line="no_inbound")["inbound"] == {"packet_count": "0", "skip_packet_count": "0"}


def test_nothing_may_be_measured(standing: Client) -> None:
    assert sounded(standing, line="unmeasured") is None
    call = standing.ring({"at": 1, "hangup": True})
    standing.advance(1)
    assert standing.wait("call.hangup", call)["call_quality_stats"] is None  # nobody answered


def test_whom_we_call_has_the_line_of_their_rule(standing: Client) -> None:
    standing.callee("+13125550042", {"after": "answered", "in": 10, "hangup": True}, line="bad")
    (application,) = standing.ask("GET", "/v2/call_control_applications")["data"]
    wish = {"connection_id": application["id"], "from": "+13125550100", "to": "+13125550042"}
    call = standing.ask("POST", "/v2/calls", wish)["data"]["call_control_id"]
    standing.advance(20)
    told = standing.wait("call.hangup", call)["call_quality_stats"]
    assert (told["inbound"]["mos"], told["inbound"]["skip_packet_count"]) == ("2.10", "60")


def test_texml_is_told_the_same(http: Http, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    account = Account(http, make_texml_application(sdk, receiver))
    sid = account.ring("answered", line="bad")
    http.end(sid)
    told = json.loads(wait_form(receiver, CallSid=sid, CallStatus="completed")["CallQualityStats"])
    assert told["inbound"]["mos"] == "2.10"


def test_a_hangup_on_request_tells_it_too(http: Http, application: Any, receiver: Receiver) -> None:
    http("POST", "/sandbox/trigger", {"event_type": "call.hangup"})
    assert receiver.wait("call.hangup").payload["call_quality_stats"]["inbound"]["packet_count"] == "500"


def test_the_same_seed_measures_the_same(tmp_path: Path) -> None:
    told = []
    for name in ("one", "two"):
        with Sandbox(tmp_path / f"{name}.sqlite3", seed="7") as sandbox, Receiver() as receiver:
            client = Client(sandbox.base_url, "KEY")
            client.pause("2026-03-01T12:00:00Z")
            body = {"application_name": "a", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
            client.ask("POST", "/v2/call_control_applications", body)
            told.append([sounded(client), sounded(client, line={"inbound": {"loss": 0.1}})])
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        ("awful", "/line"),
        (1, "/line"),
        (None, "/line"),
        ({"sideways": {}}, "/line/sideways"),
        ({"inbound": 3}, "/line/inbound"),
        ({"inbound": {"mos": 5}}, "/line/inbound/mos"),
        ({"inbound": {"mos": "4"}}, "/line/inbound/mos"),
        ({"inbound": {"packet_count": 1.5}}, "/line/inbound/packet_count"),
        ({"inbound": {"loss": True}}, "/line/inbound/loss"),
        ({"inbound": {"loss": 1.1}}, "/line/inbound/loss"),
        ({"outbound": {"mos": 4}}, "/line/outbound/mos"),
    ],
)
def test_a_line_that_there_is_not_is_named(http: Http, application: Any, line: Any, pointer: str) -> None:
    body = {"scenario": "answered", "line": line}
    assert refusal(http("POST", "/sandbox/calls", body)) == (422, "10015", pointer)
    rule = {"number": "*0042", "line": line}
    assert refusal(http("POST", "/sandbox/callees", rule)) == (422, "10015", pointer)
