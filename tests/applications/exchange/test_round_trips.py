"""Whatever Telnyx can hold comes back as it was: as YAML with and without ids, as CSV, as JSON."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from applications.exchange import plans, sheets, yaml_documents
from applications.kinds import KINDS, Kind, flatten, unflatten
from portal.models import TelnyxAccount
from portal.sandbox.resources.applications import KINDS as AT_TELNYX
from portal.sandbox.server.server import Sandbox
from portal.telnyx.sdk_types import Parameter
from tests.support.application_documents import HOOK, by_name, counts, plan_of, run
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.sandbox_ledger import requests

pytestmark = pytest.mark.usefixtures("only_account")

NASTY = [
    "a|b",
    " a",
    "b ",
    "",
    "|",
    "[",
    '["a"]',
    "=1+1",
    "'=1",
    "a;=1",
    "yes",
    "null",
    "~",
    "2026-01-02",
    "1e3",
    "0x1",
]
NASTY += [
    "grüße",
    "two\nlines",
    "\r\n",
    "\t",
    'quo"ted',
    "'",
    "#",
    ": ",
    "- ",
    "<<",
    "=",
    "\x85",
    "\u2028",
    "\ufeff",
    "🙂",
]
TEXTS = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAMES = st.sampled_from(["twin", "twin #1", "twin #2"]) | TEXTS.filter(lambda text: bool(text.strip()))
URLS = st.sampled_from(["https://a.example/x", "http://b.example/?a=1|2"])


def _values(parameter: Parameter, kind: Kind) -> st.SearchStrategy[Any]:
    if parameter.name == kind.model.name_field:
        return NAMES
    if parameter.name == kind.model.url_field:
        return URLS
    if parameter.name.endswith("_url") or parameter.name == "status_callback":
        return st.none() | st.just("") | URLS
    if parameter.kind == "boolean":
        return st.none() | st.booleans()
    if parameter.kind == "integer":
        return st.none() | st.integers(0, 10**9)
    if parameter.kind == "array":
        return st.lists(TEXTS, max_size=4)
    newer = st.sampled_from(["newer than the SDK", *(parameter.choices or ())])
    return st.none() | (newer if parameter.choices else TEXTS)


def _of(kind: Kind) -> st.SearchStrategy[Any]:
    """Answers of Telnyx, nested, without what only Telnyx sets."""
    flat = st.fixed_dictionaries({name: _values(parameter, kind) for name, parameter in kind.settable_flat().items()})
    return st.lists(flat.map(unflatten), max_size=4)


def _held(sandbox: Sandbox, kind: Kind, wanted: list[Any]) -> list[Any]:
    """Have Telnyx hold these."""
    told = {"record_type": AT_TELNYX[kind.resource].record_type}
    told |= dict.fromkeys(("created_at", "updated_at"), "2026-01-02T03:04:05.000Z")
    remotes = [{**told, "id": str(10**18 + at), **values} for at, values in enumerate(wanted)]
    for remote in remotes:
        sandbox.store.save_application(kind.resource, remote)
    return remotes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_telnyx_holds_comes_back_as_it_was(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, tmp_path: Path, kind: Kind, data: st.DataObject
) -> None:
    sandbox.reset()
    remotes = _held(sandbox, kind, data.draw(_of(kind)))
    with_ids, without = tmp_path / "apps.yaml", run("export", "--no-ids")
    with_ids.write_text(run("export"), "utf-8", newline="")
    assert counts(plan_of(with_ids, "--prune")) == (0, 0, 0, len(remotes))
    rows = [kind.model(account=sandbox_account, telnyx_id=remote["id"], remote=remote) for remote in remotes]
    for form in sheets.FORMATS.values():
        entries = sheets.read(kind, sandbox_account, "".join(form(kind, rows, dict)).encode())
        plan = plans.make(sandbox_account, entries, [kind])
        assert (plan.steps, plan.problems, plan.unchanged) == ([], [], len(remotes))
    entries, kinds = yaml_documents.load(without)
    same = plans.make(sandbox_account, entries, kinds, prune=True)
    assert (same.steps, same.problems, same.unchanged) == ([], [], len(remotes))
    sandbox.reset()
    made = plans.make(sandbox_account, entries, kinds)
    assert made.problems == []
    assert sorted(_sent(step.values) for step in made.steps) == sorted(
        _sent(flatten(values)) for values in _told(remotes)
    )


def _told(remotes: list[Any]) -> list[Any]:
    ours = {"id", "record_type", "created_at", "updated_at"}
    return [{name: value for name, value in remote.items() if name not in ours} for remote in remotes]


def _sent(values: dict[str, Any]) -> str:
    """What is to be sent of an answer: nothing empty, since Telnyx's document takes no empty text for an address."""
    return repr(sorted((name, value) for name, value in values.items() if value not in (None, "", [])))


def test_twins_are_made_elsewhere_and_found_again(sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path) -> None:
    for secs in (5, 6):
        at_telnyx(sandbox_account, name="twin", webhook_timeout_secs=secs)
    file.write_text(run("export", "--no-ids"))
    sandbox.reset()
    assert "2 of 2 done" in run("apply", str(file), "--yes")
    assert len(requests(sandbox, "POST")) == 2
    assert counts(plan_of(file, "--prune")) == (0, 0, 0, 2)
    file.write_text(file.read_text().replace("webhook_timeout_secs: 6", "webhook_timeout_secs: 7"))
    with pytest.raises(CommandError, match="say by their ids which is which"):
        run("plan", str(file))


def test_a_value_newer_than_the_sdk_is_telnyxs_to_judge(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path
) -> None:
    at_telnyx(sandbox_account, name="router")
    remote = by_name(sandbox_account)["router"]
    sandbox.store.save_application(CALL_CONTROL.resource, {**remote, "dtmf_type": "Telepathy"})
    file.write_text(run("export", "--no-ids"))
    sandbox.reset()
    assert '"after": "Telepathy"' in json.dumps(plan_of(file))
    err = StringIO()
    with pytest.raises(CommandError, match="Not everything"):
        call_command("applications", "apply", str(file), "--yes", stdout=StringIO(), stderr=err)
    assert [line["status"] for line in requests(sandbox, "POST")] == [422]  # this Telnyx does not know it
    assert "dtmf_type: " in err.getvalue()


def test_no_empty_address_is_ever_sent(sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="router")
    text = run("export", "--no-ids")
    assert "webhook_event_failover_url: ''" in text
    file.write_text(text)
    sandbox.reset()
    (step,) = plan_of(file)["steps"]
    assert "webhook_event_failover_url" not in step["changes"]
    run("apply", str(file), "--yes")
    at = by_name(sandbox_account)["router"]
    sandbox.store.save_application(CALL_CONTROL.resource, {**at, "webhook_event_failover_url": HOOK})
    run("apply", str(file), "--yes")
    assert by_name(sandbox_account)["router"]["webhook_event_failover_url"] is None
