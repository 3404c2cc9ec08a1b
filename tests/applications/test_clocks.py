"""Two machines of which one has a wrong clock: what is alive or locked is so for both."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from applications.bulk import edits
from applications.editing import edit_lock
from applications.kinds import KINDS
from applications.models import BulkEdit, CallControlApplication, EditLock
from applications.pulls import pulls
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxUnavailable
from tests.support.clocks import is_near, set_wrong

pytestmark = pytest.mark.django_db
WRONG = pytest.mark.parametrize("seconds", [-120, 120])


@pytest.mark.usefixtures("only_account")
@WRONG
def test_a_pull_that_runs_is_not_replaced(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    with monkeypatch.context() as wrong:
        set_wrong(wrong, seconds)
        first, _ = pulls.begin(KINDS[0], account, PORTAL)
    assert (is_near(first.started_at), is_near(first.seen_alive_at), first.is_silent) == (True, True, False)
    assert pulls.begin(KINDS[0], account, PORTAL) == (first, False)
    set_wrong(monkeypatch, seconds)
    assert pulls.begin(KINDS[0], account, PORTAL) == (first, False)
    assert not first.is_silent


@pytest.mark.usefixtures("only_account")
@WRONG
def test_an_application_is_locked_for_one_change(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    application = CallControlApplication.objects.create(account=account, telnyx_id="1", application_name="router")
    monkeypatch.setattr(edit_lock, "_PATIENCE_SECONDS", 0.01)
    with edit_lock.edit_lock(application):
        with monkeypatch.context() as wrong:
            set_wrong(wrong, seconds)
            with pytest.raises(TelnyxUnavailable), edit_lock.edit_lock(application):
                pass
        assert is_near(EditLock.objects.get().until, edit_lock.LONGEST.total_seconds())


@pytest.mark.usefixtures("only_account")
@WRONG
def test_a_bulk_edit_that_runs_is_nobody_else_s(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float, admin_user: object
) -> None:
    edit = BulkEdit.objects.create(kind=KINDS[0].slug, owner=admin_user, values={"active": False}, targets=[])
    set_wrong(monkeypatch, seconds)
    preview = str(edit.preview)
    assert edits._claim(edit, preview)
    edit.refresh_from_db()
    assert (is_near(edit.seen_alive_at), edits.is_silent(edit), edits._claim(edit, preview)) == (True, False, False)
    BulkEdit.objects.update(seen_alive_at=Now() - timedelta(seconds=edits.SILENT_SECONDS + 1))
    edit.refresh_from_db()
    assert (edits.is_silent(edit), edits._claim(edit, preview)) == (True, True)
