"""Idempotency of REST: the same key does it once."""

import hashlib
import json
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import Heartbeat, IdempotentReply
from portal.rest import idempotency
from portal.rest.problems import Problem
from tests.support.clocks import set_wrong
from tests.support.notes_api import FAILURES, NOTES, ODD, Notes, notes
from tests.support.rest import api_for, problem


def post_note(client: APIClient, key: str, name: str = "a"):
    return client.post(NOTES, {"name": name}, format="json", headers={"Idempotency-Key": key})


@notes
def test_the_same_request_again_replays_the_answer_and_does_nothing(api):
    first, again = post_note(api, "one"), post_note(api, "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["Location"] == first["Location"] == f"{NOTES}a/"
    assert again["ETag"] == first["ETag"] == '"of a"'
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Heartbeat.objects.count() == 1


@notes
@pytest.mark.parametrize("name", ["odd", "list", "none"])
def test_an_answer_of_any_kind_is_replayed_as_it_was_sent(api, name):
    first, again = post_note(api, "one", name), post_note(api, "one", name)
    assert (first.status_code, again.status_code) == (201, 201)
    assert json.loads(first.content or b"null") == json.loads(again.content or b"null")
    assert again["Idempotent-Replayed"] == "true"
    assert Heartbeat.objects.count() == 1


@notes
def test_a_text_that_no_database_takes_breaks_no_answer(api, monkeypatch):
    monkeypatch.setitem(ODD, "words", "a\0b")
    assert [post_note(api, "one", "odd").status_code for _ in range(2)] == [201, 201]
    assert Heartbeat.objects.count() == 1


@notes
def test_a_key_that_the_first_request_gives_back_just_now_is_claimed_once_more(api):
    post_note(api, "one")
    gone = []

    def meanwhile(execute, statement, *args):
        """Forget the row after the second request has met it, and before that looks at it."""
        if statement.startswith("SELECT") and "portal_idempotentreply" in statement and not gone:
            gone.append(statement)
            IdempotentReply.objects.all().delete()
        return execute(statement, *args)

    with connection.execute_wrapper(meanwhile):
        again = post_note(api, "one")
    assert (len(gone), again.status_code, Heartbeat.objects.count()) == (1, 201, 2)
    assert post_note(api, "one")["Idempotent-Replayed"] == "true"


@notes
def test_without_a_key_it_is_done_again(api):
    for _ in range(2):
        api.post(NOTES, {"name": "a"}, format="json")
    assert Heartbeat.objects.count() == 2


@notes
def test_the_same_members_in_another_order_are_the_same_request(api):
    asked = ['{"name": "a", "more": {"x": 1, "y": [2, 1]}}', '{"more":{"y":[2,1],"x":1},  "name":"a"}']
    headers = {"Idempotency-Key": "one"}
    first, again = (api.post(NOTES, body, content_type="application/json", headers=headers) for body in asked)
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    other = api.post(NOTES, asked[0].replace("[2, 1]", "[1, 2]"), content_type="application/json", headers=headers)
    problem(other, 422, "idempotency_key_reused")


@notes
def test_another_body_under_the_same_key_is_422(api):
    post_note(api, "one")
    problem(post_note(api, "one", "b"), 422, "idempotency_key_reused")
    assert Heartbeat.objects.count() == 1


@notes
def test_another_parameter_of_the_address_under_the_same_key_is_422(api):
    """It may name another account."""
    headers, body = {"Idempotency-Key": "one"}, {"name": "a"}
    assert api.post(f"{NOTES}?account=a", body, format="json", headers=headers).status_code == 201
    assert api.post(f"{NOTES}?account=a", body, format="json", headers=headers)["Idempotent-Replayed"] == "true"
    problem(api.post(f"{NOTES}?account=b", body, format="json", headers=headers), 422, "idempotency_key_reused")


@notes
def test_another_tokens_key_is_another_key(api, operator):
    other = api_for(operator)
    first = [post_note(client, "one").json() for client in (api, other)]
    assert [told["count"] for told in first] == [1, 2]
    assert [post_note(client, "one").json() for client in (api, other)] == first
    assert Heartbeat.objects.count() == 2


@notes
@pytest.mark.parametrize("is_secret", [False, True])
def test_a_short_secret_cannot_be_guessed_from_what_is_kept_of_its_request(api, monkeypatch, is_secret):
    monkeypatch.setattr(Notes, "has_secret_body", is_secret)
    first, again = post_note(api, "one"), post_note(api, "one")
    assert (first.status_code, again["Idempotent-Replayed"]) == (201, "true")
    guess = hashlib.sha256(f"{NOTES}\n".encode() + json.dumps({"name": "a"}).encode()).hexdigest()
    assert (IdempotentReply.objects.get().fingerprint == guess) is not is_secret
    problem(post_note(api, "one", "b"), 422, "idempotency_key_reused")


@notes
@pytest.mark.parametrize(("name", "status"), [("refused", 422), ("uncertain", 504)])
def test_an_answer_after_which_something_may_have_happened_is_kept(api, name, status):
    assert post_note(api, "one", name).status_code == status
    again = post_note(api, "one", name)
    assert again.status_code == status
    assert again["Content-Type"] == "application/problem+json"
    assert Heartbeat.objects.count() == 1


@notes
@pytest.mark.parametrize("name", ["unavailable", "field"])
def test_an_answer_that_invites_another_try_gives_the_key_back(api, name):
    api.raise_request_exception = False
    for _ in range(3):
        assert "Idempotent-Replayed" not in post_note(api, "one", name)
    assert Heartbeat.objects.count() == 3


@notes
def test_an_answer_before_anything_was_done_leaves_the_key_free_for_a_corrected_request(api):
    post_note(api, "one", "field")
    assert not IdempotentReply.objects.exists()
    assert post_note(api, "one", "a").status_code == 201


@notes
def test_a_body_of_another_type_leaves_the_key_free_for_json(api):
    answer = api.post(NOTES, "name: a", content_type="application/yaml", headers={"Idempotency-Key": "one"})
    problem(answer, 415, "unsupported_media_type")
    assert post_note(api, "one").status_code == 201


@notes
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 429])
def test_a_refusal_of_the_request_itself_leaves_the_key_free_for_another(api, monkeypatch, status):
    monkeypatch.setitem(FAILURES, "refused before", Problem(status, "not so", "not_so"))
    assert post_note(api, "one", "refused before").status_code == status
    assert post_note(api, "one").status_code == 201


