"""Tells what came of asking Telnyx, in words for a form and its banner."""

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS

from applications.editing.service import Conflict
from applications.models import Pull
from applications.wording import display_value, label
from portal.telnyx.errors import TelnyxError, TelnyxRefused


def by_field(error: TelnyxError, known: Collection[str]) -> dict[str, list[str]]:
    fields = error.fields if isinstance(error, TelnyxRefused) else {}
    errors = {name: texts for name, texts in fields.items() if name in known}
    others = [f"{name}: {' '.join(texts)}" for name, texts in fields.items() if name not in known]
    if others or not errors:
        errors[NON_FIELD_ERRORS] = others or [str(error)]
    return errors


def conflict_sentences(conflict: Conflict) -> list[str]:
    """Return a sentence for each field that both sides changed."""
    return [
        f"{label(name)}: it was {_said(both.base)}, Telnyx now has {_said(both.theirs)}, you want {_said(both.mine)}."
        for name, both in conflict.fields.items()
    ]


def _said(value: Any) -> str:
    return f"“{text}”" if (text := display_value(value)) else "empty"


def pull_message(record: Pull) -> tuple[int, str]:
    """Say what came of a pull that is over."""
    counts = ", ".join(f"{number} {name}" for name, number in record.counts.items())
    problems = " ".join(str(error["message"]) for error in record.errors)
    if record.state == Pull.State.DONE:
        return messages.SUCCESS, f"{record.account}: {counts}. {problems}".strip()
    return messages.ERROR, f"{record.account}: {problems}"
