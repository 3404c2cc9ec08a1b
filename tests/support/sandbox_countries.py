"""Writes what the sandbox knows of countries by number, so that it needs no library: ``python -m`` this module does."""

import json
from pathlib import Path

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, region_code_for_number

PATH = Path(__file__).resolve().parents[2] / "portal" / "sandbox" / "countries.json"
_AMERICA, _ELSEWHERE = 1, "001"  # no country: satellites and the like


def table() -> dict[str, list[str]]:
    """The countries by the digits that their numbers begin with; of North America by area code as well."""
    regions = {str(code): sorted(found) for code, found in COUNTRY_CODE_TO_REGION_CODE.items()}
    found = {prefix: names for prefix, names in regions.items() if _ELSEWHERE not in names}
    found[str(_AMERICA)] = ["US"]
    for area in range(200, 1000):
        country = _of_area(area)
        if country not in (None, "US"):
            found[f"{_AMERICA}{area}"] = [str(country)]
    return found


def text() -> str:
    """The file as it should be."""
    lines = ",\n".join(f" {json.dumps(prefix)}: {json.dumps(names)}" for prefix, names in sorted(table().items()))
    return f"{{\n{lines}\n}}\n"


def _of_area(area: int) -> str | None:
    for rest in ("5550100", "2345678"):
        number = PhoneNumber(country_code=_AMERICA, national_number=int(f"{area}{rest}"))
        if country := region_code_for_number(number):
            return str(country)
    return None


if __name__ == "__main__":
    PATH.write_text(text())