@notes
@pytest.mark.parametrize(("name", "status"), [("bug", 500), ("lost", 503)])
def test_where_nobody_knows_what_was_done_it_is_not_done_again_and_told_so(api, name, status):
    api.raise_request_exception = False
    assert post_note(api, "one", name).status_code == status
    for _ in range(2):
        told = problem(post_note(api, "one", name), 409, "idempotency_outcome_unknown")
        assert "Look whether it was" in told["detail"]
    assert Heartbeat.objects.count() == 1


@notes
@pytest.mark.parametrize("name", ["bug", "lost"])
def test_what_is_found_again_is_asked_for_again(api, monkeypatch, name):
    api.raise_request_exception = False
    really = Notes.create

    def create(view, request):
        assert view.intent
        return really(view, request)

    monkeypatch.setattr(Notes, "create", create)
    assert [post_note(api, "one", name).status_code >= 500 for _ in range(2)] == [True, True]
    assert Heartbeat.objects.count() == 2


@notes
@pytest.mark.parametrize("name", ["unavailable", "bug"])
def test_after_an_answer_that_leaves_it_open_the_key_stands_for_that_request_only(api, name):
    api.raise_request_exception = False
    post_note(api, "one", name)
    problem(post_note(api, "one"), 422, "idempotency_key_reused")
    assert Heartbeat.objects.count() == 1
    assert IdempotentReply.objects.get().status in (409, 503)


@notes
def test_a_refusal_of_what_was_left_open_before_leaves_the_key_free_for_nothing_else(api, monkeypatch):
    assert post_note(api, "one", "unavailable").status_code == 503
    monkeypatch.setitem(FAILURES, "unavailable", Problem(400, "not so", "not_so"))
    for _ in range(2):
        assert post_note(api, "one", "unavailable").status_code == 400
    problem(post_note(api, "one"), 422, "idempotency_key_reused")


@notes
def test_only_one_of_two_repeats_is_carried_out(api, monkeypatch):
    post_note(api, "one", "unavailable")
    really = idempotency._claim_again

    def another_was_faster(reply):
        IdempotentReply.objects.update(status=None)
        really(reply)

    monkeypatch.setattr(idempotency, "_claim_again", another_was_faster)
    problem(post_note(api, "one", "unavailable"), 409, "idempotency_key_in_use")
    assert Heartbeat.objects.count() == 1


@notes
@pytest.mark.parametrize("key", ["", "x" * 256, "ü\x07"])
def test_a_key_that_is_none_is_400(api, key):
    told = problem(post_note(api, key), 400, "invalid_idempotency_key")
    assert told["errors"] == {"Idempotency-Key": [told["detail"]]}


@notes
def test_a_key_may_have_255_characters(api):
    assert [post_note(api, "x" * 255).status_code for _ in range(2)] == [201, 201]
    assert Heartbeat.objects.count() == 1


@notes
def test_a_key_is_not_taken_by_someone_who_may_not_post(user_with, operator):
    problem(post_note(api_for(user_with()), "one"), 403)
    assert not IdempotentReply.objects.exists()
    assert post_note(api_for(user_with("voice.dial", username="dialler")), "one").status_code == 201
    assert IdempotentReply.objects.get().key == "one"


