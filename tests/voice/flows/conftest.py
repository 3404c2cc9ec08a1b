"""Handlers of Python users: a registry as at a start."""

import sys
from collections.abc import Iterator

import pytest

from tests.support.handlers import SAMPLE
from voice.flows import handlers


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[handlers.Registry]:
    """An empty one, as at a start."""
    made = handlers.Registry()
    monkeypatch.setattr(handlers, "_registry", made)
    yield made
    sys.modules.pop(SAMPLE, None)


@pytest.fixture
def loaded(registry: handlers.Registry) -> handlers.Registry:
    handlers.load([SAMPLE])
    assert handlers.problems() == []
    return registry
