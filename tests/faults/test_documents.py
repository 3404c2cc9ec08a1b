"""Documents are served whatever is away, and a fetch during a publish gets one version or the other, whole."""

import http.client
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest

from tests.faults.world import World, thorough

FORM = {"From": "+13125550187", "To": "+13125550188", "CallingPartyType": "pstn"}
Fetched = tuple[int, str]


class Hosted:
    """A document of the line's account, as its author and as Telnyx see it."""

    def __init__(self, world: World) -> None:
        self.world = world
        made = {"name": "Menu", "account": world.client.line.name, "draft": self.source(1)}
        status, answer = world.portal.ask("POST", "/api/v1/texml/documents/", made)
        assert status == 201, answer
        self.rest, self.path = f"/api/v1/texml/documents/{answer['id']}/", urlsplit(answer["url"]).path
        self.publish()

    def source(self, number: int) -> str:
        """A document that says its number at the beginning, often, and at the end."""
        says = f"<Say>version {number} for {{{{ From }}}}</Say>"
        return f"<Response>{says * 200}<Hangup/></Response>"

    def publish(self, number: int | None = None) -> None:
        if number is not None:
            status, answer = self.world.portal.ask("PATCH", self.rest, {"draft": self.source(number)})
            assert status == 200, answer
        status, answer = self.world.portal.ask("POST", f"{self.rest}publish/", {"confirmed": True})
        assert status == 201, answer

    def fetch(self, number: int, port: int | None = None) -> Fetched:
        """Ask as Telnyx does, for a call of its own."""
        body = urlencode(FORM | {"CallSid": f"v3:fetch-{number}"})
        line = http.client.HTTPConnection("127.0.0.1", port or self.world.portal.port, timeout=120)
        try:
            line.request("POST", self.path, body, {"Content-Type": "application/x-www-form-urlencoded"})
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()

    def fetch_all(self, count: int, *ports: int) -> list[Fetched]:
        at = ports or (self.world.portal.port,)
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(lambda number: self.fetch(number, at[number % len(at)]), range(count)))


def versions(answers: list[Fetched]) -> set[int]:
    """The versions that were answered; each answer is a whole one of them."""
    assert {status for status, _ in answers} == {200}
    found = set()
    for _, body in answers:
        said = set(re.findall(r"version (\d+) for", body))
        assert len(said) == 1, body[:200]
        assert body.count("<Say>") == 200
        assert body.endswith("</Response>")
        found.add(int(said.pop()))
    return found


@pytest.mark.row("F06", "F01")
def test_documents_are_served_while_workers_and_broker_are_away(world: World) -> None:
    document = Hosted(world)
    world.portal.kill("events", "commands", "beat", "sweep")
    world.portal.broker.kill()
    assert versions(document.fetch_all(100)) == {1}
    document.publish(2)
    assert versions(document.fetch_all(100)) == {2}


@pytest.mark.row("F10")
@pytest.mark.parametrize("how", ["frozen", "stopped", thorough("reset"), thorough("blackhole")])
def test_the_last_published_version_is_served_while_the_database_is_away(world: World, how: str) -> None:
    document, postgres = Hosted(world), world.portal.postgres
    document.publish(2)
    break_it: dict[str, Callable[[], None]] = {"frozen": postgres.freeze, "stopped": postgres.stop}
    break_it.get(how, lambda: world.portal.database_proxy.spoil(how))()
    assert versions(document.fetch_all(100)) == {2}  # nobody asked for the second one while the database was there
    assert document.fetch(0)[0] == 200


def test_fetches_during_a_publish_get_one_version_or_the_other(world: World) -> None:
    document = Hosted(world)
    ports = (world.portal.port, world.portal.another_web("beside"))
    assert versions(document.fetch_all(20, *ports)) == {1}
    newest = [1]
    stopping = threading.Event()

    def publish() -> None:
        while not stopping.is_set():
            document.publish(newest[0] + 1)
            newest[0] += 1

    author = threading.Thread(target=publish)
    author.start()
    try:
        answers = document.fetch_all(1000, *ports)
    finally:
        stopping.set()
        author.join(60)
        world.portal.dismiss("beside")
    assert newest[0] > 1  # it was published meanwhile
    assert versions(answers) <= set(range(1, newest[0] + 1))
    assert versions(document.fetch_all(20)) == {newest[0]}
