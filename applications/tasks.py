"""Runs the periodic pull."""

import uuid
from datetime import timedelta

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from applications.kinds import KINDS
from applications.models import Pull
from applications.pulls.pulls import pull
from portal import sql
from portal.actors import PORTAL
from portal.models import TelnyxAccount

_logger = structlog.get_logger(__name__)


@shared_task(name="applications.pull_all", soft_time_limit=900, time_limit=960)
def pull_all() -> None:
    """Pull both kinds of every account."""
    for account in TelnyxAccount.objects.all():
        _pull_both(account)


@shared_task(name="applications.pull_account", soft_time_limit=900, time_limit=960)
def pull_account(identifier: str) -> None:
    """Pull both kinds of one account, asked for by an event of an unknown application; once a minute."""
    account_id = uuid.UUID(identifier)
    recent = Pull.objects.filter(account_id=account_id, started_at__gt=sql.Now() - timedelta(minutes=1))
    account = TelnyxAccount.objects.filter(pk=account_id).first()
    if account is not None and not recent.exists():
        _pull_both(account)


def _pull_both(account: TelnyxAccount) -> None:
    """Pull both kinds: what goes wrong with one does not keep the other waiting."""
    for kind in KINDS:
        try:
            record = pull(kind, account, PORTAL)
            _logger.info("applications pulled", account=account.name, kind=kind.slug, state=record.state)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            _logger.exception("applications not pulled", account=account.name, kind=kind.slug)
