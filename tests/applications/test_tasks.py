from unittest.mock import patch

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from applications.models import CallControlApplication, Pull
from applications.pulls import pulls
from applications.tasks import pull_account, pull_all
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.bystanders import Bystanders


@pytest.mark.usefixtures("only_account")
def test_both_kinds_of_all_accounts_are_pulled_and_a_dead_account_stops_nobody(sandbox_account: TelnyxAccount) -> None:
    make_account(name="a-dead-one")
    at_telnyx(sandbox_account)
    pull_all()
    states = {(pull.account.name, pull.kind): pull.state for pull in Pull.objects.select_related("account")}
    assert states == {
        ("a-dead-one", "call-control-applications"): "failed",
        ("a-dead-one", "texml-applications"): "failed",
        ("sandbox", "call-control-applications"): "done",
        ("sandbox", "texml-applications"): "done",
    }
    assert CallControlApplication.objects.count() == 1


@pytest.mark.usefixtures("only_account")
def test_a_bug_in_one_pull_does_not_stop_the_others(sandbox_account: TelnyxAccount) -> None:
    with patch("applications.tasks.pull", side_effect=[ZeroDivisionError, Pull()]) as pull:
        pull_all()
    assert pull.call_count == 2


def test_the_time_limit_ends_it_and_the_pull_is_told_as_interrupted(sandbox_account: TelnyxAccount) -> None:
    with patch.object(pulls.store, "pages", side_effect=SoftTimeLimitExceeded), pytest.raises(SoftTimeLimitExceeded):
        pull_all()
    assert Pull.objects.get(account=sandbox_account).errors[0]["kind"] == "interrupted"


def test_it_is_the_task_that_the_schedule_names() -> None:
    assert (pull_all.name, pull_all.soft_time_limit) == ("applications.pull_all", 900)


def test_one_account_is_pulled_on_request_and_not_again_within_a_minute(
    sandbox_account: TelnyxAccount, bystanders: Bystanders
) -> None:
    Pull.objects.create(account=bystanders.account, kind=CALL_CONTROL.slug, state="done", requested_by="portal")
    pull_account(str(sandbox_account.pk))
    pull_account(str(sandbox_account.pk))
    pulled = Pull.objects.filter(account=sandbox_account).values_list("kind", flat=True)
    assert sorted(pulled) == ["call-control-applications", "texml-applications"]
    assert Pull.objects.count() == 3
    pull_account("00000000-0000-0000-0000-000000000000")  # an account that was deleted meanwhile
