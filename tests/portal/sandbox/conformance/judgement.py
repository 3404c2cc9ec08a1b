"""Judges answers and webhooks by the SDK's models, and compares what was found with what is known."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydantic

# the public document has them in every list; the SDK's pages have no more than they need to turn
_OF_PAGES = {".meta.page_size", ".meta.total_results"}
_LIST = Path(__file__).with_name("deviations.toml")


def known(section: str) -> dict[str, str]:
    """The deviations that are known: what deviates, and why it stays."""
    found: Any = tomllib.loads(_LIST.read_text())
    for part in section.split("."):
        found = found.get(part, {})
    return dict(found)


def compare(section: str, found: set[str]) -> None:
    """Fail for a deviation that nobody knows, and for a known one that is none any more."""
    listed = known(section)
    new = sorted(found - set(listed))
    gone = sorted(set(listed) - found)
    assert not new, f"{len(new)} new deviations of [{section}]:\n" + "\n".join(new)
    assert not gone, f"These are none any more, take them out of {_LIST.name} [{section}]:\n" + "\n".join(gone)
    assert all(len(reason) > 20 for reason in listed.values()), "A deviation needs a reason."


def strangers(value: Any, where: str = "") -> Iterator[str]:
    """The members of an answer that the SDK's model does not have, at any depth."""
    if isinstance(value, pydantic.BaseModel):
        for name in value.model_extra or {}:
            if f"{where}.{name}" not in _OF_PAGES:
                yield f"{where}.{name}".lstrip(".")
        for name in type(value).model_fields:
            yield from strangers(getattr(value, name), f"{where}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from strangers(inner, f"{where}[]")


def untold(model: Any, value: Any, where: str = "") -> Iterator[str]:
    """The members that the SDK's model has and the JSON of an event has not."""
    for name, field in model.model_fields.items():
        wire = field.alias or name
        inner = _model(field.annotation)
        if wire not in value:
            yield f"{where}.{wire}".lstrip(".")
        elif inner and isinstance(value[wire], dict):
            yield from untold(inner, value[wire], f"{where}.{wire}")


def _model(hint: Any) -> Any:
    every = (hint, *getattr(hint, "__args__", ()))
    return next((one for one in every if isinstance(one, type) and issubclass(one, pydantic.BaseModel)), None)
