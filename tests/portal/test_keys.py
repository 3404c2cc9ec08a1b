"""The first start makes its secrets, once and for their owner alone."""

from pathlib import Path

import pytest

from portal import keys
from tests.support.environments import SHOW, start

READ = "import os, pathlib; from portal import keys; keys.read_env_file(pathlib.Path({!r})); print(os.environ['PORT'])"


@pytest.mark.parametrize(
    "written",
    [
        b"\xef\xbb\xbfPORT=8100\n",
        b"  # PORT : hunter2\n \nexport PORT='8100'\r\n",
    ],
)
def test_the_env_file_is_read_with_a_mark_before_it_and_with_comments(tmp_path, written):
    (tmp_path / ".env").write_bytes(written)
    done = start(tmp_path, "-c", READ.format(str(tmp_path / ".env")))
    assert (done.stdout, done.stderr) == ("8100\n", "")
    assert start(tmp_path, "-c", READ.format(str(tmp_path / ".env")), PORT="8200").stdout == "8200\n"


@pytest.mark.parametrize("written", [b"KEY=hunter2\nPORT=\xe9\n", b"PORT=1\nKEY : hunter2\n", b"PORT=1\nKEY=hunter2\0"])
def test_an_env_file_that_cannot_be_read_is_said_in_one_line_that_holds_no_key(tmp_path, written):
    (tmp_path / ".env").write_bytes(written)
    done = start(tmp_path, "-c", READ.format(str(tmp_path / ".env")))
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("portal: .env ")
    assert "hunter2" not in done.stderr


def test_secrets_are_read_from_var_where_make_run_wrote_them(tmp_path):
    assert start(tmp_path, "-m", "portal.keys").returncode == 0
    show = SHOW.format("s.SECRET_KEY, len(s.PORTAL_ENCRYPTION_KEYS[0])")
    first, second = start(tmp_path, "-c", show), start(tmp_path, "-c", show)
    assert first.returncode == 0, first.stderr
    assert (
        first.stdout
        == second.stdout
        == str((keys_in(tmp_path), 32)).strip("()").replace(",", "").replace("'", "") + "\n"
    )
    assert start(tmp_path, "-m", "portal.keys").returncode == 0
    assert start(tmp_path, "-c", show).stdout == first.stdout


def test_an_empty_variable_counts_as_a_missing_one(tmp_path):
    assert start(tmp_path, "-m", "portal.keys").returncode == 0
    show = SHOW.format("s.SECRET_KEY, s.PORTAL_ENCRYPTION_KEYS, s.PORTAL_PUBLIC_URL_IS_DEFAULT")
    empty = dict.fromkeys(("SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "PORTAL_PUBLIC_URL"), " ")
    done = start(tmp_path, "-c", show, **empty)
    assert done.returncode == 0, done.stderr
    assert done.stdout == start(tmp_path, "-c", show).stdout


def test_blanks_around_the_folder_of_the_data_are_no_part_of_its_name(tmp_path):
    assert start(tmp_path, "-m", "portal.keys", PORTAL_VAR_DIR=f"{tmp_path}/var\r").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def keys_in(folder: Path) -> str:
    return (folder / "secret_key").read_text()


def test_the_files_of_secrets_are_their_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PORTAL_VAR_DIR", str(tmp_path / "var"))
    keys.make_missing()
    assert {path.stat().st_mode & 0o777 for path in (keys.secret_key_file(), keys.encryption_keys_file())} == {0o600}
    assert keys.var_dir().stat().st_mode & 0o777 == 0o700


def test_what_is_written_and_what_was_written_is_its_owners_alone(tmp_path):
    old, foreign = tmp_path / "portal.sqlite3", tmp_path / "somebody_elses.txt"
    for path in (old, foreign):
        path.touch()
        path.chmod(0o644)
    assert start(tmp_path, "-m", "portal.keys").returncode == 0
    write = SHOW.format("open(s.VAR_DIR / 'new', 'w').close()")
    assert start(tmp_path, "-c", write).returncode == 0
    assert [path.stat().st_mode & 0o777 for path in (old, tmp_path / "new", foreign)] == [0o600, 0o600, 0o644]
