"""What of a list is asked of Telnyx, and what of its answer a person may see: one decision for pages and REST."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from portal.actors import Actor
from portal.masking import HIDDEN
from portal.models import AuditEvent
from portal.telnyx.schemas import InvalidParameters
from voice.texml import listings

pytestmark = pytest.mark.django_db
ROW = {"sid": "v3:a-leg", "from": "+13125550143", "media_url": "https://a.example/b.mp3", "transcription_text": "hush"}
CALLS = "texml.calls.list"


def listed(wanted: dict[str, str], name: str = CALLS, *of: str) -> listings.Listed:
    return listings.Listed(name, wanted, of)


def test_a_cursor_is_opened_as_it_was_sealed(operator: User) -> None:
    ada, wanted = Actor("ada", operator), {"To": "+13125550001"}
    query = {"PageToken": "abc"} | wanted
    sealed = listings.cursor(query, listed(wanted, CALLS, "main"))
    assert listings.query(listed(wanted, CALLS, "main"), ada, sealed, 50) == query
    assert listings.query(listed({"Status": "busy"}), ada, None, 7) == {"Status": "busy", "PageSize": "7"}
    with pytest.raises(InvalidParameters, match="no cursor of ours"):
        listings.query(listed(wanted, CALLS, "main"), ada, sealed[:-1], 50)
    for other in (
        listed({}, CALLS, "main"),
        listed(wanted | {"Status": "busy"}, CALLS, "main"),
        listed({}, "texml.recordings.list", "main"),
        listed(wanted, CALLS, "other"),
    ):
        with pytest.raises(InvalidParameters, match="of another list, of other filters"):
            listings.query(other, ada, sealed, 50)
    with pytest.raises(InvalidParameters, match="Status"):
        listings.query(listed({"Status": "over"}), ada, None, 50)


@pytest.mark.parametrize("side", ["From", "To"])
def test_a_part_of_a_number_is_for_who_may_see_whole_ones(
    operator: User, user_with: Callable[..., User], side: str
) -> None:
    assert listings.query(listed({side: "312"}), Actor("ada", operator), None, 50)[side] == "312"
    masked = Actor("bob", user_with("voice.view_call"))
    with pytest.raises(listings.SideRefused) as refused:
        listings.query(listed({side: "312"}), masked, None, 50)
    assert (refused.value.side, refused.value.problem().status_code) == (side, 400)
    assert listings.query(listed({side: "+13125550001"}), masked, None, 50)[side] == "+13125550001"
    assert AuditEvent.objects.filter(action="call.search", user=masked.user).count() == 1


def test_what_was_said_and_numbers_are_shown_by_permission(operator: User, user_with: Callable[..., User]) -> None:
    assert listings.shown(operator, ROW) == ROW | {"media_url": None}  # a link is told of one recording, and noted
    looks = listings.shown(user_with("voice.view_call"), ROW)
    assert (looks["sid"], looks["media_url"], looks["transcription_text"]) == ("v3:a-leg", None, None)
    assert looks["from"].endswith("0143")
    assert "5550143" not in looks["from"]
    hears = listings.shown(user_with("voice.view_call", listings.LISTEN, username="hears"), ROW)
    assert (hears["media_url"], hears["transcription_text"]) == (None, HIDDEN)
