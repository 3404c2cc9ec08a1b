"""Hashes passwords one at a time, since that takes a core for half a second on purpose; refuses those others guess."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

KNOWN_NAMES = ("admin", "administrator", "root")  # of people: what is tried first
MOST_AT_ONCE = 3  # in a process: one that is hashed, two that wait; each has a thread of the web's eight

_entrance = BoundedSemaphore(MOST_AT_ONCE)
_turn = BoundedSemaphore(1)


class TooManyPasswords(Exception):
    """So many passwords are being looked at already that this one would keep a thread for too long."""


class OneAtATimeHasher(PBKDF2PasswordHasher):
    """Hashes as Django does by default, into the same text, but never holds more than a few threads."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        with _a_turn():
            return super().encode(password, salt, iterations)


@contextmanager
def _a_turn() -> Iterator[None]:
    if not _entrance.acquire(blocking=False):
        raise TooManyPasswords
    try:
        with _turn:
            yield
    finally:
        _entrance.release()


class GuessableValidator:
    """Refuses what is a common password or the person's name but for digits and signs, or repeats one.

    Of Django's 20,000 common passwords hardly any has 12 characters; people lengthen a short one instead.
    """

    def __init__(self) -> None:
        self._common = CommonPasswordValidator().passwords

    def validate(self, password: str, user: Any = None) -> None:
        letters = "".join(letter for letter in password.lower() if letter.isalpha())
        unit = _unit(letters)
        if not letters or unit in self._common or (user and unit == str(user.get_username()).lower()):
            raise ValidationError("This password is easily guessed: take several words, or random characters.")

    def get_help_text(self) -> str:
        return "Your password can’t be a common one, or your name, made longer by digits, signs or repetition."


def _unit(text: str) -> str:
    """Return what ``text`` repeats: ``abcabc`` is ``abc`` twice. Itself, if it does not repeat anything."""
    return text[: (text + text).find(text, 1)] if text else ""
