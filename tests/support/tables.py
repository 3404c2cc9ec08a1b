"""The whole database as plain values, to be compared."""

from typing import Any

from django.apps import apps

from voice.models import Replay, ReplayLine


def every_table() -> dict[str, list[dict[str, Any]]]:
    """Of the whole database: a dry run writes its own rows and no others."""
    models = [one for one in apps.get_models() if one not in {Replay, ReplayLine} and not one._meta.proxy]
    return {one._meta.label: list(one._default_manager.order_by("pk").values()) for one in models}
