"""For each rule of TeXML documents that break it, and documents that look alike and do not.

What breaks a rule is written with ``§`` before the place where it is found.
"""

from itertools import accumulate
from typing import NamedTuple

import pytest

from portal.texml.judging.linter import lint


class Cases(NamedTuple):
    """Documents, by what they are."""

    broken: list[str]
    kept: list[str]


SAY = "<Say>Hello</Say>"
TO = "https://app.example.com"


def verbs(*inside: str) -> str:
    return f"<Response>{''.join(inside)}</Response>"


def in_request(body: str) -> str:
    return verbs(
        f'<HttpRequest async="true"><Request url="{TO}" method="POST"><Body>{body}</Body></Request></HttpRequest>'
    )


def parameters(cases: dict[str, Cases], kind: str) -> list[object]:
    """The documents of one kind with their rules, as parameters of a test."""
    return [
        pytest.param(rule, source, id=f"{rule}-{at}")
        for rule, both in cases.items()
        for at, source in enumerate(getattr(both, kind))
    ]


def places(rule: str, source: str) -> list[tuple[int, int]]:
    """Where the linter finds a rule broken."""
    return [(one.line, one.column) for one in lint(source) if one.rule == rule]


def marked(source: str) -> tuple[str, list[tuple[int, int]]]:
    """A document without its marks, and where these stood."""
    before = accumulate(source.split("§")[:-1])
    return source.replace("§", ""), [(one.count("\n") + 1, len(one) - one.rfind("\n")) for one in before]
