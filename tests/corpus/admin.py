"""A: what a browser, or somebody in its place, may ask of the admin."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from tests.corpus.cases import CANARY_SECRET, Case


@dataclass(frozen=True, kw_only=True)
class Query(Case):
    """A query of any page."""

    text: str
    statuses: frozenset[int] = frozenset({200, 302, 400, 403, 404, 405})


@dataclass(frozen=True, kw_only=True)
class Upload(Case):
    """A file for an import."""

    file_name: str
    content: bytes


def queries() -> Iterator[Query]:
    """A01 to A04, of a list."""
    yield Query(number="A01", name="NUL in a value", text=f"x={CANARY_SECRET}%00", statuses=frozenset({400}))
    yield Query(number="A01", name="NUL in a name", text="a%00=x", statuses=frozenset({400}))
    yield Query(number="A01", name="no UTF-8", text="q=%C0%80", statuses=frozenset({400}))
    yield Query(number="A03", name="a year that is none", text="created_at__year=99999")
    yield Query(number="A03", name="a chain of lookups", text="account__api_key_sealed__startswith=a")
    yield Query(number="A03", name="a lookup that is none", text="id__levitate=1")
    yield Query(number="A04", name="to a field", text="_popup=1&_to_field=password")
    yield Query(number="A04", name="page 10^20", text="p=100000000000000000000")
    yield Query(number="A04", name="page -1", text="p=-1&all=")
    yield Query(number="A04", name="order by nothing", text="o=99.-99.x..")
    yield Query(number="A04", name="a long search", text="q=" + "%E2%80%AE9+" * 300)


# What no filter of a list can be, whatever it filters by.
FILTER_VALUES = ("x", "99999-99-99", "2026-02-30", "-1", "9" * 400, "[]", "1e400", "null,,", "%F0%9F%93%9E")

# Too long, too deep or too odd for any field; none may be saved.
FIELD_VALUES = (
    "[" * 100_000,
    "a\x00b" * 3000,
    "\ufffe\u202e" * 60_000,
    '{"a": ' * 40 + '"\\ud800"' + "}" * 40 + " " * 90_000,
)


def uploads() -> Iterator[Upload]:
    """A07: files that are no sheet and no document of ours."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.csv", b"0" * 50_000_000)
    yield Upload(number="A07", name="a zip bomb", file_name="applications.csv", content=bomb.getvalue())
    yield Upload(number="A07", name="a zip bomb as YAML", file_name="applications.yaml", content=bomb.getvalue())
    laughs = "a: &a [x, x]\n" + "".join(
        f"{at}: &{at} [*{chr(ord(at) - 1)}, *{chr(ord(at) - 1)}]\n" for at in "bcdefghijklmnopqrstuvwxyz"
    )
    yield Upload(number="A07", name="YAML that laughs", file_name="applications.yaml", content=laughs.encode())
    yield Upload(
        number="A07", name="YAML that runs", file_name="a.yaml", content=b"!!python/object/apply:os.system [id]"
    )
    yield Upload(number="A07", name="deep JSON", file_name="a.json", content=b"[" * 100_000)
    yield Upload(number="A07", name="deep YAML", file_name="a.yaml", content=b"[" * 5_000)
    yield Upload(number="A07", name="a NUL", file_name="a.csv", content=b"id,application_name\n1,a\x00b\n")
    yield Upload(number="A07", name="a cell of 200 kB", file_name="a.csv", content=b'id\n"' + b"a" * 200_000 + b'"\n')
    yield Upload(number="A07", name="no UTF-8", file_name="a.csv", content=b"id\n\xff\xfe\n")
    yield Upload(number="A07", name="empty", file_name="a.csv", content=b"")
    yield Upload(number="A07", name="no such type", file_name="a.exe", content=b"MZ")
    yield Upload(number="A07", name="3 MB", file_name="a.csv", content=b"id\n" + b"1\n" * 1_500_000)
