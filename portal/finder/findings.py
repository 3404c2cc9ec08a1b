"""Asks every source for what is meant by a text, and bounds what they answer."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import islice
from typing import Any, Protocol

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from portal.actors import Actor

MOST = 6  # of one kind
LONGEST = 600  # a call control id has up to 512 characters


@dataclass(frozen=True)
class Query:
    """Holds what was typed, and by whom. ``is_typed``: they are still at it, so nothing is noted or counted."""

    text: str
    user: Any
    actor: Actor
    path: str = ""
    is_typed: bool = False

    @cached_property
    def words(self) -> list[str]:
        return self.text.lower().split()

    @cached_property
    def uuid(self) -> uuid.UUID | None:
        """Return the text as a UUID, the form of most ids; None for anything else."""
        try:
            return uuid.UUID(self.text) if len(self.text) in {32, 36} else None
        except ValueError:
            return None

    def names(self, title: str) -> bool:
        """Tell whether every word that was typed begins one of ``title``'s."""
        theirs = title.lower().replace("(", " ").replace("-", " ").split()
        return bool(self.words) and all(any(one.startswith(word) for one in theirs) for word in self.words)


@dataclass(frozen=True)
class Finding:
    """Leads to one thing. ``title`` and ``detail`` are as the person may see them; ``is_it``: its very id was typed."""

    title: str
    url: str
    detail: str = ""
    is_it: bool = False


@dataclass(frozen=True)
class Group:
    """Holds what was found of one kind; ``more``: the list that has the rest, where there is one."""

    title: str
    icon: str
    findings: Sequence[Finding] = ()
    more: str = ""
    said: str = ""


class Source(Protocol):
    """Finds things of its room. It asks by indexes, shows only what the person may see, and yields no empty group."""

    def __call__(self, query: Query) -> Iterable[Group]: ...


def find(query: Query) -> list[Group]:
    """Return what all sources find."""
    return [group for source in _sources() for group in source(query) if group.findings or group.said]


def first(rows: QuerySet[Any]) -> tuple[list[Any], bool]:
    """Read as many rows as a group shows, and whether there are more."""
    read = list(rows[: MOST + 1])
    return read[:MOST], len(read) > MOST


def the_one(groups: Iterable[Group]) -> Finding | None:
    """Return the only thing whose id was typed, if it is one."""
    found = {finding.url: finding for group in groups for finding in group.findings if finding.is_it}
    return next(iter(found.values())) if len(found) == 1 else None


def bounded(findings: Iterator[Finding]) -> tuple[list[Finding], bool]:
    """Take as many as a group shows, and say whether there are more."""
    taken = list(islice(findings, MOST + 1))
    return taken[:MOST], len(taken) > MOST


@cache
def _sources() -> list[Source]:
    return [import_string(name) for name in settings.SEARCH_SOURCES]
