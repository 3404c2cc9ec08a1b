"""The signing key is made once."""

from pathlib import Path

import pytest

from portal.sandbox.core.keys import signing_key


def test_the_signing_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sandbox.key"
    assert bytes(signing_key(path)) == bytes(signing_key(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_broken_signing_key_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.key"
    path.write_text("no key")
    with pytest.raises(ValueError):  # noqa: PT011  base64's and PyNaCl's own words
        signing_key(path)
    assert path.read_text() == "no key"