@notes
@pytest.mark.django_db(transaction=True)
def test_a_second_request_while_the_first_runs_is_409():
    client = api_for(User.objects.create_superuser("operator", password="a long enough password"))
    Notes.entered.clear()
    Notes.leave.clear()
    answers = []

    def first() -> None:
        answers.append(post_note(client, "one", "slow"))
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert Notes.entered.wait(60)
        problem(post_note(client, "one", "slow"), 409, "idempotency_key_in_use")
    finally:
        Notes.leave.set()
        thread.join(60)
    assert answers[0].status_code == 201
    assert post_note(client, "one", "slow")["Idempotent-Replayed"] == "true"
    assert Heartbeat.objects.count() == 1


@notes
def test_a_first_request_of_a_host_whose_clock_is_slow_is_not_taken_for_cut_off(api, monkeypatch):
    with monkeypatch.context() as slow:
        set_wrong(slow, -180)
        post_note(api, "one")
    IdempotentReply.objects.update(status=None)  # it runs still
    problem(post_note(api, "one"), 409, "idempotency_key_in_use")


@notes
def test_a_first_request_that_was_cut_off_is_told_as_unknown_and_not_done_again(api):
    post_note(api, "one")
    IdempotentReply.objects.update(status=None, created_at=timezone.now() - timedelta(minutes=3))
    told = problem(post_note(api, "one"), 409, "idempotency_outcome_unknown")
    assert "with another key" in told["detail"]
    assert Heartbeat.objects.count() == 1


@notes
@pytest.mark.parametrize(("seconds", "code"), [(110, "idempotency_key_in_use"), (125, "idempotency_outcome_unknown")])
def test_a_first_request_runs_for_two_minutes_at_most(api, seconds, code):
    post_note(api, "one")
    IdempotentReply.objects.update(status=None, created_at=timezone.now() - timedelta(seconds=seconds))
    problem(post_note(api, "one"), 409, code)


@notes
def test_what_is_done_under_one_key_is_nothing_to_another_key_of_the_same_token(api):
    first = [post_note(api, key, name) for key, name in (("1", "a"), ("2", "b"), ("3", "refused"))]
    again = [post_note(api, key, name) for key, name in (("1", "a"), ("2", "b"), ("3", "refused"))]
    assert [answer.status_code for answer in first] == [answer.status_code for answer in again] == [201, 201, 422]
    assert [answer.json()["name"] for answer in again[:2]] == ["a", "b"]
    assert [again[at]["Location"] for at in range(2)] == [f"{NOTES}a/", f"{NOTES}b/"]
    assert ("Location" in again[2], "ETag" in again[2]) == (False, False)
    assert Heartbeat.objects.count() == 3


@notes
def test_another_key_makes_no_request_younger_that_was_cut_off(api):
    post_note(api, "one")
    IdempotentReply.objects.update(status=None, created_at=timezone.now() - timedelta(minutes=3))
    assert post_note(api, "two").status_code == 201
    problem(post_note(api, "one"), 409, "idempotency_outcome_unknown")


@notes
def test_who_asks_again_takes_no_other_key_and_has_as_long_as_the_first(api):
    for key in ("one", "two"):
        assert post_note(api, key, "unavailable").status_code == 503
    IdempotentReply.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert post_note(api, "one", "unavailable").status_code == 503
    young = IdempotentReply.objects.filter(created_at__gt=timezone.now() - timedelta(minutes=1))
    assert [reply.key for reply in young] == ["one"]
    assert post_note(api, "two", "unavailable").status_code == 503
    assert Heartbeat.objects.count() == 4


@notes
@pytest.mark.parametrize("status", [500, 502, 503])
def test_after_any_answer_that_says_try_again_nobody_knows_what_was_done(api, monkeypatch, status):
    monkeypatch.setitem(FAILURES, "away", Problem(status, "not now", "not_now"))
    assert post_note(api, "one", "away").status_code == status
    for _ in range(2):
        problem(post_note(api, "one", "away"), 409, "idempotency_outcome_unknown")
    assert Heartbeat.objects.count() == 1


@notes
def test_a_read_takes_no_key_and_one_of_one_character_is_a_key(api):
    assert api.get(NOTES, headers={"Idempotency-Key": "x"}).status_code == 200
    assert not IdempotentReply.objects.exists()
    assert post_note(api, "x").status_code == 201
    assert IdempotentReply.objects.get().key == "x"


@notes
@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000], ids=["broken", "no text", "too deep"])
def test_a_body_that_cannot_be_read_leaves_the_key_free(api, body):
    answer = api.post(NOTES, body, content_type="application/json", headers={"Idempotency-Key": "one"})
    problem(answer, 400)
    assert post_note(api, "one").status_code == 201
