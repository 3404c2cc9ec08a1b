"""Each page's help is there, chapter and section."""

import pytest
from django.urls import resolve

from portal.admin import navigation
from portal.handbook import book, topics


@pytest.mark.parametrize("beginning", topics.TOPICS)
def test_each_topic_is_in_the_handbook(beginning: str) -> None:
    name, anchor = topics.TOPICS[beginning]
    chapter = book.chapter(name)
    assert not anchor or anchor in [heading.anchor for heading in chapter.headings]


def test_each_page_of_the_sidebar_has_its_own_help(operator) -> None:
    names = [resolve(url).url_name or "" for _, url, _ in navigation.places(operator) if url.startswith("/admin/")]
    assert len(names) > 20
    assert [name for name in names if topics.topic(name) == topics.TOPICS[""]] == []


def test_the_longest_beginning_decides() -> None:
    assert topics.topic("voice_call_dial") == ("calls", "dial")
    assert topics.topic("voice_callevent_changelist")[0] == "inbox"
    assert topics.address(None) == "/admin/help/index/"
