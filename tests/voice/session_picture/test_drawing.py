"""Pictures as they are: each golden file is one. ``GOLDEN=write`` draws them anew; look at each before you keep it."""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sessions import CALLER, COLLEAGUE, OURS, command, drawn_scene, event, leg, life
from voice.session_picture import drawing, marks, text
from voice.session_picture.scene import Scene

GOLDEN = Path(__file__).parent / "golden"
_LINK = re.compile(r'<a href="#entry-([^"]+)">')


def plain(**more: bool) -> Scene:
    call = leg(answered=3.2, ended=41)
    answer = event("call.answered", 3.2)
    told = [entry for entry in life(call) if entry.name != "call.answered"]
    return drawn_scene([call], [*told, answer, command("answer", 0.6, answer=answer)], ["caller"], **more)


def transfer() -> Scene:
    legs = [leg(answered=1, bridged=9, ended=60), leg("outgoing", begun=4, answered=8.9, bridged=9, ended=59.5)]
    sent = command("transfer", 3.9, answer=event("call.initiated", 4, "B"))
    return drawn_scene(legs, [*life(legs[0]), *life(legs[1], "B"), sent], ["callee", "callee"])


def failed_transfer() -> Scene:
    legs = [leg(answered=1, ended=16), leg("outgoing", begun=4, ended=9.4)]
    refused = command("hangup", 15.2, status="refused")
    told = [*life(legs[0]), *life(legs[1], "B"), command("transfer", 3.9), refused]
    return drawn_scene(legs, [*told, command("speak", 10, status="expired")], ["us", "carrier"])


def conference() -> Scene:
    legs = [leg(answered=1, ended=50), leg("outgoing", begun=5, answered=9, ended=48)]
    rooms = [event("conference.created", 3, ""), event("conference.participant.joined", 10, "")]
    joined = [event("conference.participant.joined", 4), event("call.hold", 20), event("call.unhold", 26)]
    return drawn_scene(legs, [*life(legs[0]), *life(legs[1], "B"), *rooms, *joined], ["caller", "us"])


def queue() -> Scene:
    call = leg(answered=1, ended=95)
    waited = [event("call.enqueued", 3), event("call.playback.started", 4), event("call.playback.ended", 60)]
    keys = [event("call.dtmf.received", 62, detail="digit 1"), event("call.recording.saved", 96, began=61)]
    menu = [command("gather_using_speak", 60.5), event("call.gather.ended", 63)]
    return drawn_scene([call], [*life(call), *waited, event("call.dequeued", 60.2), *keys, *menu], ["telnyx"])


def lost() -> Scene:
    call = leg(ended=33, state="lost")
    told = [entry for entry in life(call) if entry.name != "call.hangup"]
    return drawn_scene([call], [*told, event("call.speak.started", 9), command("hangup", 20, status="uncertain")])


def an_hour() -> Scene:
    call = leg(answered=2.5, ended=3607)
    told = [event("call.machine.detection.ended", 4, detail="human"), event("call.cost", 3609)]
    spoken = [event("call.speak.started", 3.1), event("call.speak.ended", 5.4)]
    return drawn_scene([call], [*life(call), *told, *spoken], ["caller"])


def masked() -> Scene:
    return plain(masked=True)


def of_500_events() -> Scene:
    call = leg(answered=2, ended=700)
    keys = [event("call.dtmf.received", 5 + n * 1.3, detail="digit 5") for n in range(497)]
    return drawn_scene([call], [*life(call), *keys], ["caller"])


PICTURES: dict[str, Callable[[], Scene]] = {
    one.__name__: one
    for one in (plain, transfer, failed_transfer, conference, queue, lost, an_hour, masked, of_500_events)
}


def draw(name: str) -> str:
    return drawing.svg(PICTURES[name](), f"Session: {name}", "What it shows.")


@pytest.mark.parametrize("name", PICTURES)
def test_it_is_drawn_as_ever(name: str) -> None:
    path = GOLDEN / f"{name}.svg"
    drawn = draw(name).replace("><", ">\n<") + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(drawn)
    assert drawn == path.read_text()


@pytest.mark.parametrize("name", PICTURES)
def test_it_is_well_formed_named_and_light(name: str) -> None:
    drawn = draw(name)
    root = ET.fromstring(drawn)
    names = {one.get("id"): one.text for one in root.iter() if one.get("id")}
    assert names == {"picture-title": f"Session: {name}", "picture-desc": "What it shows."}
    assert (root.get("aria-labelledby"), root.get("aria-describedby")) == ("picture-title", "picture-desc")
    assert len(drawn.encode()) <= 60_000


@pytest.mark.parametrize("name", PICTURES)
def test_each_mark_is_a_link_with_a_sentence(name: str) -> None:
    drawn = draw(name)
    assert len(_LINK.findall(drawn)) == drawing.drawn_marks(PICTURES[name]()) > 0
    for link in re.findall(r"<a .*?</a>", drawn):
        assert re.search(r"<title>\d+\.\d{3} s, [^<]+</title>", link) or re.search(r"<title>\d+ (keys|events),", link)


def test_of_very_many_marks_near_ones_are_one_and_none_is_left_out() -> None:
    scene = of_500_events()
    assert len(scene.marks) == 500
    drawn = drawing.svg(scene, "t", "d")
    assert len(_LINK.findall(drawn)) <= marks.MOST
    counted = [int(count) for count in re.findall(r"<title>(\d+) (?:keys|events),", drawn)]
    assert sum(counted) + len(_LINK.findall(drawn)) - len(counted) == 500


def test_two_hundred_long_marks_stay_light() -> None:
    call = leg(answered=2, ended=700)
    told = [event("call.speak.started", 3 + n * 3.4, detail="x" * 150, id=f"{n:036}") for n in range(197)]
    scene = drawn_scene([call], [*life(call), *told], ["caller"])
    drawn = drawing.svg(scene, "t", "d")
    assert len(_LINK.findall(drawn)) == 200
    assert len(drawn.encode()) <= 60_000


def test_who_may_see_no_number_sees_none() -> None:
    drawn = draw("masked")
    assert "+1312•••0143" in drawn
    for number in (CALLER, OURS, COLLEAGUE):
        assert number[5:] not in drawn


def test_a_file_of_its_own_leads_nowhere_and_follows_its_viewers_theme() -> None:
    drawn = drawing.svg(plain(), "t", "d", is_file=True)
    assert "href" not in drawn
    assert "prefers-color-scheme" in drawn


def test_what_comes_from_outside_is_no_markup() -> None:
    evil = "</title><script>alert(1)</script>"
    call = leg(answered=1, ended=2, from_number=evil)
    drawn = drawing.svg(drawn_scene([call], [event("call.hold", 1, detail=evil)], ["us"]), evil, evil)
    assert "<script" not in drawn
    ET.fromstring(drawn)


def test_each_party_has_a_shape_and_words_of_its_own() -> None:
    shapes = set()
    for who in ("caller", "callee", "us", "telnyx", "carrier", "unknown"):
        drawn = drawing.svg(drawn_scene([leg(ended=9)], [], [who]), "t", "d")
        found = re.search(r"<g><title>(Leg A: ended by [^<]+)</title>(.*?)</g>", drawn)
        assert found
        assert text.PARTIES.get(who, "nobody knows whom") in found[1]
        shapes.add(found[2])
    assert len(shapes) == 6


def test_a_gap_is_drawn_where_it_is_with_its_words() -> None:
    assert '<rect class="f"' in draw("lost")
    assert "<title>The hang-up was never reported.</title>" in draw("lost")
    assert '<rect class="f"' not in draw("plain")
