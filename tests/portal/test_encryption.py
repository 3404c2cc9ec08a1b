"""Secrets at rest: bound to their row, readable with any key of the ring, never handed back sealed."""

import secrets

import pytest

from portal.encryption import CannotOpen, key_id, seal, unseal
from portal.models import TelnyxAccount
from tests.support.accounts import make_account

PLACE = "portal_telnyxaccount.api_key.1"


def test_a_sealed_text_opens_at_its_place():
    sealed = seal("KEY-ü", PLACE)
    assert "KEY" not in sealed
    assert unseal(sealed, PLACE) == "KEY-ü"


def test_the_same_text_never_looks_the_same():
    assert seal("KEY", PLACE) != seal("KEY", PLACE)


def test_a_ciphertext_copied_into_another_row_does_not_open(db):
    one, other = make_account("one"), make_account("other")
    TelnyxAccount.objects.filter(pk=other.pk).update(api_key_sealed=one.api_key_sealed)
    other.refresh_from_db()
    with pytest.raises(CannotOpen, match="another row"):
        _ = other.api_key


def test_older_keys_of_the_ring_still_open_and_the_newest_seals(settings):
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    settings.PORTAL_ENCRYPTION_KEYS = [old]
    before = seal("KEY", PLACE)
    settings.PORTAL_ENCRYPTION_KEYS = [new, old]
    assert unseal(before, PLACE) == "KEY"
    assert seal("KEY", PLACE).split(":")[1] == key_id(new)


def test_a_missing_key_is_said_and_the_stored_text_is_not_handed_back(settings):
    sealed = seal("KEY", PLACE)
    settings.PORTAL_ENCRYPTION_KEYS = [secrets.token_bytes(32)]
    with pytest.raises(CannotOpen, match="PORTAL_ENCRYPTION_KEYS"):
        unseal(sealed, PLACE)


@pytest.mark.parametrize("change", ["flip", "cut", "scheme", "plain", "parts", "not base64", "empty"])
def test_a_changed_value_does_not_open(change):
    scheme, identifier, body = seal("KEY", PLACE).split(":")
    changed = {
        "flip": f"{scheme}:{identifier}:{'A' if body[0] != 'A' else 'B'}{body[1:]}",
        "cut": f"{scheme}:{identifier}:{body[:8]}",
        "scheme": f"nacl2:{identifier}:{body}",
        "plain": "KEY-stored-in-the-clear",
        "parts": f"{scheme}:{identifier}:{body}:more",
        "not base64": f"{scheme}:{identifier}:§§§",
        "empty": "",
    }[change]
    with pytest.raises(CannotOpen):
        unseal(changed, PLACE)


def test_a_key_id_tells_nothing_of_its_key():
    key = secrets.token_bytes(32)
    assert key_id(key) not in key.hex()
