"""Notes, tags, follow-ups and the name of a call's number over REST: who may, what becomes of it, what is refused."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import FROM, make_call
from tests.support.rest import api_for, of_call, problem, send
from tests.support.rows import Call
from voice.models import CallNote, CallTag, Contact, FollowUp

pytestmark = pytest.mark.django_db
_ASKED: tuple[tuple[str, str, dict[str, str], tuple[str, ...]], ...] = (
    ("get", "notes", {}, ("voice.view_callnote",)),
    ("post", "notes", {"text": "Called back."}, ("voice.add_callnote",)),
    ("get", "tags", {}, ("voice.view_calltag",)),
    ("post", "tags", {"name": "lost-order"}, ("voice.add_calltag",)),
    ("delete", "tags/lost-order", {}, ("voice.delete_calltag",)),
    ("put", "follow-up", {}, ("voice.add_followup",)),
    ("get", "follow-up", {}, ("voice.view_followup",)),
    ("post", "follow-up/done", {}, ("voice.change_followup",)),
    ("put", "contact", {"name": "Ada"}, ("voice.change_contact", "voice.add_contact")),
    ("get", "contact", {}, ("voice.view_contact",)),
)


@pytest.fixture
def call(account: TelnyxAccount) -> Call:
    return make_call(account)


def asked(api: APIClient, verb: str, url: str, body: Any = None) -> Any:
    return getattr(api, verb)(url, body or {}, **({} if verb == "get" else {"format": "json"}))


def test_each_takes_its_permission_and_that_to_see_calls(user_with: Any, call: Call) -> None:
    for number, (verb, what, body, wanted) in enumerate(_ASKED):
        blind = api_for(user_with(*wanted, username=f"blind-{number}"))
        problem(asked(blind, verb, of_call(call, what), body), 403)
        lacking = api_for(user_with("voice.view_call", *wanted[:-1], username=f"lacking-{number}"))
        problem(asked(lacking, verb, of_call(call, what), body), 403)
        may = user_with("voice.view_call", *wanted, username=f"may-{number}")
        if verb != "get":
            problem(asked(api_for(may, "calls:read"), verb, of_call(call, what), body), 403)
        answer = asked(api_for(may, "calls:read", "calls:write"), verb, of_call(call, what), body)
        assert answer.status_code in {200, 201, 204}, f"{verb} {what}: {answer.content!r}"


def test_the_role_support_may_do_all_of_it_and_nobody_takes_back_a_note(user_with: Any, call: Call) -> None:
    api = api_for(user_with("Support"))
    for verb, what, body, _ in _ASKED:
        assert asked(api, verb, of_call(call, what), body).status_code in {200, 201, 204}, what
    (note,) = api.get(of_call(call, "notes")).json()["results"]
    problem(api.delete(of_call(call, "notes", note["id"])), 403)
    assert (CallNote.objects.get().written_by, FollowUp.objects.get().done_by) == ("token: tests", "token: tests")
    assert (Contact.objects.get().number, api.get(of_call(call, "contact")).json()["number"]) == (FROM, "+1312•••0101")
    told = set(AuditEvent.objects.filter(object_type__startswith="voice.").values_list("action", flat=True))
    assert {"call.note", "call.tag", "call.untag", "call.follow_up", "call.followed_up", "contact.add"} <= told


def test_a_note_is_written_listed_and_deleted(api: APIClient, account: TelnyxAccount, call: Call) -> None:
    other = make_call(account, "b")
    made = send(api, of_call(call, "notes"), {"text": " Called back.\r\nTwice. "})
    assert (made.status_code, made.json()["text"]) == (201, "Called back.\nTwice.")
    send(api, of_call(other, "notes"), {"text": "on the other leg"})
    assert [one["text"] for one in api.get(of_call(call, "notes")).json()["results"]] == ["Called back.\nTwice."]
    of_session = api.get(f"/api/v1/sessions/{call.call_session_id}/notes/?account=main").json()["results"]
    assert {one["call_control_id"] for one in of_session} == {call.call_control_id, other.call_control_id}
    problem(api.delete(of_call(other, "notes", made.json()["id"])), 404)
    assert api.delete(of_call(call, "notes", made.json()["id"])).status_code == 204
    problem(api.delete(of_call(call, "notes", made.json()["id"])), 404)
    problem(api.get(f"/api/v1/sessions/{uuid.uuid4()}/notes/"), 404)


def test_notes_are_paged(api: APIClient, call: Call) -> None:
    for number in range(5):
        send(api, of_call(call, "notes"), {"text": f"note {number}"})
    page = api.get(f"{of_call(call, 'notes')}&page_size=2").json()
    assert [one["text"] for one in page["results"]] == ["note 4", "note 3"]
    assert [one["text"] for one in api.get(page["next"]).json()["results"]] == ["note 2", "note 1"]


def test_a_note_sent_twice_under_one_key_is_one(api: APIClient, call: Call) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = (send(api, of_call(call, "notes"), {"text": "once"}, **key) for _ in range(2))
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert CallNote.objects.count() == 1


@pytest.mark.parametrize(
    ("verb", "what", "body", "field", "said"),
    [
        ("post", "notes", {"text": " \n"}, "text", "the note is empty"),
        ("post", "notes", {"text": "x" * 4001}, "text", "at most 4000 characters"),
        ("post", "notes", {}, "text", "required"),
        ("post", "notes", {"text": "a", "at": "now"}, "at", "Unknown member"),
        ("post", "tags", {"name": "a/b"}, "name", "A tag is a word"),
        ("post", "tags", {"name": "13125550199"}, "name", "no phone numbers in it"),
        ("put", "follow-up", {"assignee": "nobody-here"}, "assignee", "Nobody of that name"),
        ("put", "contact", {"name": "x" * 101}, "name", "at most 100 characters"),
        ("put", "contact", {"name": "Ada", "number": FROM}, "number", "Unknown member"),
    ],
)
def test_what_cannot_be_is_told_by_field_and_nothing_is_stored(
    api: APIClient, call: Call, verb: str, what: str, body: dict[str, str], field: str, said: str
) -> None:
    assert said in " ".join(problem(asked(api, verb, of_call(call, what), body), 400)["errors"][field])
    assert not any(model.objects.exists() for model in (CallNote, CallTag, FollowUp, Contact))


def test_a_tag_is_one_however_it_is_written(api: APIClient, call: Call) -> None:
    for name in ("Lost Order", "#lost-order"):
        assert send(api, of_call(call, "tags"), {"name": name}).json()["name"] == "lost-order"
    assert [one["name"] for one in api.get(of_call(call, "tags")).json()["results"]] == ["lost-order"]
    problem(api.delete(of_call(call, "tags", "other")), 404)
    assert api.delete(of_call(call, "tags", "lost-order")).status_code == 204
    assert not CallTag.objects.exists()


def test_follow_ups_are_listed_until_they_are_done(api: APIClient, user_with: Any, call: Call) -> None:
    for name in ("ada", "bob"):
        user_with("Support", username=name)
    problem(api.get(of_call(call, "follow-up")), 404)
    problem(send(api, of_call(call, "follow-up", "done")), 404)
    for name in ("bob", "ada"):  # whoever was asked before
        assert api.put(of_call(call, "follow-up"), {"assignee": name}, format="json").json()["assignee"] == name

    def listed(**asked: str) -> list[str]:
        return [one["call_control_id"] for one in api.get("/api/v1/follow-ups/", asked).json()["results"]]

    assert listed(open="true", assignee="ada") == [call.call_control_id]
    assert listed(open="false") == listed(assignee="grace") == []
    done = send(api, of_call(call, "follow-up", "done")).json()
    assert (done["done_by"], bool(done["done_at"])) == ("token: tests", True)
    assert (listed(open="true"), listed()) == ([], [call.call_control_id])
    assert send(api, of_call(call, "follow-up", "done")).json() == done
    again = api.put(of_call(call, "follow-up"), {"assignee": None}, format="json").json()
    assert (again["assignee"], again["done_at"]) == (None, None)


def test_numbers_are_masked_for_who_may_not_see_them(api: APIClient, user_with: Any, call: Call) -> None:
    send(api, of_call(call, "notes"), {"text": "Back on +1 312 555 0177, soon"})
    api.put(of_call(call, "contact"), {"name": "Ada +13125550188"}, format="json")
    masked = api_for(user_with("Support"))
    text = masked.get(of_call(call, "notes")).content.decode()
    assert ("0177" in text, "555 0177" in text) == (True, False)
    for url in (of_call(call, "contact"), "/api/v1/contacts/", "/api/v1/contacts/?name=Ada"):
        assert "312555" not in masked.get(url).content.decode(), url


def test_a_name_that_was_read_masked_takes_no_number_out_of_it(api: APIClient, user_with: Any, call: Call) -> None:
    url, whole = of_call(call, "contact"), {"name": "Ada +13125550188", "company": "Fitzroy Ltd"}
    assert api.put(url, whole, format="json").status_code == 200
    support = api_for(user_with("Support"))
    sent = {"name": support.get(url).json()["name"], "company": "Fitzroy Inc"}
    assert "hidden when it was read" in str(problem(support.put(url, sent, format="json"), 400)["errors"]["name"])
    assert Contact.objects.values("name", "company").get() == whole


def test_a_call_without_a_number_gives_nobody_a_name(api: APIClient, account: TelnyxAccount) -> None:
    call = make_call(account, from_number="anonymous")
    problem(api.get(of_call(call, "contact")), 404)
    said = problem(api.put(of_call(call, "contact"), {"name": "Ada"}, format="json"), 400)
    assert "Nobody told the number" in str(said["errors"])


def test_a_list_takes_as_many_statements_however_long_it_is(
    api: APIClient, account: TelnyxAccount, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        api.put(of_call(make_call(account, f"leg-{number}"), "follow-up"), {"assignee": "operator"}, format="json")
    with django_assert_max_num_queries(5):
        assert len(api.get("/api/v1/follow-ups/").json()["results"]) == 20
