"""A list's query is kept without what belongs to one page of it."""

from typing import Any

import pytest

from portal.saved_filters import LONGEST, SavedFilter, clean_list_query, filters_of


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("q=desk&p=3&e=1&all=&_popup=1&_to_field=id", "q=desk"),
        ("q=desk&o=-3", "q=desk"),  # who sees it has other columns
        ("tag=a&tag=b&account=", "tag=a&tag=b"),
        ("?", ""),
        ("%ff=%00", "%EF%BF%BD=%00"),
        ("", ""),
    ],
)
def test_a_query_is_kept_without_page_and_empty_values(query: str, kept: str) -> None:
    assert clean_list_query(query) == kept


def test_a_query_without_end_is_cut() -> None:
    assert len(clean_list_query("q=" + "x" * 10 * LONGEST)) == 2 * LONGEST


def test_a_person_sees_their_own_filters_of_this_list_and_the_shared_ones(user_with: Any) -> None:
    ada, bob = user_with(username="ada"), user_with(username="bob")
    told = {"query": "q=x"}
    SavedFilter.objects.create(owner=ada, listing="voice.call", name="mine", **told)
    SavedFilter.objects.create(owner=ada, listing="voice.flow", name="of another list", **told)
    SavedFilter.objects.create(owner=bob, listing="voice.call", name="his", **told)
    SavedFilter.objects.create(owner=bob, listing="voice.call", name="ours", shared=True, **told)
    SavedFilter.objects.create(owner=bob, listing="voice.flow", name="ours elsewhere", shared=True, **told)
    assert [row.name for row in filters_of(ada, "voice.call")] == ["mine", "ours"]
