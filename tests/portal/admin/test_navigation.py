"""The badge above every page says whether phones ring."""

from django.test import RequestFactory

from portal.admin.navigation import badge
from tests.support.accounts import make_account


def test_the_badge_says_live_as_soon_as_one_account_is(db):
    request = RequestFactory().get("/")
    make_account("one")
    assert badge(request)[0] == "SANDBOX"
    make_account("two", "https://api.telnyx.com/v2")
    assert badge(request)[0] == "LIVE"
