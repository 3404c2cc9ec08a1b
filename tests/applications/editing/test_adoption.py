"""The answer to a create is lost: what Telnyx made is found, and no second one is made."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from applications.editing import adoption
from applications.editing.adoption import UncertainCreate
from applications.editing.service import create_application, delete_application
from applications.mirror.store import store
from applications.models import CallControlApplication, Intent
from applications.pulls.pulls import pull
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxUnavailable
from tests.support.accounts import make_account
from tests.support.application_pages import drawn
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx
from tests.support.bystanders import Bystanders
from tests.support.clock import Clock
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import Dying, Meanwhile

ADA = Actor("user: ada")
KINDS = [CALL_CONTROL, TEXML]
URL = "/api/v1/call-control-applications/"


def _new(kind: Any, name: str = "router") -> dict[str, Any]:
    return {kind.model.name_field: name, kind.model.url_field: "http://127.0.0.1:8000/x/"}


def _made(account: TelnyxAccount, kind: Any = CALL_CONTROL, **values: Any) -> dict[str, Any]:
    """What Telnyx made of such a create, as somebody finds it there."""
    version = {"webhook_api_version": "2"} if kind == CALL_CONTROL else {}
    return at_telnyx(account, kind, **{kind.model.url_field: _new(kind)[kind.model.url_field], **version, **values})


def _fault(sandbox: Sandbox, fault: str, kind: Any = CALL_CONTROL, method: str = "POST") -> None:
    sandbox.faults.add({"method": method, "path": f"/{kind.resource}", "fault": fault})


def _there(sandbox: Sandbox, kind: Any = CALL_CONTROL) -> list[str]:
    return [remote["id"] for remote in sandbox.store.applications(kind.resource)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_what_telnyx_made_before_the_answer_was_lost_is_adopted(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, kind: Any
) -> None:
    _fault(sandbox, "act_then_cut", kind)
    row, told = create_application(kind, sandbox_account, {**_new(kind), "tags": ["a"]}, ADA)
    assert [row.telnyx_id] == _there(sandbox, kind)
    assert "taken over" in told
    assert row.tags == ["a"]
    assert row.history.last().history_change_reason == "adopted (user: ada)"
    outcomes = AuditEvent.objects.filter(action="application.create").order_by("id")
    assert [event.details["outcome"] for event in outcomes] == ["uncertain", "adopted"]


def test_the_trail_holds_no_webhook_address(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert "127.0.0.1" not in str(AuditEvent.objects.get().details)


def test_an_answer_that_never_ends_is_uncertain_too(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("portal.telnyx.client.uptime", clock.monotonic)
    monkeypatch.setattr(sandbox, "closing", clock.passing())
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "drip", "value": 2})
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert [row.telnyx_id] == _there(sandbox)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_with_nothing_there_it_says_uncertain_and_stores_nothing(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, kind: Any
) -> None:
    _fault(sandbox, "cut", kind)
    with pytest.raises(UncertainCreate, match="it may still come") as caught:
        create_application(kind, sandbox_account, _new(kind), ADA)
    assert caught.value.candidates == []
    assert not kind.model.objects.exists()


def test_one_of_another_name_or_address_or_an_older_or_a_known_one_is_not_adopted(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    new = _new(CALL_CONTROL)
    _made(sandbox_account, name="router 2")
    _made(sandbox_account, webhook_event_url="http://127.0.0.1:8000/other/")
    old = _made(sandbox_account)
    sandbox.store.save_application("call_control_applications", old | {"created_at": "2020-01-01T00:00:00.000Z"})
    create_application(CALL_CONTROL, sandbox_account, new, ADA)  # known here, and of the same second
    _fault(sandbox, "cut")
    with pytest.raises(UncertainCreate) as caught:
        create_application(CALL_CONTROL, sandbox_account, new, ADA)
    assert caught.value.candidates == []


def test_one_made_a_moment_before_by_a_slower_clock_is_adopted(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    made = _made(sandbox_account)
    _fault(sandbox, "cut")
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert row.telnyx_id == made["id"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_one_of_the_same_name_and_address_with_other_settings_is_somebody_else_s(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, kind: Any
) -> None:
    new = {**_new(kind), "dtmf_type": "Inband", "inbound": {"channel_limit": 3}, "active": False}
    for other in ({"dtmf_type": "RFC 2833"}, {"inbound": {"channel_limit": 0}}, {"active": True}):
        _made(sandbox_account, kind, **{**new, **other})
    _fault(sandbox, "cut", kind)
    with pytest.raises(UncertainCreate) as caught:
        create_application(kind, sandbox_account, new, ADA)
    assert caught.value.candidates == []
    assert not kind.model.objects.exists()
    row, _ = create_application(kind, sandbox_account, new, ADA)
    assert (row.dtmf_type, row.inbound["channel_limit"], row.active, len(_there(sandbox, kind))) == (
        "Inband",
        3,
        False,
        4,
    )


def test_what_the_lost_try_made_with_other_values_is_shown_and_not_taken(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "act_then_cut")
    sandbox.faults.add({"method": "GET", "path": "/call_control_applications", "fault": "cut"})
    with pytest.raises(UncertainCreate):
        create_application(CALL_CONTROL, sandbox_account, {**_new(CALL_CONTROL), "dtmf_type": "Inband"}, ADA)
    with pytest.raises(UncertainCreate) as caught:
        create_application(CALL_CONTROL, sandbox_account, {**_new(CALL_CONTROL), "dtmf_type": "SIP INFO"}, ADA)
    assert [one["id"] for one in caught.value.candidates] == _there(sandbox)
    assert "One application that may be it is there" in str(caught.value)


def test_a_create_whose_process_died_is_remembered_and_not_made_twice(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, dying: Dying
) -> None:
    dying.after("POST")
    with pytest.raises(SystemExit):
        create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert not CallControlApplication.objects.exists()
    row, told = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert [row.telnyx_id] == _there(sandbox)
    assert "taken over" in told
    assert not Intent.objects.exists()


def test_a_create_that_a_pull_brought_first_is_still_its_creator_s(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, meanwhile: Meanwhile
) -> None:
    meanwhile.do("POST", lambda: pull(CALL_CONTROL, sandbox_account, PORTAL))
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    (first,) = row.history.all()
    assert (first.history_change_reason, first.history_actor) == ("created (user: ada)", "user: ada")


def test_only_the_first_version_of_one_that_a_pull_brought_first_is_its_creator_s(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, meanwhile: Meanwhile
) -> None:
    long = Actor(f"user: {'a' * 150}")

    def others() -> None:
        pull(CALL_CONTROL, sandbox_account, PORTAL)
        edited(sandbox, CALL_CONTROL.rows(sandbox_account).get(), {"active": False})
        pull(CALL_CONTROL, sandbox_account, PORTAL)

    meanwhile.do("POST", others)
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), long)
    theirs = "changed at Telnyx by ada@example.com, found by pull (portal)"
    assert (reasons(row), row.active) == ([theirs, f"created ({long.label}"[:100]], False)


def test_what_another_account_made_under_the_same_id_keeps_none_from_being_adopted(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, bystanders: Bystanders
) -> None:
    made = _made(sandbox_account)
    store(CALL_CONTROL, bystanders.account, made, ADA, "created (user: ada)")
    _fault(sandbox, "cut")
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert (row.telnyx_id, row.account) == (made["id"], sandbox_account)


def test_one_that_a_pull_brought_meanwhile_is_still_taken_for_ours(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = adoption.candidates

    def after_a_pull(*args: Any) -> Any:
        pull(CALL_CONTROL, sandbox_account, PORTAL)
        return real(*args)

    monkeypatch.setattr(adoption, "candidates", after_a_pull)
    _fault(sandbox, "act_then_cut")
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert [row.telnyx_id] == _there(sandbox)


def test_a_retry_adopts_what_came_late_instead_of_making_a_second_one(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "cut")
    with pytest.raises(UncertainCreate):
        create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    late = _made(sandbox_account)
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert [row.telnyx_id] == [late["id"]] == _there(sandbox)


def test_it_is_looked_for_since_the_first_try_and_behind_what_others_made_later(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adoption, "PAGE_SIZE", 1)
    for _ in range(2):
        _fault(sandbox, "cut")
        with pytest.raises(UncertainCreate):
            create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    first = Intent.objects.earliest("asked_at")
    Intent.objects.filter(pk=first.pk).update(asked_at=first.asked_at - timedelta(minutes=10))
    late, at = _made(sandbox_account), first.asked_at - timedelta(minutes=9)
    sandbox.store.save_application(CALL_CONTROL.resource, late | {"created_at": at.isoformat()})
    for name in ("another", "one more"):
        _made(sandbox_account, name=name)
    row, _ = create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert (row.telnyx_id, len(_there(sandbox)), Intent.objects.count()) == (late["id"], 3, 0)


def test_after_a_create_that_went_well_the_same_name_is_created_again(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "act_then_cut")
    for _ in range(2):
        create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert len(_there(sandbox)) == 2


def test_when_the_list_cannot_be_read_either_that_is_said_and_a_retry_waits_for_it(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "act_then_cut")
    sandbox.faults.add({"method": "GET", "path": "/call_control_applications", "fault": "cut", "times": 2})
    with pytest.raises(UncertainCreate, match="could not be read afterwards"):
        create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    with pytest.raises(Exception, match="could not be read"):
        create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)
    assert len(_there(sandbox)) == 1
    sandbox_account.base_url = "http://127.0.0.1:9/v2"
    sandbox_account.save()
    with pytest.raises(TelnyxUnavailable):
        create_application(CALL_CONTROL, sandbox_account, _new(CALL_CONTROL), ADA)


@pytest.mark.usefixtures("only_account")
def test_rest_answers_201_when_it_was_found_and_504_with_candidates_when_not(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    _fault(sandbox, "act_then_cut")
    found = api.post(URL, _new(CALL_CONTROL), format="json")
    assert (found.status_code, [found.json()["id"]]) == (201, _there(sandbox))
    assert "taken over" in found.json()["warnings"][0]
    twins = _twins(sandbox, sandbox_account)
    body = {**_new(CALL_CONTROL, "twin")}
    for _ in range(2):
        answer = api.post(URL, body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (504, "telnyx_uncertain")
        assert {one["id"] for one in answer.json()["candidates"]} == twins
    assert set(_there(sandbox)) == twins | {found.json()["id"]}


def _twins(sandbox: Sandbox, account: TelnyxAccount) -> set[str]:
    """Two that may both be it, and the next create fails."""
    made = {_made(account, name="twin", dtmf_type="Inband")["id"] for _ in range(2)}
    _fault(sandbox, "cut")
    return made


@pytest.fixture
def typed(browser: Client, sandbox_account: TelnyxAccount) -> dict[str, str]:
    return {**_new(CALL_CONTROL, "twin"), "account": str(sandbox_account.pk), "dtmf_type": "Inband"}


@pytest.fixture
def add_url() -> str:
    return reverse("admin:applications_callcontrolapplication_add")


def _carried(answer: Any) -> dict[str, str]:
    return dict(answer.context["carried"])


def test_the_page_shows_the_candidates_and_looks_again_before_it_creates(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, typed: Any, add_url: str
) -> None:
    twins = _twins(sandbox, sandbox_account)
    answer = browser.post(add_url, typed)
    page = answer.content.decode()
    assert all(twin in page for twin in twins)
    assert page.index("Look again") < page.index("Create it anyway")
    assert _carried(answer).items() >= typed.items()
    for again in ({"retry": "look"}, {}):  # also when the form itself is sent once more
        repeated = browser.post(add_url, _carried(answer) | again)
        assert "uncertain" in repeated.context["title"]
    assert set(_there(sandbox)) == twins
    assert not CallControlApplication.objects.exists()


def test_who_may_add_and_not_look_is_not_led_to_the_list(
    browser: Client, user_with: Any, sandbox: Sandbox, typed: Any, add_url: str
) -> None:
    led = f'href="{reverse("admin:applications_callcontrolapplication_changelist")}">pull</a>'
    _fault(sandbox, "cut")
    assert led in browser.post(add_url, typed).content.decode()
    browser.force_login(user_with("applications.add_callcontrolapplication"))
    _fault(sandbox, "cut")
    page = browser.post(add_url, typed | {"application_name": "another"}).content.decode()
    assert ("brings whatever is there" in page, led in page) == (True, False)


def test_looking_again_adopts_the_one_that_came(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, typed: Any, add_url: str
) -> None:
    _fault(sandbox, "cut")
    answer = browser.post(add_url, typed)
    late = _made(sandbox_account, name="twin", dtmf_type="Inband")
    assert browser.post(add_url, _carried(answer) | {"retry": "look"}).status_code == 302
    assert CallControlApplication.objects.get().telnyx_id == late["id"]
    assert len(requests(sandbox, "POST")) == 2  # the lost one, and somebody else's


def test_looking_again_where_nothing_is_creates_nothing(
    browser: Client, sandbox: Sandbox, typed: Any, add_url: str
) -> None:
    _fault(sandbox, "cut")
    answer = browser.post(add_url, typed)
    for again in ({"retry": "look"}, {}):  # also when the form itself is sent once more
        answer = browser.post(add_url, _carried(answer) | again)
        assert answer.context["candidates"] == []
    assert (len(requests(sandbox, "POST")), _there(sandbox)) == (1, [])
    assert browser.post(add_url, _carried(answer) | {"retry": "anyway"}).status_code == 302
    assert [CallControlApplication.objects.get().telnyx_id] == _there(sandbox)


def test_going_back_to_the_form_sends_nothing_and_keeps_what_was_typed(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, typed: Any, add_url: str
) -> None:
    _fault(sandbox, "cut")
    answer = browser.post(add_url, typed)
    before = len(requests(sandbox))
    form = browser.post(add_url, _carried(answer) | {"retry": "form"}).context["adminform"].form
    assert form.errors["__all__"] == ["Nothing more was sent."]
    assert (form["application_name"].value(), form["dtmf_type"].value()) == ("twin", "Inband")
    assert len(requests(sandbox)) == before


def test_a_person_may_create_it_anyway(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, typed: Any, add_url: str
) -> None:
    twins = _twins(sandbox, sandbox_account)
    answer = browser.post(add_url, typed)
    assert browser.post(add_url, _carried(answer) | {"retry": "anyway"}).status_code == 302
    assert CallControlApplication.objects.get().telnyx_id not in twins
    assert len(_there(sandbox)) == 3


@pytest.mark.usefixtures("only_account")
def test_one_form_is_one_wish_at_each_account_while_what_it_made_is_there(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, add_url: str
) -> None:
    """Somebody goes back to it, chooses the other account, goes back once more."""
    other = make_account("other", sandbox.base_url, sandbox.public_key)
    form = drawn(browser, add_url) | _new(CALL_CONTROL, "twin")

    def send(account: TelnyxAccount) -> list[str]:
        assert browser.post(add_url, form | {"account": str(account.pk)}).status_code == 302
        made = CallControlApplication.objects.filter(missing_since=None)
        return sorted(made.values_list("account__name", flat=True))

    assert [send(account) for account in (sandbox_account, other, sandbox_account, other)] == [
        ["sandbox"],
        *[["other", "sandbox"]] * 3,
    ]
    delete_application(CALL_CONTROL.rows(sandbox_account).get(), ADA)
    assert send(sandbox_account) == ["other", "sandbox"]
    assert len(requests(sandbox, "POST")) == 3
