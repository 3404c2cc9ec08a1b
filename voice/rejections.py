"""Requests that the street door refused: the last 100 of them, so that an operator sees why nothing arrives."""

import threading
import time
from collections.abc import Mapping

from django.utils import timezone

from portal.models import TelnyxAccount
from voice.models import RejectedRequest

_RING = 100
_NAMES = 64

_lock = threading.Lock()
_next_write = 0.0


def note(headers: Mapping[str, str], account: TelnyxAccount, reason: str) -> None:
    """Keep one; at most one write a second, so that a flood costs nothing."""
    if not _may_write():
        return
    names = sorted(headers)[:_NAMES]
    RejectedRequest.objects.create(at=timezone.now(), account=account, reason=reason, header_names=names)
    oldest = list(RejectedRequest.objects.values_list("pk", flat=True)[_RING:])
    if oldest:
        RejectedRequest.objects.filter(pk__in=oldest).delete()


def _may_write() -> bool:
    global _next_write  # noqa: PLW0603  one for the whole process is what it is about
    now = time.monotonic()
    with _lock:
        if now < _next_write:
            return False
        _next_write = now + 1
        return True
