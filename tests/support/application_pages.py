"""The admin's pages of an application: their addresses, and a form as a browser would send it back."""

from typing import Any

from django.test import Client
from django.urls import reverse

from applications.kinds import Kind, kind_of
from tests.support.applications import CALL_CONTROL


def page_url(name: str, *args: Any, kind: Kind = CALL_CONTROL) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def row_url(name: str, row: Any) -> str:
    return page_url(name, row.pk, kind=kind_of(row))


def drawn(browser: Client, url: str) -> dict[str, Any]:
    """What a browser would send back for the form at ``url``."""
    form = browser.get(url).context["adminform"].form
    return {name: form[name].value() for name in form.fields if form[name].value() is not None}


def errors_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    errors: dict[str, Any] = answer.context["adminform"].form.errors
    return errors


def listed(browser: Client, kind: Kind = CALL_CONTROL, **query: str) -> set[str]:
    """Names of what the list shows."""
    return {row.name for row in browser.get(page_url("changelist", kind=kind), query).context["cl"].result_list}
