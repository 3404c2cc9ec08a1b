"""The page of a recording: who may hear it, what is noted, what is shown, and how it is deleted."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from django.test import Client

from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx import paging
from tests.support.call_pages import page
from tests.support.factories import make_call, run_owed
from tests.support.recordings import recorded
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.sandbox_http import Http
from tests.support.telnyx_answers import telnyx_says
from tests.support.texml_resources import telnyx_texml, wired
from tests.support.times import ago
from voice.models import Recording
from voice.recordings import listing, service

pytestmark = pytest.mark.django_db
_SEES = ("voice.view_call", "voice.view_recording")


def address(recording: Recording, what: str = "change") -> str:
    return f"/admin/voice/recording/{recording.pk}/{what}/"


@pytest.fixture
def recording(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> Recording:
    """A file that is really at the sandbox, in two channels, of which no webhook told."""
    recorded(sandbox, sandbox_account)
    return Recording.objects.get()


def test_it_plays_by_a_fresh_link_and_each_play_is_noted(
    browser: Client, recording: Recording, sandbox: Sandbox
) -> None:
    assert "<audio" not in browser.get(address(recording)).content.decode()
    assert not AuditEvent.objects.filter(action="recording.listen").exists()
    for times in (1, 2):
        answer = browser.post(address(recording, "play"))
        media = answer.context["media"]
        assert recording.recording_id in media
        assert (
            f"media-src 'self' {media.rpartition('/sandbox')[0] or media[: media.index('/', 8)]}"
            in answer["Content-Security-Policy"]
        )
        assert AuditEvent.objects.filter(action="recording.listen", object_id=str(recording.pk)).count() == times
    assert browser.get(address(recording, "play")).status_code == 302  # nobody plays by a link in a mail


@pytest.mark.parametrize("link", ["https://[", "http://[::", "https://", "ftp://example.com/a.wav", 7])
def test_a_link_that_cannot_be_read_is_no_file(browser: Client, link: object) -> None:
    with telnyx_texml(lambda method, path: {"sid": "r", "media_url": link}) as server:
        account = wired(server.url)
        told = {"call": make_call(account), "recording_id": "r", "is_texml": True, "started_at": ago(10)}
        recording = Recording.objects.create(account=account, **told)
        for what in ("play", "peaks"):
            answer = browser.post(address(recording, what))
            assert (answer.status_code, b"no file" in answer.content) == (200, what == "play")


def test_it_plays_after_its_link_has_expired(browser: Client, recording: Recording, sandbox: Sandbox) -> None:
    links = []
    for _ in range(2):
        links.append(browser.post(address(recording, "play")).context["media"])
        with urlopen(links[-1]) as file:
            assert file.read(4) == b"RIFF"
        Http(sandbox.port)("POST", "/sandbox/clock/advance", {"seconds": 700})
    for old in links:
        with pytest.raises(HTTPError, match="403"):
            urlopen(old)


def test_who_may_not_listen_gets_no_link_no_words_and_no_picture(signed_in: Any, recording: Recording) -> None:
    Recording.objects.filter(pk=recording.pk).update(transcript="my secret", peaks=[[9, 9]])
    client = signed_in(*_SEES, "voice.view_full_number")
    text = client.get(address(recording)).content.decode()
    assert "my secret" not in text
    assert "portal-peaks" not in text
    for what in ("play", "peaks", "remove"):
        assert client.post(address(recording, what)).status_code == 403
    assert client.get(page(recording.call)).content.decode().count("Play") == 0
    assert signed_in("voice.view_call", username="second").get(address(recording)).status_code == 403


def test_words_take_the_permission_to_see_numbers(signed_in: Any, recording: Recording) -> None:
    Recording.objects.filter(pk=recording.pk).update(transcript="call 312 555 0199")
    masked = signed_in(*_SEES, "voice.listen_recording")
    text = masked.get(address(recording)).content.decode()
    assert "555 0199" not in text
    assert "permission to see whole numbers" in text
    whole = signed_in(*_SEES, "voice.listen_recording", "voice.view_full_number", username="second")
    assert "312 555 0199" in whole.get(address(recording)).content.decode()


def test_live_words_lead_to_their_place(browser: Client, recording: Recording) -> None:
    for seconds, words, final in ((1, "Hello", True), (2, "Hel", False), (900, "much later", True)):
        at = recording.started_at.replace(microsecond=0)
        CallEvent.objects.create(
            account=recording.account,
            dedupe_key=f"said {seconds}",
            event_type="call.transcription",
            source="webhook",
            call=recording.call,
            occurred_at=at.fromtimestamp(recording.started_at.timestamp() + seconds, tz=at.tzinfo),
            received_at=at,
            body=b"{}",
            payload={"transcription_data": {"transcript": words, "is_final": final, "transcription_track": "inbound"}},
        )
    (line,) = browser.get(address(recording)).context["lines"]
    assert (line.at, line.words, line.track) == (1.0, "Hello", "inbound")


@pytest.mark.parametrize(("said", "is_cut"), [(2, False), (3, True), (7, True)])
def test_of_very_many_words_the_beginning_is_listed_and_it_says_so(
    browser: Client, recording: Recording, monkeypatch: pytest.MonkeyPatch, said: int, is_cut: bool
) -> None:
    monkeypatch.setattr(listing, "_MOST_LINES", 2)
    CallEvent.objects.bulk_create(
        CallEvent(
            account=recording.account,
            dedupe_key=f"said {at}",
            event_type="call.transcription",
            source="webhook",
            call=recording.call,
            occurred_at=recording.started_at + timedelta(milliseconds=at),
            received_at=recording.started_at,
            body=b"{}",
            payload={"transcription_data": {"transcript": f"word {at}", "is_final": said < 7 or at == 0}},
        )
        for at in range(said)
    )
    page = browser.get(address(recording))
    assert [line.words for line in page.context["lines"]] == ["word 0", "word 1"][: 1 if said == 7 else 2]
    assert ("Only the beginning is listed" in page.content.decode()) == is_cut


def test_the_loudness_is_drawn_once_and_kept(browser: Client, recording: Recording, sandbox: Sandbox) -> None:
    assert browser.post(address(recording, "peaks")).content.decode().count("<svg") == 2
    recording.refresh_from_db()
    assert len(recording.peaks) == 2
    Http(sandbox.port).fault("status", value=500, times=9, method="GET", path="/v2/recordings")
    assert browser.post(address(recording, "peaks")).content.decode().count("<svg") == 2


def test_it_is_deleted_by_one_command_however_often_it_is_asked(browser: Client, recording: Recording) -> None:
    assert "for good" in browser.get(address(recording, "remove")).content.decode()
    assert not CallCommand.objects.exists()
    assert browser.post(address(recording, "remove"), {"intent": "one"}, follow=True).redirect_chain  # no whole form
    assert not CallCommand.objects.filter(action="recordings.delete").exists()
    one, two = str(uuid.uuid4()), str(uuid.uuid4())
    for intent in (one, one, two):
        assert browser.post(address(recording, "remove"), {"intent": intent}).status_code == 302
    command = CallCommand.objects.get()
    assert (command.action, command.path) == ("recordings.delete", [recording.recording_id])
    run_owed()
    recording.refresh_from_db()
    assert recording.is_deleted
    text = browser.get(page(recording.call)).content.decode()
    assert "Deleted at Telnyx by operator" in text
    assert address(recording, "play") not in text
    assert service.fresh_link(recording) == ""
    assert "no file" in browser.post(address(recording, "play")).content.decode()


@pytest.mark.parametrize(
    ("status", "settlement", "words"),
    [
        ("refused", "", "It was not deleted: It is locked."),
        ("expired", "Settled by user: ada: it did not happen.", "It was not deleted: Settled by user: ada"),
        ("uncertain", "", "It is not known whether Telnyx deleted it."),
    ],
)
def test_why_a_file_that_was_to_be_deleted_is_there_yet_is_told(
    browser: Client, recording: Recording, status: str, settlement: str, words: str
) -> None:
    assert words not in browser.get(address(recording)).content.decode()
    browser.post(address(recording, "remove"), {"intent": str(uuid.uuid4())})
    told = {"status": status, "error": "It is locked.", "settlement": settlement, "finished_at": ago(1)}
    assert CallCommand.objects.update(**told) == 1
    for url in (address(recording), page(recording.call)):
        assert words in browser.get(url).content.decode()


def test_a_deletion_whose_answer_is_lost_is_looked_for_and_not_sent_twice(
    browser: Client, recording: Recording, sandbox: Sandbox
) -> None:
    http = Http(sandbox.port)
    http.fault("act_then_cut", times=1, method="DELETE", path="/v2/recordings")
    browser.post(address(recording, "remove"), {"intent": str(uuid.uuid4())})
    CallCommand.objects.update(lease_until=None)
    run_owed()
    command = CallCommand.objects.get()
    CallCommand.objects.filter(pk=command.pk).update(lease_until=None)
    run_owed()
    assert CallCommand.objects.get().status == "ok"
    deletions = [one for one in http.ledger("requests") if one["method"] == "DELETE"]
    assert len(deletions) == 1


def test_a_telnyx_that_is_away_is_told_in_words(browser: Client, recording: Recording, sandbox: Sandbox) -> None:
    Http(sandbox.port).fault("status", value=503, times=3, method="GET", path="/v2/recordings")
    answer = browser.post(address(recording, "play"))
    assert answer.status_code == 200
    assert "Try again" in answer.content.decode()


def test_telnyx_is_asked_for_what_no_webhook_told(browser: Client, recording: Recording) -> None:
    Recording.objects.all().delete()
    look_up = f"/admin/voice/recording/of/{recording.call_id}/"
    assert browser.get(look_up).status_code == 405
    answer = browser.post(look_up, follow=True)
    assert "Telnyx has one recording of this leg." in answer.content.decode()
    found = Recording.objects.get()
    assert (found.status, found.channels, found.call.has_recording) == ("saved", "dual", True)  # type: ignore[union-attr]
    assert Call.objects.get().has_recording


def test_a_look_at_a_slow_telnyx_ends_in_time_and_says_that_it_was_not_whole(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page takes five seconds by the portal's clock."""
    call = make_call(account)
    with telnyx_says(account, recordings={"data": [{}] * 250, "meta": {"total_pages": 9}}) as listener:
        monkeypatch.setattr(paging, "uptime", lambda: 5.0 * len(listener.requests))
        answer = browser.post(f"/admin/voice/recording/of/{call.pk}/", follow=True)
        assert len(listener.requests) == 2
    words = "500 recordings were found, and not all of Telnyx&#x27;s list was read: it was slow, or has over 1,000."
    assert words in answer.content.decode()


