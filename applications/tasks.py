"""The periodic pull."""

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from applications.kinds import KINDS
from applications.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount

_logger = structlog.get_logger(__name__)


@shared_task(name="applications.pull_all", soft_time_limit=900, time_limit=960)
def pull_all() -> None:
    """Pull both kinds of every account. What goes wrong with one account does not keep the others waiting."""
    for account in TelnyxAccount.objects.all():
        for kind in KINDS:
            try:
                record = pull(kind, account, PORTAL)
                _logger.info("applications pulled", account=account.name, kind=kind.slug, state=record.state)
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                _logger.exception("applications not pulled", account=account.name, kind=kind.slug)
