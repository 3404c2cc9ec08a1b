"""Checks at start (``voice.E001``…) what the first caller must not discover. ``docs/settings.md`` lists the checks."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from portal.checks import OWN
from voice.flows import handlers


@register(OWN)
def check_handlers(**_: Any) -> list[CheckMessage]:
    """Report a module of ``EVENT_HANDLERS`` that cannot be imported, or a handler of it that would never run."""
    hint = "See docs/extending.md, and the module named."
    return [Error(f"EVENT_HANDLERS: {problem}.", hint=hint, id="voice.E001") for problem in handlers.problems()]
