"""The street door of a running portal: bytes on a socket in, rows out."""

import json
import re
import socket
import time
from collections.abc import Iterator
from itertools import cycle

import pytest

from portal.models import TelnyxAccount
from portal.runtime.web_worker import MOST_OF_ONE_ADDRESS
from tests.badinput.street import ALIAS, PREVIOUS_KEY, Answer, Street
from tests.corpus import documents, signatures, texml, transport
from tests.corpus.cases import CANARIES, Case
from tests.corpus.documents import Document
from tests.support.http_servers import answer as http_answer
from tests.support.http_servers import serving
from tests.support.payloads import PAYLOADS
from tests.support.portal_processes import wait_for
from tests.support.signing import TELNYX_KEY
from voice.models import CallEvent

pytestmark = pytest.mark.long
SCRIPT = b"/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
Wrongs = dict[str, str]


def test_odd_bytes_on_the_wire_are_answered_as_the_catalogue_says(street: Street) -> None:
    wrong: Wrongs = {}
    cases = list(transport.exchanges(street.wire))
    for case in cases:
        answer = street.send(*case.sent)
        if answer.status not in case.statuses:
            wrong[case.slug] = f"answered {answer.status}: {answer.text[:300]}"
        elif not all(text in answer.raw for text in case.answer_has):
            wrong[case.slug] = f"lacks {case.answer_has}: {answer.text[:300]}"
        wrong |= leaked(case, answer)
    assert not wrong, told(wrong)
    street.settle()
    ends = {bytes(event.body): event.status for event in street.events()}
    for case in cases:
        if case.ends and ends.get(case.body) not in case.ends:
            wrong[case.slug] = f"ended {ends.get(case.body)}"
    assert not wrong, told(wrong)
    refused = {transport.body_of(name) for name in ("framed", "heads", "methods", "targets")}
    assert not refused & ends.keys()


