"""What the portal forbids is told with its code and what belongs to it."""

from typing import Any

from portal.models import Heartbeat
from portal.refusals import PortalRefusal
from tests.support.notes_api import FAILURES, NOTES, notes
from tests.support.rest import problem


class TooMany(PortalRefusal):
    code = "too_many"


@notes
def test_a_refusal_of_the_portal_is_403_with_its_code_and_members(api: Any, monkeypatch: Any) -> None:
    refusal = TooMany("Three at once, no more.", limit=3)
    monkeypatch.setitem(FAILURES, "many", refusal)
    body = problem(api.post(NOTES, {"name": "many"}, format="json"), 403, "too_many")
    assert (body["detail"], body["limit"]) == ("Three at once, no more.", 3)
    assert api.post(NOTES, {"name": "few"}, format="json").status_code == 201
    assert Heartbeat.objects.filter(name__startswith="few").count() == 1


def test_a_refusal_without_a_code_of_its_own_is_a_missing_permission() -> None:
    assert (PortalRefusal("no").code, PortalRefusal("no").words) == ("permission_denied", "no")
