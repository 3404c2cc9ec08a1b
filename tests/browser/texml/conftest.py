"""A document, and its page with the editor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.browser.texml.editor import Editor
from tests.support.rows import TexmlDocument
from voice.documents import service

MENU = """<Response>
  <Gather action="https://example.com/menu" numdigits="1">
    <Say>Hello {{ CallerId }}, {{ Company }} speaking.</Say>
  </Gather>
  <Hangup/>
</Response>
"""


@pytest.fixture
def document(account: TelnyxAccount) -> TexmlDocument:
    row = TexmlDocument(account=account, name="Menu", draft=MENU, variables={"Company": "Acme"})
    return service.save_document(row, PORTAL)


@pytest.fixture
def editing(opened: Callable[..., Any], document: TexmlDocument, operator: Any) -> Callable[..., Any]:
    """Opens the document's page; what goes wrong in the browser fails the test, unless it is not ``watched``."""

    @contextmanager
    def open_editor(*, watched: bool = True, **how: Any) -> Iterator[Editor]:
        with opened(**{"viewport": {"width": 1440, "height": 1000}} | how) as window:
            window.enter(operator)
            editor = Editor(window.page, window.origin)
            editor.open(document)
            yield editor
            assert not watched or window.wrongs == []

    return open_editor
