"""What TeXML's pages share: the account that is chosen, the journal's part, what Telnyx says or why it does not."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.support.http_servers import Listener
from tests.support.rows import CallCommand
from tests.support.texml_pages import ids_of, page_of, press
from tests.support.texml_resources import ROOM, wired
from voice.texml.admin import pages

pytestmark = pytest.mark.django_db


def test_without_a_name_the_first_account_is_shown(browser: Client, wire: Listener) -> None:
    for name in ("b", "a"):
        wired(wire.url, name)
    assert str(browser.get(reverse("admin:voice_texml_queues")).context["account"]) == "a"


def test_what_was_asked_is_for_who_may_see_the_journal(
    browser: Client, signed_in: Callable[..., Client], wire: Listener
) -> None:
    account, name = wired(wire.url), "texml.conferences.announce"
    press(browser, account, name, {"AnnounceUrl": "https://a.example/b"}, **ids_of(name))
    url, words = page_of(account, "texml.conferences.retrieve"), "What was asked of it"
    assert words in signed_in("voice.view_conference", "voice.view_callcommand").get(url).content.decode()
    assert words not in signed_in("voice.view_conference", username="looks").get(url).content.decode()


def test_the_journals_part_is_of_this_resource_and_of_late(browser: Client, operator: User, wire: Listener) -> None:
    account, name = wired(wire.url), "texml.conferences.announce"
    press(browser, account, name, {"AnnounceUrl": "https://a.example/b"}, **ids_of(name))
    other = wired(wire.url, "other")
    assert [label for _, label in pages.commands(operator, account=account, path__0=ROOM)] == [
        "announce to a conference"
    ]
    assert pages.commands(operator, account=account, path__0="another") == []
    assert pages.commands(operator, account=other, path__0=ROOM) == []
    CallCommand.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert pages.commands(operator, account=account, path__0=ROOM) == []
