"""Every number of the catalogue, and those without a case, each with its reason."""

_LAST = {"T": 19, "S": 20, "J": 36, "O": 6, "R": 24, "X": 20, "A": 9}

NUMBERS = {f"{section}{at:02}" for section, last in _LAST.items() for at in range(1, last + 1)}

_NO_DOCUMENTS = "the portal takes and serves no TeXML documents yet"

WITHOUT_CASE = {f"X{at:02}": _NO_DOCUMENTS for at in range(1, 19)} | {
    "A08": "sign-in has no throttle and no second factor yet",
}
