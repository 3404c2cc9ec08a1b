"""Sound, trust, cost and lateness as columns of a call: the same for every order of what told them."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.factories import make_event, run_owed
from tests.support.rest import CALLS
from tests.support.rows import Call
from tests.support.texml import form
from tests.support.webhooks import post_texml, post_webhook
from voice.calls import measures
from voice.calls.projection import changes
from voice.events import intake

NOW, ACCOUNT = datetime.now(UTC), TelnyxAccount(name="x")
STATS = {
    "inbound": {"mos": "4.43", "jitter_max_variance": "3.05", "packet_count": "1840", "skip_packet_count": "92"},
    "outbound": {"packet_count": "1822", "skip_packet_count": "0"},
}
PART = {"call_part": "sip-trunking", "cost": "0.0035", "rate": "0.0035", "currency": "USD", "billed_duration_secs": 60}
COST = {"status": "success", "total_cost": "0.0055", "billed_duration_secs": 60, "cost_parts": [PART]}
TOLD = [
    make_event("call.initiated", -30, shaken_stir_attestation="B", shaken_stir_validated=True),
    make_event("call.answered", -28),
    make_event("call.hangup", -9, call_quality_stats=STATS),
    make_event("call.cost", -8, **COST),
    make_event("call.cost", -7, status="success", total_cost="0.0080"),
    make_event("call.cost", -6, status="error", total_cost="9"),
]


def fold(documents: list[dict[str, Any]]) -> dict[str, Any]:
    account = ACCOUNT
    call = Call(account=account, call_control_id="v3:a-leg", started_at=NOW)
    for document in documents:
        event = intake.read(account, "webhook", {}, json.dumps(document).encode(), NOW)
        for column, value in changes(call, event).items():
            setattr(call, column, value)
    return {name: value for name, value in vars(call).items() if name not in {"_state", "id"}}


def test_every_order_gives_the_same_columns() -> None:
    results = {json.dumps(fold(list(order)), default=str) for order in itertools.permutations(TOLD)}
    assert len(results) == 1
    (told,) = map(json.loads, results)
    assert (told["mos"], told["jitter"], told["packets_in"], told["skipped_in"]) == (4.43, 3.05, 1840, 92)
    assert (told["packets_out"], told["skipped_out"]) == (1822, 0)
    assert (told["attestation"], told["attestation_valid"]) == ("B", True)
    assert told["late_seconds"] == pytest.approx(30, abs=1)


def test_of_two_prices_the_later_one_counts_with_all_that_belongs_to_it() -> None:
    told = fold(TOLD)
    assert (told["cost"], told["cost_amount"]) == ("0.0080", Decimal("0.0080"))
    assert (told["currency"], told["billed_seconds"], told["cost_parts"]) == ("", None, None)
    told = fold(TOLD[:4])
    assert (told["cost"], told["currency"], told["billed_seconds"]) == ("0.0055", "USD", 60)
    assert told["cost_parts"][0]["call_part"] == "sip-trunking"


@pytest.mark.parametrize(
    ("stats", "columns"),
    [
        ({"inbound": {"mos": "5.0"}}, {"mos": 5.0}),
        ({"inbound": {"mos": "5.01", "packet_count": 1}}, {"mos": None, "packets_in": 1}),
        ({"inbound": {"mos": "-1", "packet_count": 1}}, {"mos": None, "packets_in": 1}),
        ({"inbound": {"jitter_max_variance": "3.05", "jitter": "9"}}, {"jitter": 3.05}),
        ({"inbound": {"jitter": "9"}, "outbound": {"jitter": "4"}}, {"jitter": 9.0}),
        ({"inbound": {"packet_count": "9999999999"}}, {"packets_in": 2_147_483_647}),  # as its column holds
        (
            {"outbound": {"packet_count": 12, "skip_packet_count": "99999999999"}},
            {"packets_out": 12, "skipped_out": None},
        ),
        ({"inbound": {"packet_count": True, "skip_packet_count": 2}}, {"packets_in": None, "skipped_in": 2}),
        ({"mos": 4.2, "jitter": 3}, {"mos": 4.2, "jitter": 3.0, "packets_out": None}),
    ],
)
def test_a_measure_is_read_where_it_can_be_one(stats: dict[str, Any], columns: dict[str, Any]) -> None:
    told = fold([make_event("call.hangup", -1, call_quality_stats=stats)])
    assert {name: told[name] for name in columns} == columns


@pytest.mark.parametrize(
    ("parts", "costs", "currency"),
    [
        ([PART | {"cost": f"0.{at:04}"} for at in range(21)], [f"0.{at:04}" for at in range(20)], "USD"),
        ([7, PART], ["0.0035"], "USD"),
        ([PART, PART | {"currency": "EUR"}], ["0.0035", "0.0035"], ""),  # of two none is the currency of the whole
        ([PART | {"currency": ""}, PART | {"currency": "DOLLARS"}], ["0.0035", "0.0035"], "DOL"),
    ],
)
def test_what_a_price_is_made_of_is_kept_up_to_20_parts(parts: list[Any], costs: list[str], currency: str) -> None:
    told = fold([make_event("call.cost", -8, **COST | {"cost_parts": parts})])
    assert ([part["cost"] for part in told["cost_parts"]], told["currency"]) == (costs, currency)


@pytest.mark.parametrize(("seconds", "counted"), [("60", 60), (-60, None), (None, None)])
def test_billed_seconds_are_told_where_they_are_a_count(seconds: Any, counted: int | None) -> None:
    assert fold([make_event("call.cost", -8, **COST | {"billed_duration_secs": seconds})])["billed_seconds"] == counted


def test_a_price_that_is_a_number_is_the_same_price() -> None:
    part = PART | {"cost": 0.00001, "rate": 1e-05}
    told = fold([make_event("call.cost", -8, **COST | {"total_cost": 0.00001, "cost_parts": [part]})])
    assert (told["cost"], told["cost_amount"]) == ("0.00001", Decimal("0.00001"))
    assert (told["cost_parts"][0]["cost"], told["cost_parts"][0]["rate"]) == ("0.00001", "0.00001")


def test_of_two_late_events_the_later_one_counts_by_its_milliseconds() -> None:
    delays = {"call.answered": 20.4, "call.bridged": 20.1}  # the one that happened last is not the one that was latest
    events = [make_event(event_type) for event_type in delays]
    for event, late in zip(events, delays.values(), strict=True):
        event["data"]["occurred_at"] = (NOW - timedelta(seconds=late)).isoformat()
    for order in itertools.permutations(events):
        assert fold(list(order))["late_seconds"] == 20.4


@pytest.mark.parametrize(("late", "told"), [(5.0, None), (5.001, 5.001)])
def test_an_event_is_late_after_more_than_five_seconds(late: float, told: float | None) -> None:
    event = make_event("call.answered")
    event["data"]["occurred_at"] = (NOW - timedelta(seconds=late)).isoformat()
    assert fold([event])["late_seconds"] == told


@pytest.mark.parametrize(("late", "told"), [(7.0014, 7.001), (7.0016, 7.002)])
def test_how_late_an_event_came_is_told_to_the_millisecond(late: float, told: float) -> None:
    event = make_event("call.answered")
    event["data"]["occurred_at"] = (NOW - timedelta(seconds=late)).isoformat()
    assert fold([event])["late_seconds"] == told


@pytest.mark.parametrize(
    ("payload", "trusted"),
    [
        ({"shaken_stir_attestation": "B"}, ("B", None)),
        ({"shaken_stir_validated": False}, ("", False)),
        ({"shaken_stir_validated": "true"}, ("", True)),
        ({"shaken_stir_attestation": "a level of its own"}, ("a level of", None)),
        ({"shaken_stir_attestation": "", "shaken_stir_validated": "perhaps"}, ("", None)),
    ],
)
def test_a_level_without_a_check_and_a_check_without_a_level_are_told(payload: dict[str, Any], trusted: Any) -> None:
    call = fold([make_event("call.initiated", -30, **payload)])
    assert (call["attestation"], call["attestation_valid"]) == trusted
    assert ("attestation" in call["facts"]) == (trusted != ("", None))


def test_what_was_not_measured_stays_empty() -> None:
    told = fold([make_event("call.hangup", -1, call_quality_stats=None)])
    assert (told["mos"], told["packets_in"], told["cost"], told["attestation"]) == (None, None, "", "")
    assert told["late_seconds"] is None  # it came at once


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["inbound", "outbound", "mos", "cost", "packet_count"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    )
)
def test_no_value_of_any_kind_breaks_the_reading(value: Any) -> None:
    names = ("call_quality_stats", "cost_parts", "total_cost", "shaken_stir_attestation", "shaken_stir_validated")
    payload = dict.fromkeys(names, value) | {"call_screening_result": value, "billed_duration_secs": value}
    sound = measures.sound(payload)
    assert sound is None or sound["mos"] is None or 0 <= sound["mos"] <= 5
    assert len((measures.trust(payload) or {"attestation": ""})["attestation"]) <= 10
    assert len(measures.screening(payload)) <= 50
    cost = measures.cost(payload)
    assert cost is None or cost["cost_amount"] < 10**9


@pytest.mark.django_db
def test_a_webhook_fills_them_and_rest_tells_them(client: Client, account: TelnyxAccount, api: APIClient) -> None:
    for event in TOLD[:4]:
        assert post_webhook(client, account, event).status_code == 200
    run_owed()
    call = Call.objects.get()
    assert (call.cost_amount, call.mos, call.loss_in, call.loss_out) == (Decimal("0.0055"), 4.43, 0.05, 0.0)
    told = api.get(f"{CALLS}v3:a-leg/?account=main").json()
    assert (told["mos"], told["loss_in"], told["currency"], told["attestation"]) == (4.43, 0.05, "USD", "B")
    assert told["cost_parts"] == [
        {"call_part": "sip-trunking", "cost": "0.0035", "rate": "0.0035", "currency": "USD", "billed_seconds": 60}
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("stats", "packets"), [(STATS, 1840), ({"mos": 4.43, "jitter": 3, "packet_loss": 0}, None)])
def test_texml_tells_it_too(client: Client, account: TelnyxAccount, stats: Any, packets: int | None) -> None:
    fields = {"CallSid": "v3:texml", "CallStatus": "completed", "CallbackSource": "call-progress-events"}
    fields |= {"CallQualityStats": json.dumps(stats), "ShakenStirAttestation": "C", "ShakenStirValidated": "false"}
    assert post_texml(client, account, form(**fields)).status_code == 200
    run_owed()
    call = Call.objects.get()
    assert (call.mos, call.packets_in, call.jitter) == (4.43, packets, 3.05 if packets else 3.0)
    assert (call.attestation, call.attestation_valid) == ("C", False)


@pytest.mark.parametrize(("told", "found"), [("spam_likely", "spam_likely"), ("", ""), (7, ""), ("x" * 51, "")])
def test_what_telnyxs_screening_found_is_kept(told: Any, found: str) -> None:
    call = fold([make_event("call.initiated", -30, call_screening_result=told)])
    assert (call["screening"], "screening" in call["facts"]) == (found, bool(found))


def test_stats_that_are_a_text_of_no_end_are_none() -> None:
    assert measures.sound({"call_quality_stats": "[" * 200_000}) is None


def test_what_a_part_of_a_price_does_not_tell_in_digits_or_words_stays_empty() -> None:
    parts = [{"call_part": "sip-trunking", "cost": True, "currency": ["USD"]}]
    told = fold([make_event("call.cost", -8, **COST | {"cost_parts": parts})])
    assert told["cost_parts"] == [
        {"call_part": "sip-trunking", "cost": "", "rate": "", "currency": "", "billed_seconds": None}
    ]
    assert (told["cost"], told["currency"]) == ("0.0055", "")
