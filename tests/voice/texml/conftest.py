"""A Telnyx that agrees to every TeXML operation."""

from collections.abc import Iterator

import pytest

from tests.support.http_servers import Listener
from tests.support.texml_resources import telnyx_texml


@pytest.fixture
def wire() -> Iterator[Listener]:
    with telnyx_texml() as listener:
        yield listener
