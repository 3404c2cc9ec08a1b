"""A document of applications is written the same each time and read back whole."""

from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_documents import by_name, counts, plan_of, run
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx
from tests.support.sandbox_ledger import requests

pytestmark = pytest.mark.usefixtures("only_account")


def test_the_round_trip_of_every_field_is_empty(sandbox_account: TelnyxAccount, file: Path) -> None:
    at_telnyx(sandbox_account, name="no: 1", inbound={"channel_limit": 3}, outbound={"outbound_voice_profile_id": "77"})
    at_telnyx(sandbox_account, name="2026-01-02", webhook_timeout_secs=5)
    at_telnyx(sandbox_account, TEXML, name='grüße "ivr"', tags=["yes", "1"])
    file.write_text(run("export"))
    assert counts(plan_of(file)) == (0, 0, 0, 3)
    assert counts(plan_of(file, "--prune")) == (0, 0, 0, 3)


def test_an_export_is_stable_and_holds_all_that_can_be_set(sandbox_account: TelnyxAccount) -> None:
    remote = at_telnyx(sandbox_account, name="router")
    at_telnyx(sandbox_account, name="desk")
    text = run("export")
    section = yaml.safe_load(text)["call_control_applications"]
    assert text == run("export")
    assert list(section) == ["desk", "router"]
    assert section["router"]["id"] == remote["id"]
    names = {name.partition(".")[0] for name in CALL_CONTROL.settable_flat()} - {"application_name"}
    assert set(section["router"]) == names | {"id"}


BAD = {
    "no: [yaml": "Not valid YAML",
    "- a\n- b": "apps.yaml: line 1: Must be a mapping of sections.",
    "phones: {}": "line 1, phones: Unknown section.",
    "call_control_applications:\n  - one": "line 2, call_control_applications: Must be a mapping",
    "call_control_applications:\n  a: {id: '1'}\n  a: {id: '2'}": "line 3, a: It stands here twice.",
    "call_control_applications:\n  a:\n    id: '5'\n": "line 3, id: Telnyx has no application of this id.",
    "call_control_applications:\n  a:\n    colour: red\n": "line 3, colour: Unknown parameter.",
    "call_control_applications:\n  router:\n    inbound:\n      limit: 3\n": "line 4, inbound.limit: Unknown parameter",
    "call_control_applications:\n  router:\n    inbound: 3\n": "line 3, inbound: Must be",
    "call_control_applications:\n  router:\n    active: 'yes'\n": "line 3, active: Must be a valid boolean",
    "call_control_applications:\n  router:\n    created_at: 2026-01-01\n": "line 3, created_at: Unknown parameter.",
    "call_control_applications:\n  router:\n    application_name: null\n": "application_name: ",
    "call_control_applications:\n  a: {}\n": "webhook_event_url: This parameter is required.",
    "call_control_applications:\n  a: &x {}\n  b: *x\n": "line 3: Aliases",
    "call_control_applications:\n  a: !!python/object:os.system {}\n": "webhook_event_url",
    "call_control_applications:\n  a:\n    tags: !!binary aGk=\n": "line 3, tags: This value cannot be read.",
    "call_control_applications:\n  a:\n    tags: " + "[" * 40 + "]" * 40: "line 3: Nested too deep.",
    'call_control_applications:\n  a:\n    dtmf_type: "\\0"\n': "line 3, dtmf_type: This value cannot be read.",
}


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_a_bad_file_is_told_by_file_line_and_field(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path, text: str, message: str
) -> None:
    at_telnyx(sandbox_account, name="router")
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        run("apply", str(file), "--yes")
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(file))
    assert len(requests(sandbox, "POST", "PATCH")) == 1


def test_every_problem_of_a_file_is_told_at_once(sandbox_account: TelnyxAccount, file: Path) -> None:
    file.write_text("call_control_applications:\n  a:\n    colour: red\n  b:\n    size: 3\n")
    with pytest.raises(CommandError) as refused:
        run("plan", str(file))
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == [
        "line 2, webhook_event_url",
        "line 3, colour",
        "line 4, webhook_event_url",
        "line 5, size",
    ]


def test_an_export_without_ids_makes_the_same_elsewhere(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, file: Path
) -> None:
    at_telnyx(sandbox_account, name="router", inbound={"channel_limit": 3})
    file.write_text(run("export", "--no-ids"))
    sandbox.reset()
    run("apply", str(file), "--yes")
    assert by_name(sandbox_account)["router"]["inbound"]["channel_limit"] == 3
    assert counts(plan_of(file, "--prune")) == (0, 0, 0, 1)
