"""Settings are grouped as people think, and none is lost: neither of today's nor what a newer SDK brings."""

from typing import Any

import pytest

from applications.admin.groups import groups
from applications.kinds import KINDS, Kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_every_setting_is_in_one_group(kind: Kind) -> None:
    fields: list[Any] = [name for _, group in groups(kind) for name in group["fields"]]  # type: ignore[attr-defined]
    assert sorted(fields) == sorted(kind.settable_flat())


def test_where_calls_go_comes_first_and_what_nobody_knows_is_folded() -> None:
    found = groups(KINDS[0], before=["account"])
    assert found[0][0] == "Where calls go"
    assert found[0][1]["fields"][:4] == ["account", "application_name", "active", "webhook_event_url"]  # type: ignore[index]
    assert (found[-1][0], found[-1][1]["classes"]) == ("Advanced", ("collapse",))
    assert "anchorsite_override" in found[-1][1]["fields"]  # type: ignore[operator]
