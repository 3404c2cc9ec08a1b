"""``manage.py texml_lint``, as a person and a pipeline type it."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
WRONG = '<Response>\n  <Gather numdigits="1" action="/a"/>\n  <Hangup/>\n</Response>\n'
ODD = "<Response><Say>Hi</Say><Gather action='/a'/></Response>"
RIGHT = "<Response><Say>Hi</Say></Response>"


@pytest.fixture
def file(tmp_path):
    def write(name: str, source: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return str(path)

    return write


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    status = 0
    try:
        call_command("texml_lint", *words, stdout=out, stderr=err)
    except SystemExit as end:
        status = int(str(end.code))
    return status, out.getvalue(), err.getvalue()


def test_an_error_is_told_with_its_place_and_ends_with_1(file):
    wrong = file("wrong.xml", WRONG)
    assert run(wrong) == (1, f"{wrong}:2:11: error A02: Telnyx ignores numdigits: write numDigits.\n", "")


def test_nothing_wrong_and_a_warning_end_with_0(file):
    odd = file("odd.xml", ODD)
    assert run(file("right.xml", RIGHT)) == (0, "", "")
    assert run(odd) == (0, f"{odd}:1:24: warning F08: Gather is last: a caller who enters nothing is hung up on.\n", "")


def test_what_is_not_well_formed_ends_with_1(file):
    status, out, _ = run(file("broken.xml", b"\xff"))
    assert (status, "fatal X05" in out) == (1, True)


def test_json_is_one_list_of_all_files(file):
    wrong, odd = file("wrong.xml", WRONG), file("odd.xml", ODD)
    status, out, _ = run(wrong, odd, file("right.xml", RIGHT), "--format", "json")
    found = json.loads(out)
    assert status == 1
    assert [(one["file"], one["line"], one["column"], one["rule"], one["level"]) for one in found] == [
        (wrong, 2, 11, "A02", "error"),
        (odd, 1, 24, "F08", "warning"),
    ]
    assert all(set(one) == {"file", "line", "column", "rule", "level", "message"} for one in found)
    assert run(file("right.xml", RIGHT), "--format", "json") == (0, "[]\n", "")


def test_a_file_that_cannot_be_read_is_told_in_words_and_the_others_are_judged(file, tmp_path):
    wrong = file("wrong.xml", WRONG)
    status, out, err = run(str(tmp_path / "gone.xml"), str(tmp_path), wrong, "--format", "json")
    assert (status, [one["rule"] for one in json.loads(out)]) == (1, ["A02"])
    assert [line.partition(": ")[2] for line in err.splitlines()] == ["No such file or directory.", "Is a directory."]
    assert run(str(tmp_path / "gone.xml"))[0] == 1


def test_a_file_without_an_end_is_read_as_far_as_it_may_be_long():
    status, out, _ = run("/dev/zero")
    assert (status, "fatal X03" in out) == (1, True)
    status, _, err = run("a\0b")
    assert (status, "cannot be read" in err) == (1, True)


def test_a_variable_that_is_declared_is_known(file):
    greeting = file("greeting.xml", "<Response><Say>{{ Greeting }}</Say></Response>")
    assert "T07" in run(greeting)[1]
    assert run(greeting, "--variable", "Greeting") == (0, "", "")


def test_what_is_not_published_since_nobody_can_tell_whom_it_calls_is_an_error(file):
    """The linter's rules alone find nothing: it takes the reader of templates."""
    listed = file("listed.xml", "<Response><Dial>+1312555{{#Digits}}0100{{/Digits}}</Dial></Response>")
    status, out, err = run(listed)
    assert (status, err) == (1, "")
    assert f"{listed}:1:11: error T04: A list may repeat this" in out


def test_it_reads_the_standard_input_and_needs_no_database():
    """As a pipeline calls it: a process of its own, and a database that is not there."""
    done = subprocess.run(
        [sys.executable, "manage.py", "texml_lint", "-", "--format", "json"],
        input=WRONG.encode(),
        capture_output=True,
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert [(one["file"], one["rule"]) for one in json.loads(done.stdout)] == [("-", "A02")]
