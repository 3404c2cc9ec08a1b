"""Addresses of the call log in the browser."""

from typing import Any

from django.test import Client

from tests.support.rows import Call

LOG = "/admin/voice/call/"


def page(call: Call, *more: str) -> str:
    return f"/admin/voice/call/{call.pk}/" + ("/".join(more) + "/" if more else "change/")


def drawn(client: Client, url: str) -> dict[str, Any]:
    form = client.get(url).context["form"]
    return {name: form[name].value() for name in form.fields if form[name].value() is not None}
