"""Provides the widget of a document's text, and puts back the line ends that a browser posts in one form only."""

import re
from typing import Any

from django.forms.widgets import Script
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from voice.texml_editor.vocabulary import vocabulary

_LINE_END = re.compile(r"\r\n|\r|\n")


class TexmlEditor(UnfoldAdminTextareaWidget):
    """Draws the text area that is posted, and all that the editor over it needs.

    ``check`` and ``conversation`` are the addresses it asks, answered by ``pages``; ``case`` is the one that keeps a
    try as a test case, if there is one; ``variables`` names the form's field that declares variables, as a JSON object.
    """

    class Media:
        js = (Script("voice/texml_editor/editor.js", defer=True),)
        css = {"all": ("voice/texml_editor/editor.css",)}

    template_name = "django/forms/widgets/textarea.html"  # Unfold's loses an empty first line
    check = conversation = case = variables = ""

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 20, "spellcheck": "false", "autocomplete": "off", "wrap": "off"})

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        asked = {name: getattr(self, name) for name in ("check", "conversation", "case", "variables")}
        given = {**(attrs or {}), "data-texml-editor": "", **{f"data-{key}": asked[key] for key in asked}}
        context = {
            "name": name,
            "id": given.get("id", f"id_{name}"),
            **asked,
            "vocabulary": vocabulary(),
            "area": super().render(name, value, given, renderer),
        }
        return SafeString(render_to_string("voice/texml_editor/widget.html", context))


def with_line_ends_of(before: str, text: str) -> str:
    """Return ``text`` with the line ends of ``before``: all as they were when nothing else is another.

    Of a document that mixes them, a text that was changed gets the one that was there most often.
    """
    plain = _LINE_END.sub("\n", text)
    if plain == _LINE_END.sub("\n", before):
        return before
    ends = _LINE_END.findall(before)
    return plain.replace("\n", max(sorted(set(ends)), key=ends.count)) if ends else plain
