"""A call is found by whatever the customer on the phone can tell."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.support.commands import act
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.rest import CALLS, api_for, problem
from tests.support.rows import Call, CallEvent
from voice.call_log import query
from voice.calls import search
from voice.dialling import limits
from voice.models import Limits

pytestmark = pytest.mark.django_db
LEG, SESSION = "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0", "1ccc7b54-4df3-4bca-a65a-3da1ecc777f1"


@pytest.fixture(autouse=True)
def log(account: TelnyxAccount) -> None:
    make_call(account, "a", from_number="+13125550143", to_number="+442071838750", call_leg_id=LEG)
    make_call(account, "b", from_number="+442071838750", to_number="+13125550199", call_session_id=SESSION)
    make_call(account, "c", from_number="sip:ada@example.com", to_number="+15125550143", connection_id="88")


@pytest.fixture
def ada(operator: User) -> Actor:
    """Who may see whole numbers."""
    return Actor("user: ada", operator)


@pytest.fixture
def bob(user_with: Any) -> Actor:
    """Who may not."""
    return Actor("user: bob", user_with("voice.view_call", username="bob"))


def found(text: str, actor: Actor) -> str:
    asked = query.read(text, actor.user, actor=actor)
    if asked.refused:
        raise asked.refused
    rows = asked.narrow(Call.objects.order_by("call_control_id"))
    return "".join(row.call_control_id.removeprefix("v3:")[0] for row in rows)


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("+13125550143", "a"),
        ("+1 312 555 0143", "a"),
        (" +1 (312) 555-0143 ", "a"),
        ("+1.312.555.0143", "a"),
        ("13125550143", "a"),
        ("+3125550143", ""),  # with + it is a whole number
        ("3125550143", "a"),
        ("555-0143", "ac"),
        ("0143", "ac"),
        ("143", "ac"),
        ("442071838750", "ab"),
        ("+442071838750", "ab"),
        ("sip:ada@example.com", "c"),
        ("ada@example.com", "c"),
        ("gencred43ab@example.com", ""),  # its digits are no number
        ("sip:ada", "c"),
        ("sip:bob", ""),
        (LEG, "a"),
        (LEG.upper(), "a"),
        (SESSION, "b"),
        (SESSION.upper(), "b"),
        ("v3:b-leg", "b"),
        ("v3:b", ""),
        (CONNECTION, "ab"),
        ("nobody", ""),
        ("%", ""),
        ("5%5", ""),
        ("12", ""),
    ],
)
def test_a_text_finds(text: str, legs: str, ada: Actor) -> None:
    assert found(text, ada) == legs
    assert not AuditEvent.objects.filter(action="call.search").exists()


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("sip:a_b@pbx.example", "e"),
        ("sip:a_b@PBX.Example", "e"),  # a host is the same in capitals
        ("SIP:a_b@pbx.example", "e"),
        ("SIP:a_b@PBX.example", "de"),  # as it stands in the log, too
        ("a_b@PBX.EXAMPLE", "e"),
        ("sip:A_B@pbx.example", "f"),  # a user is not
        ("sip:a_B@pbx.example", ""),
        ("sip:aXb@pbx.example", ""),
    ],
)
def test_a_sip_address_is_found_by_its_user_as_it_is_written(
    account: TelnyxAccount, ada: Actor, bob: Actor, text: str, legs: str
) -> None:
    for leg, address in (("d", "SIP:a_b@PBX.example"), ("e", "sip:a_b@pbx.example"), ("f", "sip:A_B@pbx.example")):
        make_call(account, leg, from_number=address)
    assert found(text, ada) == legs
    assert found(text, bob) == legs
    assert found(text[:-4], ada) == legs  # by its beginning


def test_one_side_can_be_asked_for(ada: Actor) -> None:
    def by(*sides: str) -> set[str]:
        (found,) = search.number_by_side("+442071838750", ada, sides)
        return set(Call.objects.filter(found).values_list("call_control_id", flat=True))

    assert by("from") == {"v3:b-leg"}
    assert by("to") == {"v3:a-leg"}


def test_the_last_digits_are_a_prefix_search(ada: Actor) -> None:
    for side in search.number_by_side("555-0143", ada, ("from", "to")):
        assert "LIKE 3410555%" in str(Call.objects.filter(side).query)


@pytest.mark.parametrize(
    ("text", "legs"),
    [
        ("+13125550143", "a"),
        ("+1 (312) 555-0143", "a"),
        ("13125550143", "a"),
        ("0143", "ac"),
        ("3125550143", ""),  # the end of a number is none
        ("555-0143", ""),
        ("sip:ada@example.com", "c"),
        ("sip:ada", ""),
        (LEG, "a"),
        (CONNECTION, "ab"),
    ],
)
def test_who_sees_no_whole_number_finds_by_a_whole_one_or_by_four_digits(text: str, legs: str, bob: Actor) -> None:
    assert found(text, bob) == legs


@pytest.mark.parametrize("text", ["143", "50143", "550143", "+0143", "01 43", "0-143"])
def test_a_number_is_not_pieced_together_from_its_ends(text: str, bob: Actor) -> None:
    with pytest.raises(search.SearchRefused, match="exactly four last digits"):
        found(text, bob)


@pytest.mark.parametrize("text", ["...", "- -", "( )"])
def test_what_is_no_number_finds_nothing_and_says_so(text: str, ada: Actor, client: Client) -> None:
    with pytest.raises(search.SearchRefused, match="cannot be read as a number"):
        search.number_by_side(text, ada, ("from", "to"))
    assert "takes a whole number" in query.read(text, ada.user).wrong[0]


@pytest.mark.parametrize("value", ["²", "...", "x", "+", "anonym"])
def test_over_rest_what_is_no_number_is_refused_by_name(value: str, ada: Actor) -> None:
    answer = api_for(ada.user).get(CALLS, {"number": value})
    assert "cannot be read" in problem(answer, 400)["errors"]["number"][0]


@pytest.mark.parametrize("who", ["ada", "bob"])
@pytest.mark.parametrize("text", ["anonymous", "Anonymous", "RESTRICTED"])
def test_callers_who_told_no_number_are_found(
    account: TelnyxAccount, request: pytest.FixtureRequest, text: str, who: str
) -> None:
    make_call(account, "d", from_number="anonymous")
    make_call(account, "e", from_number="Restricted")
    assert found(text, request.getfixturevalue(who)) == ("e" if text == "RESTRICTED" else "d")


@pytest.mark.parametrize("who", ["ada", "bob"])
@pytest.mark.parametrize(
    "text",
    ["+4915112345678", "004915112345678", "+49 (0)151 12345678", "0151/12345678", "0151 1234 5678", "٠١٥١١٢٣٤٥٦٧٨"],
)
def test_a_number_is_found_as_people_write_it(
    account: TelnyxAccount, request: pytest.FixtureRequest, text: str, who: str
) -> None:
    make_call(account, "d", from_number="+4915112345678")
    make_call(account, "e", to_number="4915112345678")  # without a plus: the same
    make_call(account, "f", to_number="+15112345679")
    limits.of_account(account)
    Limits.objects.update(allowed_countries=["US", "DE"])
    assert found(text, request.getfixturevalue(who)) == "de"


def test_such_searches_are_counted_and_audited_by_person(bob: Actor, user_with: Any) -> None:
    for at in range(20):  # as docs/api.md says
        found(f"{at:04}", bob)
    with pytest.raises(search.SearchRefused, match="in a minute"):
        found("+13125550143", bob)
    assert found("0143", Actor("user: eve", user_with("voice.view_call", username="eve"))) == "ac"
    notes = AuditEvent.objects.filter(action="call.search", user=bob.user)
    assert notes.count() == 21
    assert notes.first().details == {"searched": "+1312•••0143"}


def test_the_pages_and_the_api_say_why_a_number_is_not_searched_for(client: Client, bob: Actor) -> None:
    client.force_login(bob.user)
    page = client.get("/admin/voice/call/", {"q": "143"})
    assert "exactly four last digits" in page.content.decode()
    assert list(page.context["cl"].result_list) == []
    api = api_for(bob.user)
    for name in ("number", "from", "to"):
        answer = problem(api.get(CALLS, {name: "+1312"}), 400)
        assert answer["errors"] == {name: ["Search for a whole number, or for exactly four last digits."]}
    for _ in range(search.PER_MINUTE):
        assert api.get(CALLS, {"to": "0143"}).status_code == 200
    answer = api.get(CALLS, {"to": "0143"})
    assert (problem(answer, 429)["code"], answer["Retry-After"]) == ("throttled", "60")


def test_names_of_applications_cost_two_statements(account: TelnyxAccount, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert search.application_names({(account.pk, CONNECTION), (account.pk, "88")}) == {}


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("+1 312 555 0143", "+13125550143"),
        ("0044 20 7183 8750", "+442071838750"),
        ("13125550143", "+13125550143"),
        ("442071838750", "+442071838750"),
        ("3125550143", "+13125550143"),  # as it is dialled at home
        ("+683 4001", "+6834001"),  # Niue's have seven digits with their country's
        ("5550143", ""),
        ("0143", ""),
        ("+1", ""),
    ],
)
def test_a_whole_number_is_told_from_the_end_of_one(account: TelnyxAccount, typed: str, number: str) -> None:
    Limits.objects.update_or_create(account=account, defaults={"allowed_countries": ["US"]})
    assert search.whole_number(typed) == number


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("0044 20 7183 8750", "DE", "+442071838750"),
        ("+44 20 7183 8750", "DE", "+442071838750"),
        ("44 20 7183 8750", "DE", "+49442071838750"),  # so it could be dialled at home
        ("020 7183 8750", "GB", "+442071838750"),
    ],
)
def test_a_number_that_names_its_country_is_not_one_that_is_dialled_at_home(
    account: TelnyxAccount, typed: str, country: str, number: str
) -> None:
    Limits.objects.update_or_create(account=account, defaults={"allowed_countries": [country]})
    assert search.whole_number(typed) == number


def test_where_nobody_dials_at_home_eleven_digits_are_a_whole_number_and_ten_are_not(account: TelnyxAccount) -> None:
    Limits.objects.update_or_create(account=account, defaults={"allowed_countries": []})
    assert search.whole_number("3125550143") == ""  # not +31 25 55 01 43, of the Netherlands
    assert search.whole_number("49301234567") == "+49301234567"


def test_a_call_is_found_by_the_id_of_a_command_to_it(account: TelnyxAccount, ada: Actor) -> None:
    command = act(Call.objects.get(call_control_id__startswith="v3:b"), "hangup")
    assert found(str(command.pk), ada) == found(f"id:{str(command.pk).upper()}", ada) == "b"


def test_legs_that_began_together_have_an_order(account: TelnyxAccount) -> None:
    at = Call.objects.get(call_control_id__startswith="v3:a").started_at
    legs = [make_call(account, leg, call_session_id=SESSION, started_at=at) for leg in "defgh"]
    told = search.session(Call.objects.exclude(from_number="+442071838750"), legs[:1])
    assert [leg.pk for leg in told] == sorted((leg.pk for leg in legs), key=str)


def test_the_legs_that_documents_dialled_one_from_the_other_are_one_session(account: TelnyxAccount) -> None:
    texml = {"is_texml": True, "call_session_id": ""}
    legs = [make_call(account, "d", **texml)]
    for name in "efg":
        legs.append(make_call(account, name, parent_control_id=legs[-1].call_control_id, **texml))
    for leg in legs:
        assert {one.pk for one in search.session(Call.objects.all(), [leg])} == {one.pk for one in legs}


def test_the_session_of_the_leg_that_a_documents_leg_names_is_found_with_it(account: TelnyxAccount) -> None:
    parent, beside = (make_call(account, name, call_session_id=SESSION[:-1] + "2") for name in "de")
    texml = {"is_texml": True, "call_session_id": ""}
    leg = make_call(account, "f", parent_control_id=parent.call_control_id, **texml)
    assert {one.pk for one in search.session(Call.objects.all(), [leg])} == {parent.pk, beside.pk, leg.pk}


def test_a_search_of_more_than_a_minute_ago_is_not_counted(bob: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(20):
        found(f"{at:04}", bob)
    later = timezone.now() + timedelta(seconds=61)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert found("0143", bob) == "ac"


def test_of_what_somebody_does_only_such_searches_are_counted(bob: Actor) -> None:
    for _ in range(search.PER_MINUTE + 1):
        AuditEvent.note(bob, "note.write")
    assert found("0143", bob) == "ac"


@pytest.mark.parametrize(
    ("who", "typed", "legs"),
    [
        ("ada", "SIP:ada", ["v3:c-leg"]),
        ("ada", "SIP:ada@example.com", ["v3:c-leg"]),
        ("bob", "SIP:ada@example.com", ["v3:c-leg"]),
        ("bob", "ada@example.com", ["v3:c-leg"]),
        ("bob", "SIP:ada", []),  # the beginning of an address is none
    ],
)
def test_over_rest_a_sip_address_is_one_however_its_scheme_is_written(
    request: pytest.FixtureRequest, account: TelnyxAccount, who: str, typed: str, legs: list[str]
) -> None:
    answer = api_for(request.getfixturevalue(who).user).get(CALLS, {"number": typed, "account": account.name})
    assert answer.status_code == 200, answer.content
    assert [row["call_control_id"] for row in answer.json()["results"]] == legs


@pytest.mark.parametrize(
    ("typed", "legs"),
    [
        *(("0050143", "d"), ("005-0143", "d"), ("0050144", ""), ("050143", "d"), ("0013120050143", "d")),
        *(("005550143", ""), ("0550143", "ac")),  # a number from abroad, and one behind the 0 of a trunk
    ],
)
def test_seven_last_digits_may_begin_with_00(account: TelnyxAccount, ada: Actor, typed: str, legs: str) -> None:
    make_call(account, "d", from_number="+13120050143")
    assert found(typed, ada) == legs


@pytest.mark.parametrize("typed", ["1", "12345678901234567890", "+12345678901234567890", ""])
def test_what_has_too_few_or_too_many_digits_is_no_whole_number(account: TelnyxAccount, typed: str) -> None:
    Limits.objects.update_or_create(account=account, defaults={"allowed_countries": ["US"]})
    assert search.whole_number(typed) == ""


@pytest.mark.parametrize(
    ("typed", "legs"),
    [("bea@pbx.example", "d"), ("sips:bea@pbx.example", "d"), ("cid@pbx.example", "e"), ("sip:cid@pbx.example", "")],
)
def test_an_address_is_found_by_itself_and_under_each_scheme(
    account: TelnyxAccount, ada: Actor, bob: Actor, typed: str, legs: str
) -> None:
    make_call(account, "d", from_number="sips:bea@pbx.example")
    make_call(account, "e", to_number="cid@pbx.example")
    assert found(typed, ada) == found(typed, bob) == legs


@pytest.mark.parametrize("typed", ["anonymous", "Anonymous", "ANONYMOUS"])
def test_a_word_for_nobody_is_the_same_in_capitals(account: TelnyxAccount, ada: Actor, typed: str) -> None:
    for leg, word in (("d", "ANONYMOUS"), ("e", "Anonymous"), ("f", "anonymous"), ("g", "restricted")):
        make_call(account, leg, from_number=word)
    assert found(typed, ada) == "def"


@pytest.mark.parametrize(("typed", "legs"), [("123456789012345", "d"), ("1234567890123456", "e")])
def test_fifteen_digits_may_be_a_number_and_sixteen_are_an_application(
    account: TelnyxAccount, ada: Actor, typed: str, legs: str
) -> None:
    make_call(account, "d", from_number="+123456789012345")
    make_call(account, "e", connection_id="1234567890123456")
    assert found(typed, ada) == legs


def test_of_two_events_and_two_commands_each_leads_to_its_own_call(account: TelnyxAccount, ada: Actor) -> None:
    for leg in "de":
        tell(account, make_event(leg=leg, call_session_id=str(uuid.uuid4())))
        call = Call.objects.get(call_control_id=f"v3:{leg}-leg")
        ids = [CallEvent.objects.get(call=call).pk, CallEvent.objects.get(call=call).event_id, act(call, "hangup").pk]
        assert [found(str(one), ada) for one in ids] == [leg] * 3


def test_an_event_is_found_by_its_id_in_capitals_with_the_other_body_that_came_under_it(
    account: TelnyxAccount, client: Client, operator: User
) -> None:
    client.force_login(operator)
    for event in (first := make_event(leg="d")), make_event(leg="e"):
        data = event["data"]
        tell(account, event, event | {"data": data | {"payload": data["payload"] | {"to": "+13125550007"}}})
    identifier = first["data"]["id"]
    for text in (identifier, identifier.upper(), f" {identifier} "):
        rows = client.get("/admin/voice/callevent/", {"q": text}).context["cl"].result_list
        assert sorted((row.event_id, row.reason) for row in rows) == [(identifier, ""), (identifier, "variant")]
    assert found(identifier.upper(), Actor("user: operator", operator)) == "d"


def test_a_call_is_found_by_the_id_that_it_has_here(ada: Actor) -> None:
    assert found(str(Call.objects.get(call_control_id="v3:c-leg").pk), ada) == "c"
