"""The meanings of Telnyx's codes: each says what is wrong and what to do, in whole sentences."""

import pytest

from portal.telnyx.error_codes import KEY_REJECTED, MEANINGS, reason_of


@pytest.mark.parametrize("code", MEANINGS)
def test_a_meaning_is_a_sentence_without_a_code_of_its_own(code: str) -> None:
    words = MEANINGS[code]
    assert words[0].isupper()
    assert words.endswith(".")
    assert reason_of({}, [words]) is None


def test_only_the_codes_of_a_key_speak_of_a_key() -> None:
    speak = {code for code, words in MEANINGS.items() if "API key" in words}
    assert speak <= KEY_REJECTED
    assert not KEY_REJECTED & {"10010", "10038", "10039", "20012", "20100", "D13", "D17", "D60"}
