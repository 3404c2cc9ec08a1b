"""Rejected requests, written where a test sees them."""

from django.db.models import Sum
from django.test import Client

from tests.support.rows import RejectionCount
from voice.events import rejections


class WriterAtOnce(rejections.Writer):
    """Writes refusals in the request itself: another thread would not see a test's transaction, nor be seen by it."""

    def start(self) -> None:
        self.flush()


def post_bare(client: Client, token: str, **headers: str) -> int:
    """An unsigned request to the address with that token."""
    url = f"/webhooks/{token}/call-control/"
    status: int = client.post(url, b"{}", content_type="application/json", headers=headers).status_code
    return status


def counts() -> dict[str, int]:
    rows = RejectionCount.objects.values("code").annotate(n=Sum("count")).order_by()
    return {row["code"]: row["n"] for row in rows}
