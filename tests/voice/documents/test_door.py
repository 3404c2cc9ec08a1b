"""Documents fetched by URL, signed and not: the version that is published, as text, whatever is away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from django.db import OperationalError, connections
from django.test import Client
from nacl.signing import SigningKey

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.documents import FETCH, fetch, make_document, publish_anew, published
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.rows import CallEvent, RejectedRequest, TexmlDocument, TexmlFetch
from tests.support.signing import signed
from tests.support.webhooks import post_webhook
from voice.documents import fetch_log, service, serving
from voice.events import intake
from voice.stops import service as stops

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


def path(document: TexmlDocument) -> str:
    return f"/texml/{document.token}/"


def away(*_: Any, **__: Any) -> Any:
    raise OperationalError("gone")


def test_it_serves_what_is_published_filled_with_what_telnyx_sends(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    document.draft = "<Response><Hangup/></Response>"
    service.save_document(document, PORTAL)  # a draft is nobody's to hear
    answer = fetch(client, document)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/xml; charset=utf-8")
    assert answer["Cache-Control"] == "no-store"
    root = ElementTree.fromstring(answer.content)
    assert root.findtext("Gather/Say") == "Hello + 1 3 1 2 5 5 5 0 1 4 3, press 1."


def test_a_fetch_is_an_event_of_its_call_and_a_line_of_the_log(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    fetch(client, document)
    event, row = CallEvent.objects.get(), TexmlFetch.objects.get()
    assert (event.event_type, event.source, event.status) == ("texml.call.fetch", "texml", "received")
    assert (row.document, row.version, row.proof, row.verdict) == (document, 1, "verified", "served")
    assert (row.event_id, row.call_control_id, row.parameters) == (event.pk, FETCH["CallSid"], FETCH)
    assert "press 1." in row.body


def test_the_query_fills_declared_variables_and_what_is_signed_wins(client: Client, account: TelnyxAccount) -> None:
    draft = "<Response><Say>{{ team }} {{ From }} {{ other }}{{#tag}}[{{ . }}]{{/tag}}</Say></Response>"
    document = published(account, draft, variables={"team": "sales", "other": "default"})
    body = urlencode(FETCH).encode()
    url = f"{path(document)}?team=support&From=forged&tag[]=a&tag[]=b"
    answer = client.post(url, body, content_type=FORM, headers=signed(body))
    assert "<Say>support +13125550143 default[a][b]</Say>" in answer.content.decode()
    for forged in ("From[]=forged", "From=forged&From[]=forged", "From[]=forged&From=forged"):
        answer = client.post(f"{path(document)}?{forged}", body, content_type=FORM, headers=signed(body))
        assert "<Say>sales +13125550143 default</Say>" in answer.content.decode(), forged


def test_publishing_changes_the_next_fetch_and_rolling_back_the_one_after(
    client: Client, account: TelnyxAccount
) -> None:
    document = published(account, "<Response><Say>one</Say></Response>")
    said = [fetch(client, document).content]
    publish_anew(document, "<Response><Say>two</Say></Response>")
    said.append(fetch(client, document).content)
    assert service.roll_back(document, 1, PORTAL).number == 3
    said.append(fetch(client, document).content)
    assert [b"one" in body for body in said] == [True, False, True]
    assert list(TexmlFetch.objects.order_by("at").values_list("version", flat=True)) == [1, 2, 3]


# --- Who may fetch ----------------------------------------------------------------------------------------------------


def test_a_wrong_signature_is_refused_in_xml_and_noted(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    body = urlencode(FETCH).encode()
    for headers in (signed(body, key=SigningKey.generate()), signed(body, now=time.time() - 400), signed(b"other")):
        answer = client.post(path(document), body, content_type=FORM, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/xml; charset=utf-8")
        assert ElementTree.fromstring(answer.content).tag == "Response"
    assert RejectedRequest.objects.count() == 3
    assert not TexmlFetch.objects.exists()


def test_an_unsigned_post_is_served_until_one_was_verified(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    assert fetch(client, document, sign=False).status_code == 200
    assert fetch(client, document).status_code == 200
    document.refresh_from_db()
    assert document.verified_at
    assert fetch(client, document, sign=False).status_code == 400
    assert [row.proof for row in TexmlFetch.objects.order_by("at")] == ["unsigned", "verified"]
    assert CallEvent.objects.count() == 1  # what nobody signed is no event


@pytest.mark.parametrize(
    ("switch", "post", "get"), [("optional", 200, 200), ("required", 400, 400), ("auto", 400, 200)]
)
def test_the_switch_says_what_must_be_signed(
    client: Client, account: TelnyxAccount, switch: str, post: int, get: int
) -> None:
    document = published(account, signature=switch)
    fetch(client, document)
    assert fetch(client, document, sign=False).status_code == post
    assert client.get(path(document), FETCH).status_code == get
    assert client.get(path(document), FETCH, headers=signed(b"")).status_code == 200


def test_a_get_is_flagged_signed_or_not_and_never_an_event(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    for headers in ({}, signed(b"")):
        answer = client.get(path(document), FETCH, headers=headers)
        assert b"Hello + 1 3 1 2" in answer.content
    assert [row.proof for row in TexmlFetch.objects.all()] == ["get", "get"]
    document.refresh_from_db()
    assert (document.verified_at, CallEvent.objects.count()) == (None, 0)


def test_without_a_public_key_nothing_can_be_required(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    TelnyxAccount.objects.update(public_key="")
    assert fetch(client, document).status_code == 200
    assert TexmlFetch.objects.get().proof == "unsigned"
    document.signature = "required"
    service.save_document(document, PORTAL)
    assert fetch(client, document).status_code == 503


# --- What never happens -----------------------------------------------------------------------------------------------


def test_it_is_xml_whatever_is_asked(client: Client, account: TelnyxAccount) -> None:
    document, draft = published(account), make_document(account, name="draft")
    asked = [
        client.post(path(document), b"{}", content_type="application/json", headers=signed(b"{}")),
        client.post("/texml/nobody/", b"", content_type=FORM),
        client.get("/texml/a%00b/"),
        client.get(path(draft)),
        client.put(path(document)),
        client.head(path(document)),
        client.post(path(document), b"a" * (1024 * 1024 + 1), content_type=FORM),
    ]
    assert [answer.status_code for answer in asked] == [415, 404, 404, 404, 405, 405, 413]
    assert {answer["Content-Type"] for answer in asked} == {"application/xml; charset=utf-8"}
    assert client.post(path(document)[:-1], b"", content_type=FORM).status_code == 404  # and no redirect
    answer = post_webhook(client, account, make_event())
    assert answer["Content-Type"] == "application/json"  # Call Control's door has no XML


@pytest.mark.parametrize("name", ["</Say><Dial>+19005550100</Dial>", "{{secret}}", "nul \x00", "\ufffe", "x" * 10_240])
@pytest.mark.parametrize("method", ["get", "post"])
def test_whatever_a_caller_is_called_is_answered_as_text(
    client: Client, account: TelnyxAccount, name: str, method: str
) -> None:
    document = published(account, "<Response><Say>{{ CallerId }}</Say></Response>")
    answer = (
        fetch(client, document, CallerId=name) if method == "post" else client.get(path(document), {"CallerId": name})
    )
    root = ElementTree.fromstring(answer.content)
    assert [element.tag for element in root.iter()] == ["Response", "Say"]
    assert root.findtext("Say") == name.replace("\x00", "").replace("\ufffe", "")
    assert TexmlFetch.objects.count() == 1


def test_bytes_that_are_no_text_and_too_many_fields_are_answered(client: Client, account: TelnyxAccount) -> None:
    document = published(account)
    for body in (b"From=%FF%00&\xff=\xfe", b"&".join(b"a%d=1" % at for at in range(2000)), b"=&&=", b""):
        assert client.post(path(document), body, content_type=FORM).status_code == 200
    assert client.get(f"{path(document)}?From=%FF%FE").status_code == 200


def test_a_document_that_cannot_be_filled_speaks_its_apology(client: Client, account: TelnyxAccount) -> None:
    draft = "<Response><Dial>{{ To | allow +13125550199 }}</Dial></Response>"
    document = published(account, draft, apology="Sorry & {{ goodbye }}")
    answer = fetch(client, document)
    assert answer.status_code == 200
    assert ElementTree.fromstring(answer.content).findtext("Say") == "Sorry & {{ goodbye }}"
    assert b"{{" not in answer.content
    row = TexmlFetch.objects.get()
    assert (row.verdict, "allowed" in row.problem) == ("apology", True)


def test_the_fallback_needs_no_database(client: Client, account: TelnyxAccount, monkeypatch: Any) -> None:
    document = published(account, apology="We are closed.")
    monkeypatch.setattr(serving, "_in_database", away)
    for answer in (client.get(f"{path(document)}fallback/"), client.post(f"{path(document)}fallback/", FETCH)):
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/xml; charset=utf-8")
        assert b"<Say>We are closed.</Say>" in answer.content
    assert [row.verdict for row in TexmlFetch.objects.all()] == ["fallback"] * 2
    assert client.get("/texml/nobody/fallback/").status_code == 404


# --- The database away, and back --------------------------------------------------------------------------------------


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The database is away for all that a fetch asks of it; each time that it is asked is counted."""
    asked: list[int] = []

    def fail(*_: Any, **__: Any) -> Any:
        asked.append(1)
        raise OperationalError("gone")

    monkeypatch.setattr(serving, "_in_database", fail)
    monkeypatch.setattr(intake, "record", fail)
    monkeypatch.setattr(serving.Database, "_look", lambda self: None)
    monkeypatch.setattr("voice.documents.fetch_log._write", fail)
    return asked


