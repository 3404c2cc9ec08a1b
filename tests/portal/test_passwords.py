"""However many passwords are looked at, few threads are held by it, and stored ones stay what they were."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from threading import BoundedSemaphore, Event

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

from portal import passwords
from portal.management.commands import start
from portal.passwords import MOST_AT_ONCE, GuessableValidator, TooManyPasswords
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.usefixtures("_as_in_earnest")
DJANGOS = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
PASSWORD = "a long enough password"


@pytest.fixture
def _as_in_earnest(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 10)
    with override_settings(PASSWORD_HASHERS=["portal.passwords.OneAtATimeHasher"]):
        yield


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Whoever hashes stands still until it is set."""
    let_go, hash_it = Event(), PBKDF2PasswordHasher.encode

    def encode(*args: object) -> str:
        assert let_go.wait(60)
        return hash_it(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", encode)
    yield let_go
    let_go.set()


def test_passwords_that_are_stored_stay_valid():
    stored = make_password(PASSWORD, hasher="default")
    with override_settings(PASSWORD_HASHERS=[DJANGOS]):
        assert check_password(PASSWORD, stored)
        stored = make_password(PASSWORD)
    assert check_password(PASSWORD, stored)
    assert not check_password("another one, as long", stored)


def test_of_many_at_once_a_few_wait_and_the_others_hear_so(held: Event):
    with ThreadPoolExecutor(16) as pool:
        tries = [pool.submit(make_password, PASSWORD) for _ in range(16)]
        refused = list(islice(as_completed(tries, timeout=60), 16 - MOST_AT_ONCE))
        assert all(isinstance(one.exception(), TooManyPasswords) for one in refused)
        assert sum(one.done() for one in tries) == 16 - MOST_AT_ONCE
        held.set()
    assert sum(one.exception() is None for one in tries) == MOST_AT_ONCE
    assert make_password(PASSWORD)


def test_the_web_process_has_threads_left():
    options = start._web_options()
    assert int(options[options.index("--threads") + 1]) > 2 * MOST_AT_ONCE


def test_while_passwords_are_looked_at_a_webhook_is_answered_and_a_page_says_to_come_again(
    client: Client, account, operator, monkeypatch: pytest.MonkeyPatch
):
    entrance = BoundedSemaphore(MOST_AT_ONCE)
    monkeypatch.setattr(passwords, "_entrance", entrance)
    for _ in range(MOST_AT_ONCE):
        entrance.acquire()
    answer = client.post("/admin/login/", {"username": "operator", "password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Try again in a few seconds" in answer.content.decode()
    assert post_webhook(client, account, b"{}").status_code == 200
    client.force_login(operator)
    client.raise_request_exception = False
    new = {"usable_password": "true", "password1": PASSWORD + "!", "password2": PASSWORD + "!"}
    answer = client.post(f"/admin/auth/user/{operator.pk}/password/", new)
    assert (answer.status_code, "try again" in answer.content.decode()) == (503, True)
    entrance.release()
    assert client.post(f"/admin/auth/user/{operator.pk}/password/", new).status_code == 302


@pytest.mark.parametrize("password", ["password1234", "Qwerty!!!2026", "dragondragon", "123456789012", "Ada.Ada.Ada.1"])
def test_what_is_common_but_for_digits_signs_and_repetition_is_refused(password):
    with pytest.raises(ValidationError):
        GuessableValidator().validate(password, User(username="ada"))


@pytest.mark.parametrize("password", ["correct horse battery", "x7Kq2!vPz9Lm", "ada and her mother", "abcabcabdabcabc"])
def test_what_nobody_guesses_is_taken(password):
    GuessableValidator().validate(password, User(username="ada"))
    GuessableValidator().validate(password)
