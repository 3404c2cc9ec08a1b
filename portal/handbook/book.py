"""Reads the pages of ``docs/`` and draws them as HTML. They are the portal's own, and HTML within them stays text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# beside those of docs/: by the name in their address
_BESIDE = {
    "readme": "README.md",
    "changelog": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "weaknesses": "SECURITY.md",
}
FIRST = "index"  # docs/README.md
_CHAPTER = re.compile(r"\]\(([\w-]+)\.md")
PICTURES = {".png": "image/png"}


@dataclass(frozen=True)
class Heading:
    """Names a section: where it is, and how deep it lies below the title."""

    title: str
    anchor: str
    level: int


@dataclass(frozen=True)
class Chapter:
    """Holds one page as it is shown."""

    name: str
    title: str
    headings: tuple[Heading, ...]
    html: SafeString


@cache
def names() -> tuple[str, ...]:
    """List the names of all chapters in the order in which the first one names them."""
    there = sorted(path.stem for path in _docs().glob("*.md") if path.stem != "README")
    named = dict.fromkeys(_CHAPTER.findall((_docs() / "README.md").read_text()))
    ordered = dict.fromkeys([*named, *there])
    return (FIRST, *(name for name in ordered if name in there), *_BESIDE)


@cache
def chapter(name: str) -> Chapter:
    """Draw a chapter. ``KeyError``: there is none of that name."""
    tokens = _parser().parse(_file(name).read_text())
    taken: dict[str, int] = {}
    headings: list[Heading] = []
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            title = _text(inside)
            anchor = _free(slug(title), taken)
            opening.attrSet("id", anchor)
            headings.append(Heading(title, anchor, int(opening.tag[1])))
    for token in _links(tokens):
        _lead(token, _file(name))
    parser = _parser()
    html = str(parser.renderer.render(_scrolling(tokens[3:]), parser.options, {}))  # without its title
    return Chapter(name, headings[0].title, tuple(headings[1:]), mark_safe(html))  # noqa: S308  see above


def picture(name: str) -> Path:
    """Return the file of a picture that chapters show. ``KeyError``: there is none of that name."""
    path = _docs() / "images" / Path(name).name
    if path.suffix not in PICTURES or not path.is_file():
        raise KeyError(name)
    return path


def slug(title: str) -> str:
    """Return what a link to a heading calls it: as the places do where these pages are read as files."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def _docs() -> Path:
    return Path(settings.BASE_DIR) / "docs"


def _file(name: str) -> Path:
    if name not in names():
        raise KeyError(name)
    if name in _BESIDE:
        return Path(settings.BASE_DIR) / _BESIDE[name]
    return _docs() / ("README.md" if name == FIRST else f"{name}.md")


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _text(inline: Token) -> str:
    return "".join(one.content for one in inline.children or () if one.type in {"text", "code_inline"})


def _free(anchor: str, taken: dict[str, int]) -> str:
    taken[anchor] = taken.get(anchor, -1) + 1
    return f"{anchor}-{taken[anchor]}" if taken[anchor] else anchor


def _links(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        if token.type in {"link_open", "image"}:
            yield token
        yield from _links(token.children or [])


def _lead(token: Token, page: Path) -> None:
    """Have a link lead to the chapter, or the picture, that it names; what is not served here stays a word."""
    name = "src" if token.type == "image" else "href"
    target = urlsplit(str(token.attrs[name]))
    if target.scheme or target.netloc:
        token.attrSet("rel", "noreferrer")
        return
    if not target.path:
        return
    path = (page.parent / target.path).resolve()
    if path.suffix in PICTURES:
        token.attrSet(name, reverse("admin:portal_handbook_picture", args=[path.name]))
    elif chapter_of := _name_of(path):
        anchor = f"#{target.fragment}" if target.fragment else ""
        token.attrSet(name, reverse("admin:portal_handbook", args=[chapter_of]) + anchor)
    else:
        del token.attrs[name]


def _name_of(path: Path) -> str:
    return next((name for name in names() if _file(name).resolve() == path), "")


def _scrolling(tokens: list[Token]) -> list[Token]:
    """Let what is wide scroll by itself, by keyboard too."""
    found: list[Token] = []
    for token in tokens:
        if token.type == "table_open":
            found.append(Token("html_block", "", 0, content='<div class="portal-scroll" tabindex="0">'))
        if token.type in {"fence", "code_block"}:
            found.append(
                Token("html_block", "", 0, content=f'<pre tabindex="0"><code>{escape(token.content)}</code></pre>')
            )
        else:
            found.append(token)
        if token.type == "table_close":
            found.append(Token("html_block", "", 0, content="</div>"))
    return found
