"""Every address of the admin, of a row that there is."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.urls import get_resolver

from tests.badinput import rows
from voice.catalogue.texml_operations import COMMANDS

# of the parameters of an address by name; others are the id of a row of the model that the address is of
_PARTS = {
    "name": "sandbox",
    "action": "hangup",
    "form": "csv",
    "word": "pause",
    "control_id": "none",
    "telnyx_id": "none",
    **{"sid": rows.LEG, "conference_sid": rows.LEG, "who": rows.LEG},
}


def addresses(made: dict[Any, Any]) -> Iterator[str]:
    """Every page of the admin, of a row that there is."""
    models = {f"{model._meta.app_label}/{model._meta.model_name}": model for model in admin.site._registry}
    by_name = {f"{model._meta.model_name}_id": row.pk for model, row in made.items()}
    short = {"account_id": "telnyxaccount_id", "event_id": "callevent_id", "command_id": "callcommand_id"}
    known = _PARTS | by_name | {name: by_name[long] for name, long in short.items()}
    for pattern in _patterns(get_resolver().url_patterns, ""):
        model = models.get("/".join(pattern.split("/")[1:3]))
        if pattern.startswith("admin/") and not re.search(r"[\^(]|logout", pattern):
            own = made[model].pk if model in made else "1"
            names = re.findall(r"<(?:\w+:)?(\w+)>", pattern)
            parts = re.split(r"<(?:\w+:)?\w+>", pattern)
            for action in sorted(COMMANDS) if "texml/do/" in pattern else [known["action"]]:
                values = [str({**known, "action": action}.get(name, own)) for name in names]
                yield "/" + "".join(part + value for part, value in zip(parts, [*values, ""], strict=True))


def _patterns(found: Any, before: str) -> Iterator[str]:
    for one in found:
        if hasattr(one, "url_patterns"):
            yield from _patterns(one.url_patterns, before + str(one.pattern))
        else:
            yield before + str(one.pattern)
