"""The two kinds are equal: every page, every REST verb, every parameter and every field, read from the SDK."""

import re
from typing import Any

import pytest
import telnyx.types
from django.test import Client
from django.urls import reverse
from pydantic import BaseModel
from rest_framework.test import APIClient

from applications.kinds import KINDS, NESTED, Kind, flatten, unflatten
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.schemas import parameters
from portal.telnyx.sdk_types import Parameter
from tests.support.applications import remote_of

RESPONSES: dict[str, type[BaseModel]] = {
    "call_control_applications": telnyx.types.CallControlApplication,
    "texml_applications": telnyx.types.TexmlApplication,
}
BOTH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
_FIELD = re.compile(r'name="([a-z_.0-9]+)"')


def _url(kind: Kind, name: str, *args: Any) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def _value(parameter: Parameter, last: bool) -> Any:
    """A value that is not the default; ``last`` takes the other end of an enum."""
    if parameter.choices:
        return parameter.choices[-1 if last else 0]
    samples = {"boolean": last, "integer": 7 if last else 6, "array": ["x", str(last)], "number": 1.5}
    if parameter.kind in samples:
        return samples[parameter.kind]
    if parameter.name.endswith("_url") or parameter.name == "status_callback":
        return f"https://a.example/{parameter.name}/{last}"
    return f"{len(parameter.name)}{int(last)}"


def _values(kind: Kind, last: bool) -> dict[str, Any]:
    """One for every parameter of create and update, by dotted name, as the SDK tells them."""
    return {name: _value(parameter, last) for name, parameter in kind.settable_flat().items()}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {
        name: "\n".join(value)
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for name, value in values.items()
    }


def _told(kind: Kind, remote: dict[str, Any]) -> dict[str, Any]:
    there = flatten(remote)
    return {name: there.get(name) for name in kind.settable_flat()}


@BOTH
def test_what_can_be_set_is_all_that_the_sdk_takes(kind: Kind) -> None:
    taken = {parameter.name for verb in ("create", "update") for parameter in parameters(kind.method(verb))}
    assert {name.partition(".")[0] for name in kind.settable_flat()} == taken
    assert set(unflatten(_values(kind, True))) == taken


def test_the_enums_of_the_kinds_differ_and_each_is_its_own() -> None:
    one, other = (set(kind.settable_flat()["anchorsite_override"].choices) for kind in KINDS)
    assert one != other


@BOTH
@pytest.mark.parametrize("last", [True, False])
def test_every_parameter_is_set_in_the_browser_at_create_and_at_update(
    browser: Client, sandbox_account: TelnyxAccount, kind: Kind, last: bool
) -> None:
    values = _values(kind, last)
    answer = browser.post(_url(kind, "add"), _texts(values) | {"account": str(sandbox_account.pk)})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = kind.model._default_manager.get()
    assert _told(kind, remote_of(row, kind)) == values
    others = _values(kind, not last)
    base = {"base_digest": row.remote_digest}
    assert browser.post(_url(kind, "change", row.pk), _texts(others) | base).status_code == 302
    assert _told(kind, remote_of(row, kind)) == others


@pytest.mark.usefixtures("only_account")
@BOTH
@pytest.mark.parametrize("last", [True, False])
def test_every_parameter_is_set_over_rest_at_create_and_at_update(
    api: APIClient, sandbox_account: TelnyxAccount, kind: Kind, last: bool
) -> None:
    values = _values(kind, last)
    made = api.post(f"/api/v1/{kind.slug}/", unflatten(values), format="json")
    assert made.status_code == 201, made.json()
    assert _told(kind, made.json()) == values
    others = _values(kind, not last)
    changed = api.patch(f"/api/v1/{kind.slug}/{made.json()['id']}/", unflatten(others), format="json")
    assert changed.status_code == 200, changed.json()
    assert _told(kind, changed.json()) == others


@pytest.mark.usefixtures("only_account")
@BOTH
def test_every_field_of_a_response_is_visible_at_both_doors(
    browser: Client, api: APIClient, mirrored: Any, kind: Kind
) -> None:
    row = mirrored(kind, inbound={"channel_limit": 3})
    fields = set(RESPONSES[kind.resource].model_fields)
    assert fields <= set(api.get(f"/api/v1/{kind.slug}/{row.telnyx_id}/").json())
    assert fields <= set(api.get(f"/api/v1/{kind.slug}/").json()["results"][0])
    page = browser.get(_url(kind, "change", row.pk)).content.decode()
    shown = {name.partition(".")[0] for name in _FIELD.findall(page)} | set(re.findall(r"&quot;(\w+)&quot;:", page))
    assert fields <= shown
    drawn = set(_FIELD.findall(page))
    assert set(kind.settable_flat()) <= drawn


@pytest.mark.usefixtures("only_account")
@BOTH
def test_every_page_and_verb_is_there(
    browser: Client, api: APIClient, mirrored: Any, sandbox: Sandbox, kind: Kind
) -> None:
    row = mirrored(kind, name="here")
    for name, args in (
        ("changelist", ()),
        ("add", ()),
        ("change", (row.pk,)),
        ("history", (row.pk,)),
        ("delete", (row.pk,)),
    ):
        assert browser.get(_url(kind, name, *args)).status_code == 200, name
    chosen = {"action": "bulk_edit", "_selected_action": [str(row.pk)]}
    assert browser.get(browser.post(_url(kind, "changelist"), chosen)["Location"]).status_code == 200
    address = f"/api/v1/{kind.slug}/"
    assert api.get(address).json()["results"][0]["id"] == row.telnyx_id
    assert api.get(f"{address}{row.telnyx_id}/")["ETag"]
    assert api.patch(f"{address}{row.telnyx_id}/", {"active": False}, format="json").status_code == 200
    assert api.delete(f"{address}{row.telnyx_id}/").status_code == 204
    assert api.get(f"{address}{row.telnyx_id}/").status_code == 404
    assert set(NESTED) <= set(api.get(f"{address}{row.telnyx_id}/", {"missing": "true"}).json())