def test_whoever_never_finishes_a_request_is_let_go_and_keeps_no_thread(street: Street) -> None:
    waiting = [street.connect() for _ in range(street.threads)]
    for connection, (_, _, sent) in zip(waiting, cycle(transport.stalled(street.wire)), strict=False):
        connection.sendall(sent)
    dripping = waiting.pop(0)
    deadline = time.monotonic() + 180
    while not is_gone(dripping):
        assert time.monotonic() < deadline, "a slow sender is waited for as long as it likes"
        drip(dripping)
    assert street.send(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").status == 200
    for connection in waiting:
        connection.settimeout(max(deadline - time.monotonic(), 1))
        while received(connection):
            pass
        connection.close()
    assert transport.body_of("stalled") not in {bytes(event.body) for event in street.events()}


def test_a_webhook_is_answered_while_others_say_nothing_or_half_of_it(street: Street) -> None:
    """None of the threads waits for any of these, and none was let go to make room for the answer."""
    halves = [sent for _, _, sent in transport.stalled(street.wire)] * street.threads
    silent = [street.connect() for _ in range(40)]
    begun = [street.connect() for _ in halves]
    for connection, sent in zip(begun, halves, strict=True):
        connection.sendall(sent)
    assert post(street, transport.body_of("beside the silent ones")).status == 200
    assert [connection for connection in (*silent, *begun) if is_closed(connection)] == []
    for connection in (*silent, *begun):
        connection.close()


def test_a_webhook_is_answered_while_others_do_not_take_their_answers_or_do_not_go(street: Street) -> None:
    host = f"Host: {street.host}\r\n".encode()
    lasting = [street.connect() for _ in range(street.threads)]
    for connection in lasting:
        connection.sendall(b"GET /livez HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200 ")
    deaf = [street.connect() for _ in range(street.threads)]
    for connection in deaf:  # more than the machine keeps for one connection
        connection.sendall((b"GET " + SCRIPT + b" HTTP/1.1\r\n" + host + b"\r\n") * 20)
        assert received(connection).startswith(b"HTTP/1.1 200 ")
    for at in range(25):  # each lets the deaf ones have one more of theirs, until nothing more of it goes
        assert post(street, transport.body_of(f"beside the deaf ones {at}")).status == 200
    assert [connection for connection in deaf if is_closed(connection)] == []
    for connection in (*lasting, *deaf):
        connection.close()


def test_one_address_has_so_many_connections_and_the_proxys_has_more(street: Street) -> None:
    """Over the limit a connection is closed; whoever comes from elsewhere, or through the proxy, is served."""
    most = MOST_OF_ONE_ADDRESS * street.workers  # each process counts its own
    far = [street.connect(source="127.0.0.2") for _ in range(most + 1)]
    wait_for(lambda: any(is_closed(one) for one in far), "the end of one connection", street.log)
    near = [street.connect() for _ in range(most + 1)]
    assert [connection for connection in near if is_closed(connection)] == []
    assert post(street, transport.body_of("beside the many")).status == 200
    next((one for one in far if not is_closed(one)), far[0]).close()
    wait_for(lambda: is_served(street, "127.0.0.2"), "room for the address again", street.log)
    for connection in (*far, *near):
        connection.close()


def is_served(street: Street, source: str) -> bool:
    with street.connect(source=source) as connection:
        connection.sendall(f"GET /livez HTTP/1.1\r\nHost: {street.host}\r\n\r\n".encode())
        return received(connection).startswith(b"HTTP/1.1 200 ")


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it by now."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def drip(connection: socket.socket) -> None:
    try:
        connection.sendall(b" ")
    except OSError:
        pass  # seen by is_gone


def is_gone(connection: socket.socket) -> bool:
    """Whether the other side has closed it, waiting a second for that."""
    connection.settimeout(1)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    connection.close()
    return True


def received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except ConnectionError:
        return b""


def test_only_what_the_account_signed_lately_comes_in(street: Street) -> None:
    wrong: Wrongs = {}
    taken, refused = set(), set()
    for case in signatures.requests(TELNYX_KEY, PREVIOUS_KEY, time.time()):
        answer = street.send(request(street, case))
        if answer.status != case.status:
            wrong[case.slug] = f"answered {answer.status}: {answer.text[:300]}"
        wrong |= leaked(case, answer)
        (taken if case.status == 200 else refused).add(case.body)
    assert not wrong, told(wrong)
    stored = {bytes(event.body) for event in street.events()}
    assert taken <= stored
    assert not (refused - taken) & stored


def test_a_key_that_was_taken_away_signs_nothing(street: Street) -> None:
    """S11: the previous key, once its rotation is over."""
    body = transport.body_of("rotated")
    rows = TelnyxAccount.objects.using(ALIAS).filter(pk=street.account.pk)
    street.ask_rows(lambda: rows.update(previous_public_key=""))
    try:
        head = signatures.sign(body, PREVIOUS_KEY, time.time())
        case = signatures.Request(number="S11", name="rotated", headers=tuple(head.items()), body=body)
        assert street.send(request(street, case)).status == 400
    finally:
        street.ask_rows(lambda: rows.update(previous_public_key=street.account.previous_public_key))
    assert body not in {bytes(event.body) for event in street.events()}


def test_a_guessed_address_is_404_and_all_guesses_look_the_same(street: Street) -> None:
    """S20."""
    body = transport.body_of("guessed")
    bodies = set()
    for guess in ("a", "A" * 43, "..", "%2e%2e", "-" * 200, "nobody", street.account.webhook_token[:-1]):
        answer = street.send(street.wire.post(body, target=f"/webhooks/{guess}/call-control/"))
        assert answer.status == 404
        bodies.add(re.sub(rb'"request_id": ?"[^"]*"', b"", answer.raw.partition(b"\r\n\r\n")[2]))
    assert len(bodies) == 1
    assert not [event for event in street.events() if bytes(event.body) == body]


@pytest.mark.parametrize("door", ["wire", "texml"])
def test_odd_documents_are_stored_and_reach_the_end_the_catalogue_says(street: Street, door: str) -> None:
    wrong: Wrongs = {}
    cases = [*documents.documents(), *some_fuzzed()] if door == "wire" else list(texml.forms())
    before = street.resident()
    for case in cases:
        answer = street.send(getattr(street, door).post(case.body))
        if answer.status != 200:
            wrong[case.slug] = f"answered {answer.status}: {answer.text[:300]}"
        wrong |= leaked(case, answer)
    grown = street.resident() - before
    street.settle()
    source = "webhook" if door == "wire" else "texml"
    events = {bytes(event.body): event for event in street.events(source=source)}
    for case in cases:
        if complaint := judged(case, events.get(case.body)):
            wrong[case.slug] = complaint
    assert not wrong, told(wrong)
    assert grown < 80 * 1024 * 1024


def test_a_form_that_nobody_signed_tells_nothing(street: Street) -> None:
    wrong: Wrongs = {}
    for case in texml.requests(street.texml):
        answer = street.send(*case.sent)
        if answer.status not in case.statuses:
            wrong[case.slug] = f"answered {answer.status}: {answer.text[:300]}"
        wrong |= leaked(case, answer)
    assert not wrong, told(wrong)
    street.settle()
    unsigned = texml.form("unsigned")["CallSid"]
    assert not street.events(call_control_id=unsigned)


def test_of_two_bodies_of_one_event_the_first_is_worked_off_and_the_other_at_most_kept(street: Street) -> None:
    for case in documents.twins():
        before = street.count()
        for body in (case.first, case.second, case.first, case.second):
            assert post(street, body).status == 200, case.slug
        assert street.count() - before == 1 + case.variant, case.slug
        street.settle()
        (first,) = [event for event in street.events() if bytes(event.body) == case.first]
        assert first.status == "processed", case.slug
        rest = [event.status for event in street.events() if bytes(event.body) == case.second != case.first]
        assert rest == ["quarantined"] * case.variant, case.slug


def test_no_address_that_a_webhook_tells_is_asked(street: Street) -> None:
    """J34."""
    with serving(http_answer("200 OK")) as listener:
        body = documents.event("listener", "call.recording.saved", recording_urls={"mp3": f"{listener.url}/a.mp3"})
        assert post(street, json.dumps(body).encode()).status == 200
        street.settle()
        assert listener.requests == []


def test_the_same_event_a_hundred_times_is_one_row(street: Street) -> None:
    body = transport.body_of("a hundred times")
    before = street.count()
    assert {post(street, body).status for _ in range(100)} == {200}
    assert street.count() == before + 1


def test_no_line_of_any_log_tells_a_number_or_a_secret(street: Street) -> None:
    """After all the others of this file, or on its own."""
    for case in transport.exchanges(street.wire):
        street.send(*case.sent)
    log = street.log.read_text()
    assert log.count("\n") > 10
    secrets = (*CANARIES, street.account.webhook_token, "KEYcanary")
    assert [line for line in log.splitlines() if any(secret in line for secret in secrets)] == []
    assert [line for line in log.splitlines() if '"level": "error"' in line and "DisallowedHost" not in line] == []
    assert all(json.loads(line) for line in log.splitlines()), "one object a line, whatever was in it"


def every_fuzzed() -> Iterator[Document]:
    """J24 for one event of each type there is a payload of."""
    for path in sorted((PAYLOADS / "call_control").glob("*.json")):
        yield from documents.fuzzed(json.loads(path.read_text())["body"])


def post(street: Street, body: bytes) -> Answer:
    """A webhook, signed."""
    return street.send(street.wire.post(body))


def some_fuzzed() -> Iterator[Document]:
    """Every fifteenth: all of them go through the pure part in ``test_orders``."""
    for at, case in enumerate(every_fuzzed()):
        if at % 15 == 0:
            yield case


def request(street: Street, case: signatures.Request) -> bytes:
    lines = [f"{name}: {value}" for name, value in case.headers]
    head = [f"POST {street.wire.path} HTTP/1.1", f"Host: {street.host}", f"Content-Length: {len(case.body)}", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + case.body


def judged(case: Document, event: CallEvent | None) -> str:
    """What is wrong with how ``case`` ended; empty when nothing is."""
    if event is None:
        return "was not stored"
    if event.reason == CallEvent.Reason.VARIANT:
        return "has the key of another case, and says nothing itself"
    if event.status not in case.ends:
        return f"ended {event.status}: {event.error}"
    for column, value in case.told:
        if event.call is None or getattr(event.call, column) != value:
            return f"{column} is {getattr(event.call, column, None)!r}"
    return ""


def leaked(case: Case, answer: Answer) -> Wrongs:
    found = [canary for canary in CANARIES if canary in answer.text]
    return {f"{case.slug} echo": f"{found} in {answer.text[:300]}"} if found else {}


def told(wrong: Wrongs) -> str:
    return "\n".join(f"{name}: {complaint}" for name, complaint in wrong.items())
