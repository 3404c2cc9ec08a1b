"""Every number of the catalogue has a case or a reason."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.corpus import admin, documents, orders, rest, signatures, texml, transport
from tests.corpus.cases import Case
from tests.corpus.catalogue import NUMBERS, WITHOUT_CASE
from tests.support.factories import make_event
from tests.support.signing import TELNYX_KEY

WIRE = transport.Wire("/webhooks/token/call-control/", "127.0.0.1", TELNYX_KEY, lambda: 0.0)


def cases() -> Iterator[Case]:
    yield from transport.exchanges(WIRE)
    yield from signatures.requests(TELNYX_KEY, TELNYX_KEY, 1_700_000_000)
    yield from (*documents.documents(), *documents.twins(), *documents.fuzzed(make_event()))
    yield from orders.stories()
    yield from (*rest.malformed(), *rest.values(), *rest.pages(), *rest.unlisted(), *rest.credentials("token"))
    yield from (*texml.forms(), *texml.requests(WIRE))
    yield from (*admin.queries(), *admin.uploads())


def told_by_tests() -> Iterator[str]:
    """The numbers that tests name themselves, in their first words: what takes more than one request to try."""
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield from re.findall(r"\b[A-Z]\d\d\b", ast.get_docstring(node) or "")


def test_every_number_of_the_catalogue_has_a_case_or_a_reason() -> None:
    covered = {case.number for case in cases()} | {number for number, _, _ in transport.stalled(WIRE)}
    covered |= set(told_by_tests())
    assert covered | WITHOUT_CASE.keys() == NUMBERS
    assert not covered & WITHOUT_CASE.keys()


def test_every_case_has_a_name_of_its_own() -> None:
    names = Counter(case.slug for case in cases())
    assert {name for name, count in names.items() if count > 1} == set()
