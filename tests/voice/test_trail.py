"""What somebody does and the line of the audit trail that says so are one: who is killed between leaves neither."""

import io
import uuid
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from applications.bulk import edits
from applications.exchange import runs as apply_runs
from applications.models import ApplyRun, BulkEdit, Pull
from applications.pulls import pulls
from portal.actors import Actor
from portal.models import ApiToken, AuditEvent, TelnyxAccount
from tests.support.applications import CALL_CONTROL
from tests.support.commands import act
from tests.support.factories import make_call
from tests.support.rows import own_account
from voice.call_log import query
from voice.dialling import limits, own_numbers
from voice.exports import service as exports
from voice.models import (
    CallCommand,
    CallExport,
    CallNote,
    CallTag,
    Contact,
    FollowUp,
    Limits,
    Recovery,
    Stop,
)
from voice.notes import contacts, notes, tags
from voice.recovery import runs
from voice.stops import service as stops
from voice.stuck import release

pytestmark = pytest.mark.django_db
NUMBER = "+13125550101"


def tagged(actor: Actor) -> Callable[[], object]:
    call = make_call(own_account())
    return lambda: tags.tag(call, "vip", actor)


def untagged(actor: Actor) -> Callable[[], object]:
    call = make_call(own_account())
    row = tags.tag(call, "vip", actor)
    return lambda: tags.untag(call, row.pk, actor)


def noted(actor: Actor) -> Callable[[], object]:
    call = make_call(own_account())
    return lambda: notes.write(call, "He calls back.", actor)


def note_removed(actor: Actor) -> Callable[[], object]:
    note = notes.write(make_call(own_account()), "He calls back.", actor)
    return lambda: notes.remove(note, actor)


def follow_up_asked(actor: Actor) -> Callable[[], object]:
    call = make_call(own_account())
    return lambda: notes.ask_for_follow_up(call, None, actor)


def followed_up(actor: Actor) -> Callable[[], object]:
    call = make_call(own_account())
    notes.ask_for_follow_up(call, None, actor)
    return lambda: notes.finish_follow_up(call, actor)


def contact_removed(actor: Actor) -> Callable[[], object]:
    contact = contacts.save(NUMBER, "Ada", "", actor)
    return lambda: contacts.remove(contact, actor)


def token_revoked(actor: Actor) -> Callable[[], object]:
    token, _ = ApiToken.make(actor.user, "ci")
    return lambda: token.revoke(actor)


def command_dropped(actor: Actor) -> Callable[[], object]:
    command = act(make_call(own_account()), "speak", payload="x", voice="female")
    return lambda: release.release("command", "drop", command.pk, actor)


def recovery_asked(actor: Actor) -> Callable[[], object]:
    account = own_account()
    return lambda: runs.request(account, actor)


def stop_ended(actor: Actor) -> Callable[[], object]:
    call = make_call(own_account())
    stop = Stop.objects.create(at=call.started_at, requested_by=actor.label)
    return lambda: stops.hang_up(stop.pk, [], actor)


def token_made(actor: Actor) -> Callable[[], object]:
    return lambda: call_command("create_token", actor.user.get_username(), stdout=io.StringIO())


def own_token_made(actor: Actor) -> Callable[[], object]:
    browser = Client()
    browser.force_login(actor.user)
    chosen = {"name": "ci", "scopes": ["calls:read"], "days": "30"}
    return lambda: browser.post(reverse("admin:portal_apitoken_mine"), chosen)


def export_cancelled(actor: Actor) -> Callable[[], object]:
    row = exports.order(query.read("", actor.user, actor=actor), "csv", [], actor, uuid.uuid4())
    return lambda: exports.cancel(row, actor)


def limits_closed(actor: Actor) -> Callable[[], object]:
    account = own_account()
    limits.of_account(account)
    account.base_url = "https://api.telnyx.com/v2"  # the sandbox's account is a live one now
    return lambda: limits.of_account(account)


def countries_opened(actor: Actor) -> Callable[[], object]:
    account = own_account()
    account.base_url = "https://api.telnyx.com/v2"
    limits.of_account(account)

    def open_them() -> None:
        with (
            mock.patch.object(own_numbers, "own_numbers", return_value=[NUMBER]),
            mock.patch.object(own_numbers, "is_in_transaction", return_value=False),  # but for the test's own
        ):
            own_numbers.open_own_countries(account)

    return open_them


DEEDS = (
    *(token_made, own_token_made, export_cancelled, limits_closed, countries_opened),
    *(tagged, untagged, noted, note_removed, follow_up_asked, followed_up, contact_removed, token_revoked),
    *(command_dropped, recovery_asked, stop_ended),
)


@pytest.mark.parametrize("deed", DEEDS)
def test_who_is_killed_before_the_trail_has_it_has_done_nothing(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch, deed: Callable[[Actor], Callable[[], Any]]
) -> None:
    do = deed(Actor("user: ada", operator))
    before = _rows()
    with monkeypatch.context() as killed:
        killed.setattr(AuditEvent, "save", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            do()
    assert _rows() == before
    do()
    assert _rows() != before


def pulled(actor: Actor) -> tuple[type[Model], Callable[[], object]]:
    return Pull, lambda: pulls.pull(CALL_CONTROL, own_account(), actor)


def edited_in_bulk(actor: Actor) -> tuple[type[Model], Callable[[], object]]:
    edit = edits.draft(CALL_CONTROL, [], actor.user, {"active": False})
    BulkEdit.objects.update(state=BulkEdit.State.RUNNING)
    return BulkEdit, lambda: edits.run(edit, actor)


def applied(actor: Actor) -> tuple[type[Model], Callable[[], object]]:
    run = ApplyRun.objects.create(account=own_account(), kind=CALL_CONTROL.slug, total=0)
    return ApplyRun, lambda: apply_runs.end(run, ApplyRun.State.DONE, actor)


@pytest.mark.parametrize("ends", [pulled, edited_in_bulk, applied])
def test_what_ends_for_the_trail_as_well_runs_until_the_trail_has_it(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch, ends: Callable[[Actor], Any]
) -> None:
    kind, do = ends(Actor("user: ada", operator))
    monkeypatch.setattr(AuditEvent, "save", lambda *_, **__: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        do()
    assert list(kind._default_manager.values_list("state", "finished_at")) == [("running", None)]


def _rows() -> list[Any]:
    kinds = (CallTag, CallNote, FollowUp, Contact, ApiToken, Recovery, Stop, CallCommand, CallExport, Limits)
    return [list(kind._default_manager.order_by("pk").values()) for kind in kinds]
