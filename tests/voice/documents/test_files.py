"""Documents as files: what is exported can be planned and applied again; what cannot be read is told whole."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.models import TelnyxAccount
from tests.support.documents import MENU, make_document, published
from tests.support.rows import TexmlDocument
from voice.documents import files, service

pytestmark = [pytest.mark.django_db, pytest.mark.alone]


def texml(*words: Any) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("texml", *map(str, words), stdout=out, stderr=err)
        status = 0
    except SystemExit as end:
        status = int(str(end.code))
    except CommandError as error:
        status = 1
        err.write(str(error))
    return status, out.getvalue() + err.getvalue()


def test_an_export_is_a_plan_with_nothing_to_do(account: TelnyxAccount, tmp_path: Path) -> None:
    make_document(account, variables={"a": "ü"}, signature="required")
    make_document(account, "<Response/>", name="menu!")
    assert texml("export", tmp_path / "docs") == (0, "2 written.\n")
    manifest = json.loads((tmp_path / "docs" / "documents.json").read_text())
    assert {name: entry["file"] for name, entry in manifest.items()} == {"Menu": "menu.xml", "menu!": "menu-2.xml"}
    assert (tmp_path / "docs" / "menu.xml").read_text() == MENU
    assert texml("plan", tmp_path / "docs") == (0, "0 to do.\n")


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_line_ends_alone_are_no_change(account: TelnyxAccount, tmp_path: Path, ends: str) -> None:
    document = published(account, ends.join(["<Response>", "<Say>Hello</Say>", "<Hangup/>", "</Response>", ""]))
    assert texml("export", tmp_path / "docs")[0] == 0
    assert texml("plan", tmp_path / "docs") == (0, "0 to do.\n")
    assert texml("apply", tmp_path / "docs", "--yes", "--publish", "--confirm-warnings")[0] == 0
    file = tmp_path / "docs" / "menu.xml"
    file.write_bytes(file.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    assert texml("plan", tmp_path / "docs") == (0, "0 to do.\n")
    document.refresh_from_db()
    assert document.published == 1
    file.write_bytes(file.read_bytes().replace(b"Hello", b"Good day"))
    assert texml("plan", tmp_path / "docs")[0] == 2


def test_a_folder_is_planned_and_applied_and_published(account: TelnyxAccount, tmp_path: Path) -> None:
    published(account, name="Menu")
    make_document(account, name="gone")
    (tmp_path / "menu.xml").write_text("<Response><Hangup/></Response>")
    (tmp_path / "new.xml").write_text("<Response><Say>Hello</Say></Response>")
    manifest = {"Menu": {"file": "menu.xml", "apology": "Sorry."}, "New": {"file": "new.xml"}}
    (tmp_path / "documents.json").write_text(json.dumps(manifest))
    status, told = texml("plan", tmp_path, "--prune")
    assert (status, told.splitlines()) == (
        2,
        ["~ update Menu (draft, apology)", "+ create New", "- delete gone", "3 to do."],
    )
    assert [step["action"] for step in json.loads(texml("plan", tmp_path, "--json")[1])] == ["update", "create"]
    assert texml("apply", tmp_path)[0] == 1  # nobody to ask
    status, told = texml("apply", tmp_path, "--prune", "--yes", "--publish", "--confirm-warnings", "--note", "from git")
    assert status == 0, told
    rows = {row.name: row for row in TexmlDocument.objects.all()}
    assert {name: row.published for name, row in rows.items()} == {"Menu": 2, "New": 1}
    assert rows["Menu"].versions.get(number=2).note == "from git"
    assert texml("apply", tmp_path, "--yes", "--publish")[1] == "0 to do.\n"


def test_a_folder_of_a_long_name_is_cut_off_where_it_signs_a_version(account: TelnyxAccount, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 255)
    folder.mkdir()
    (folder / "good.xml").write_text("<Response><Say>x</Say></Response>")
    (folder / "documents.json").write_text(json.dumps({"good": {"file": "good.xml"}}))
    status, told = texml("apply", folder, "--yes", "--publish", "--confirm-warnings")
    assert status == 0, told
    (version,) = TexmlDocument.objects.get().versions.all()
    assert (version.author[:15], len(version.author)) == ("command line: x", 200)


def test_what_fails_is_told_and_the_rest_is_done(account: TelnyxAccount, tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text("<Response><say>x</say></Response>")
    (tmp_path / "good.xml").write_text("<Response><Say>x</Say></Response>")
    (tmp_path / "documents.json").write_text(json.dumps({"bad": {"file": "bad.xml"}, "good": {"file": "good.xml"}}))
    status, told = texml("apply", tmp_path, "--yes", "--publish", "--confirm-warnings")
    assert status == 1
    assert "publish bad" in told
    assert "S03" in told
    assert {row.name: row.published for row in TexmlDocument.objects.all()} == {"bad": None, "good": 1}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("{", "documents.json cannot be read"),
        ("[]", "must be an object"),
        ('{"a": 1}', "a: must be an object"),
        ('{"a": {"file": "../secret_key"}}', "beside documents.json"),
        ('{"a": {"file": "none.xml"}}', "none.xml cannot be read"),
        ('{"a": {"file": "ok.xml", "nope": 1}}', "nope is unknown"),
        ('{"a": {"file": "latin.xml"}}', "latin.xml cannot be read"),
        ('{"a": {"file": "ok.xml", "signature": "never"}}', "signature"),
        ('{"a": {"file": "ok.xml", "variables": []}}', "variables"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_done(
    account: TelnyxAccount, tmp_path: Path, manifest: str, words: str
) -> None:
    (tmp_path / "documents.json").write_text(manifest)
    (tmp_path / "ok.xml").write_text("<Response/>")
    (tmp_path / "latin.xml").write_bytes(b"\xff")
    status, told = texml("apply", tmp_path, "--yes")
    assert status == 1
    assert words in told
    assert not TexmlDocument.objects.exists()


def test_a_document_that_changed_since_the_plan_is_left_alone(account: TelnyxAccount) -> None:
    document = make_document(account)
    (step,) = files.plan(account, {"Menu": {"draft": "<Response/>"}})
    document.apology = "Changed."
    document.save()
    with pytest.raises(service.Changed):
        files.carry_out(account, step, service.Actor("command line"))
    document.refresh_from_db()
    assert document.draft == MENU


def test_what_somebody_else_wrote_since_the_plan_is_not_published(
    account: TelnyxAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, plan = published(account, name="Menu"), files.plan
    (tmp_path / "menu.xml").write_text("<Response><Hangup/></Response>")
    (tmp_path / "documents.json").write_text(json.dumps({"Menu": {"file": "menu.xml"}}))

    def meanwhile(*asked: Any, **more: Any) -> Any:
        steps = plan(*asked, **more)
        TexmlDocument.objects.update(draft="<Response><Say>Half of a sen</Say></Response>")
        return steps

    monkeypatch.setattr(files, "plan", meanwhile)
    status, told = texml("apply", tmp_path, "--yes", "--publish", "--confirm-warnings")
    assert status == 1
    assert "update Menu: Somebody else changed this document" in told
    assert "publish Menu: its draft is not as the folder says" in told
    document.refresh_from_db()
    assert document.published == 1