def test_one_recording_of_a_list_that_was_not_read_whole_is_told_as_one(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = make_call(account)
    with telnyx_says(account, recordings={"data": [{}], "meta": {"total_pages": 9}}) as listener:
        monkeypatch.setattr(paging, "uptime", lambda: 20.0 * len(listener.requests))
        answer = browser.post(f"/admin/voice/recording/of/{call.pk}/", follow=True)
    assert "One recording was found, and not all" in answer.content.decode()


def test_the_list_shows_no_whole_number_to_who_may_not_see_one(signed_in: Any, recording: Recording) -> None:
    text = signed_in(*_SEES).get("/admin/voice/recording/").content.decode()
    assert recording.call.from_number not in text  # type: ignore[union-attr]
    assert recording.call.from_number[-4:] in text  # type: ignore[union-attr]


def test_the_list_tells_whose_call_it_was_to_who_may_see_calls(signed_in: Any, recording: Recording) -> None:
    number = recording.call.from_number.lstrip("+")[-7:]
    alone = signed_in("voice.view_recording", "voice.view_full_number")
    assert number not in alone.get("/admin/voice/recording/").content.decode().replace("-", "")
    both = signed_in("voice.view_recording", "voice.view_full_number", "voice.view_call", username="b")
    assert number in both.get("/admin/voice/recording/").content.decode().replace("-", "")