def test_it_serves_the_last_version_without_a_database_and_counts_what_is_not_logged(
    client: Client, account: TelnyxAccount, gone: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = published(account)
    assert b"press 1." in fetch(client, document).content
    assert b"press 1." in fetch(client, document).content
    assert len(gone) == 3  # once for the document, and twice for the log: nobody waits for it again
    assert client.get("/texml/nobody/").status_code == 404
    writer = fetch_log.writer
    monkeypatch.undo()  # it is back
    writer.flush()
    document.refresh_from_db()
    assert (document.unlogged, TexmlFetch.objects.count()) == (2, 0)


def test_a_required_signature_is_required_without_a_database(
    client: Client, account: TelnyxAccount, gone: list[int]
) -> None:
    document = published(account, signature="required")
    assert fetch(client, document, sign=False).status_code == 400
    assert fetch(client, document).status_code == 200


def test_an_error_that_is_no_outage_is_no_reason_to_serve_an_old_version(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise OperationalError("no such column") from _NoSuchColumn()

    published(account)
    monkeypatch.setattr(serving, "_in_database", broken)
    with pytest.raises(OperationalError):
        serving.find("x")


class _NoSuchColumn(Exception):
    sqlstate = "42703"


def test_an_event_that_cannot_be_stored_keeps_no_caller_waiting(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = published(account)
    for error in (OperationalError("gone"), RuntimeError("a bug")):

        def fail(*_: Any, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(intake, "record", fail)
        assert b"press 1." in fetch(client, document).content


# --- While something is suspended -------------------------------------------------------------------------------------

CALLS = "<Response><Say>Wait.</Say><Dial><Number>+13125550001</Number></Dial></Response>"
APOLOGY = b"<Say>We are sorry, this call cannot be handled at the moment."


@pytest.mark.parametrize("connection_id", ["", CONNECTION])
def test_suspended_a_document_that_calls_somebody_is_an_apology_and_lifted_it_is_back(
    client: Client, account: TelnyxAccount, connection_id: str
) -> None:
    document = published(account, CALLS)
    row = stops.suspend(account, connection_id, "Toll fraud, ask Ada +13125550123.", PORTAL)
    answer = fetch(client, document, ConnectionId=CONNECTION)
    assert (answer.status_code, APOLOGY in answer.content) == (200, True)
    assert b"Dial" not in answer.content
    stops.lift(row, PORTAL)
    assert b"<Number>+13125550001</Number>" in fetch(client, document, ConnectionId=CONNECTION).content
    told, later = TexmlFetch.objects.order_by("at")
    assert (told.verdict, later.verdict) == ("suspended", "served")
    assert "is suspended here since" in told.problem
    assert "3125550123" not in told.problem
    assert CallEvent.objects.exists()  # the webhook is kept as ever


@pytest.mark.parametrize(
    ("inside", "is_apology"),
    [
        ("<Dial>+13125550001</Dial>", True),
        ("<Dial><Sip>sip:ada@example.com</Sip></Dial>", True),
        ("<Refer><Sip>sip:ada@example.com</Sip></Refer>", True),
        ('<Connect><AIAssistant id="assistant-1"/></Connect>', True),
        ("<Say>We are closed.</Say>", False),
        ("<Dial><Queue>support</Queue></Dial>", False),
        ("<Enqueue>support</Enqueue>", False),
    ],
)
def test_suspended_what_rings_nobody_is_served(
    client: Client, account: TelnyxAccount, inside: str, is_apology: bool
) -> None:
    document = published(account, f"<Response>{inside}</Response>")
    stops.suspend(account, "", "", PORTAL)
    assert (APOLOGY in fetch(client, document, ConnectionId=CONNECTION).content) is is_apology


def test_another_application_s_suspension_holds_no_document(client: Client, account: TelnyxAccount) -> None:
    document = published(account, CALLS)
    stops.suspend(account, "7", "", PORTAL)
    assert b"Dial" in fetch(client, document, ConnectionId=CONNECTION).content
    assert b"Dial" in fetch(client, document).content  # of which nobody knows the application


def test_the_action_of_a_verb_is_held_by_the_application_of_its_call(client: Client, account: TelnyxAccount) -> None:
    document = published(account, CALLS)
    call = make_call(account, "t", connection_id=CONNECTION)
    stops.suspend(account, CONNECTION, "", PORTAL)
    assert APOLOGY in fetch(client, document, CallSid=call.call_control_id, Digits="1").content
    for odd in ({"ConnectionId": "\x00"}, {"CallSid": "\x00"}, {"ConnectionId[]": "7"}):
        assert client.get(path(document), FETCH | odd).status_code in {200, 400}


def test_a_suspended_one_is_served_when_the_database_goes_away_meanwhile(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving.Database, "_look", lambda self: None)
    monkeypatch.setattr(serving.database, "is_away", False)
    document = published(account, CALLS)
    stops.suspend(account, "", "", PORTAL)
    monkeypatch.setattr("voice.documents.serving.standing.find", away)
    assert client.get(path(document), FETCH | {"ConnectionId": CONNECTION}).status_code == 200
    assert serving.database.is_away


@pytest.mark.django_db(transaction=True)
def test_a_thousand_fetches_during_publishing_see_one_version_or_the_other(account: TelnyxAccount) -> None:
    def draft(word: str) -> str:
        return f"<Response><Say>{word}</Say><Say>{{{{ word }}}}</Say></Response>"

    document = make_document(account, draft("v1"), variables={"word": "v1"})
    service.publish(document, PORTAL)
    latest, stop = [1], threading.Event()

    def ask(_: int) -> tuple[int, str, int]:
        at_least = latest[0]
        try:
            answer = Client().get(path(document))
            said = {element.text for element in ElementTree.fromstring(answer.content)}
        finally:
            connections.close_all()
        return answer.status_code, "/".join(sorted(str(one) for one in said)), at_least

    def publish() -> None:
        number = 1
        while not stop.is_set() and number < 30:
            document.draft, document.variables = draft(f"v{number + 1}"), {"word": f"v{number + 1}"}
            service.save_document(document, PORTAL)
            number = service.publish(document, PORTAL).number
            latest[0] = number  # from now on nobody is served an older one
        connections.close_all()

    publisher = threading.Thread(target=publish)
    publisher.start()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(1000)))
    stop.set()
    publisher.join()
    assert latest[0] > 1
    assert {status for status, _, _ in answers} == {200}
    assert all("/" not in said for _, said, _ in answers)
    assert all(int(said[1:]) >= at_least for _, said, at_least in answers)
