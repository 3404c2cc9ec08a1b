"""Provides the field of a document's text: the editor in the browser, and line ends as they were."""

import re
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from voice.texml_editor.vocabulary import vocabulary

_LINE_END = re.compile(r"\r\n|\r|\n")


class TexmlEditor(UnfoldAdminTextareaWidget):
    """Draws the text area that is posted, and all that the editor over it needs. ``check`` is the address it asks.

    ``variables`` names the form's field that declares variables, one at the beginning of each line.
    """

    class Media:
        js = ("voice/texml_editor/editor.js",)
        css = {"all": ("voice/texml_editor/editor.css",)}

    def __init__(self, check: str = "", variables: str = "") -> None:
        super().__init__(attrs={"rows": 20, "spellcheck": "false", "autocomplete": "off", "wrap": "off"})
        self.check, self.variables = check, variables

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        own = {"data-texml-editor": "", "data-check": self.check, "data-variables": self.variables}
        given = {**(attrs or {}), **own}
        context = {
            "name": name,
            "id": given.get("id", f"id_{name}"),
            "check": self.check,
            "vocabulary": vocabulary(),
            "area": super().render(name, value, given, renderer),
        }
        return SafeString(render_to_string("voice/texml_editor/widget.html", context))


class TexmlField(forms.CharField):
    """Reads a document's text exactly. A browser posts every line end as CRLF: they become what the draft's were."""

    def __init__(self, *, check: str = "", variables: str = "", **kwargs: Any) -> None:
        super().__init__(strip=False, widget=TexmlEditor(check, variables), **kwargs)

    def clean_beside(self, posted: str, before: str) -> str:
        return with_line_ends_of(before, posted)


def with_line_ends_of(before: str, text: str) -> str:
    """Return ``text`` with the line ends of ``before``: all as they were when nothing else is another.

    Of a document that mixes them, a text that was changed gets the one that was there most often.
    """
    plain = _LINE_END.sub("\n", text)
    if plain == _LINE_END.sub("\n", before):
        return before
    ends = _LINE_END.findall(before)
    return plain.replace("\n", max(sorted(set(ends)), key=ends.count)) if ends else plain
