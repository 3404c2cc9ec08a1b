"""Chapters are the pages of docs/: their links lead on within the portal, and nothing of them is taken for HTML."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve, reverse

from portal.handbook import book

_HREF = re.compile(r'href="([^"]+)"')


@pytest.fixture
def docs(tmp_path: Path, settings: Any) -> Any:
    """A handbook of its own."""
    (tmp_path / "docs").mkdir()
    settings.BASE_DIR = tmp_path
    book.names.cache_clear()
    book.chapter.cache_clear()
    yield tmp_path / "docs"
    book.names.cache_clear()
    book.chapter.cache_clear()


def test_every_link_of_every_chapter_leads_somewhere() -> None:
    assert len(book.names()) > 20
    seen = 0
    for name in book.names():
        for target in _HREF.findall(book.chapter(name).html):
            if target.startswith(("https://", "http://", "mailto:")):
                continue
            path, _, anchor = target.partition("#")
            of = resolve(path).kwargs.get("name") if path else name
            assert of, target
            if anchor:
                assert anchor in [heading.anchor for heading in book.chapter(of).headings], f"{name}: {target}"
            seen += 1
    assert seen > 100


def test_html_in_a_chapter_stays_text(docs: Path) -> None:
    (docs / "README.md").write_text("# One\n\n[two](two.md), [code](../portal/x.py)\n")
    (docs / "two.md").write_text("# Two\n\n<script>alert(1)</script> [x](javascript:alert(1))\n\n```\n<b>\n```\n")
    html = book.chapter("two").html
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert 'href="javascript' not in html
    assert "<code>&lt;b&gt;" in html
    first = book.chapter(book.FIRST).html
    assert reverse("admin:portal_handbook", args=["two"]) in first
    assert "<a>code</a>" in first  # what is not served is no link


def test_two_headings_of_one_name_are_told_apart(docs: Path) -> None:
    (docs / "README.md").write_text("# One\n\n## Same\n\n## Same\n\n## `code` & more\n")
    anchors = [heading.anchor for heading in book.chapter(book.FIRST).headings]
    assert anchors == ["same", "same-1", "code--more"]


@pytest.mark.parametrize("name", ["../settings", "nothing", "README"])
def test_nothing_but_chapters_is_read(name: str) -> None:
    with pytest.raises(KeyError):
        book.chapter(name)
    with pytest.raises(KeyError):
        book.picture(name)
