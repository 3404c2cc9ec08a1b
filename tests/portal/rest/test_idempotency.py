"""Idempotency of REST: the same key does it once."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import Heartbeat, IdempotentReply
from portal.rest import idempotency
from tests.support.notes_api import NOTES, Notes, notes
from tests.support.rest import api_for, problem


def post_note(client: APIClient, key: str, name: str = "a"):
    return client.post(NOTES, {"name": name}, format="json", headers={"Idempotency-Key": key})


@notes
def test_the_same_request_again_replays_the_answer_and_does_nothing(api):
    first, again = post_note(api, "one"), post_note(api, "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["Location"] == first["Location"] == f"{NOTES}a/"
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Heartbeat.objects.count() == 1


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
def test_another_tokens_key_is_another_key(api, operator):
    other = api_for(operator)
    first = [post_note(client, "one").json() for client in (api, other)]
    assert [told["count"] for told in first] == [1, 2]
    assert [post_note(client, "one").json() for client in (api, other)] == first
    assert Heartbeat.objects.count() == 2


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
    problem(post_note(api, key), 400, "invalid_idempotency_key")


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
def test_a_first_request_that_was_cut_off_is_told_as_unknown_and_not_done_again(api):
    post_note(api, "one")
    IdempotentReply.objects.update(status=None, created_at=timezone.now() - timedelta(minutes=3))
    told = problem(post_note(api, "one"), 409, "idempotency_outcome_unknown")
    assert "with another key" in told["detail"]
    assert Heartbeat.objects.count() == 1
