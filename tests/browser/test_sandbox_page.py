"""The page of the sandbox itself: somebody rings, presses keys, speaks and hangs up there; by keyboard as well."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Browser, Route, expect

from portal.sandbox.server.server import Sandbox
from tests.browser.conftest import Watched
from tests.browser.everybody import axe
from tests.support.media_servers import MediaServer
from tests.support.polling import eventually
from tests.support.sandbox_applications import make_named
from tests.support.sandbox_http import Http

pytestmark = pytest.mark.browser


@pytest.fixture
def http(sandbox: Sandbox) -> Http:
    http = Http(sandbox.port, sandbox.exchange)
    make_named(http, "menu")
    return http


@pytest.fixture
def window(chromium: Browser, sandbox: Sandbox, http: Http) -> Iterator[Watched]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    watched = Watched(context.new_page(), sandbox.control_url.removesuffix("/sandbox"))
    axe.bring(watched)
    watched.open("/sandbox")
    yield watched
    context.close()
    assert watched.wrongs == []


def the_call(http: Http) -> dict[str, Any]:
    (call,) = http("GET", "/sandbox/calls")[1]["calls"]
    return call


def ring(window: Watched, http: Http) -> str:
    """Somebody rings by the page, and the application answers and asks."""
    window.page.get_by_role("button", name="Ring", exact=True).click()
    expect(window.page.locator("#who")).to_contain_text("ringing")
    id: str = the_call(http)["call_control_id"]
    http.act(id, "answer")
    http.act(id, "gather", maximum_digits=2)
    expect(window.page.locator("#who")).to_contain_text("answered")
    return id


def digits(http: Http) -> list[str]:
    query = "kind=deliveries&event_type=call.gather.ended&wait=30"
    return [line["body"]["payload"]["digits"] for line in http("GET", f"/sandbox/ledger?{query}")[1]["deliveries"]]


def test_a_list_that_is_older_than_the_choice_takes_nothing_back(window: Watched, http: Http) -> None:
    held: list[tuple[Route, APIResponse]] = []
    mode = "hold"

    def answer(route: Route) -> None:
        if route.request.method != "GET" or mode == "pass":
            route.continue_()
        elif mode == "hold":
            held.append((route, route.fetch()))

    window.page.route("**/sandbox/calls", answer)
    window.page.get_by_role("button", name="Pause the clock").click()
    eventually(lambda: window.page.evaluate("1") and held, "a list without the call")
    mode = "pass"
    window.page.get_by_role("button", name="Ring", exact=True).click()
    expect(window.page.locator("#who")).to_contain_text("ringing")
    mode = "never"
    for route, response in held:
        route.fulfill(response=response)
    expect(window.page.locator("#no-calls")).to_be_visible()
    expect(window.page.locator("#who")).to_contain_text("ringing")
    window.page.unroute_all(behavior="ignoreErrors")


def test_a_call_is_rung_played_and_ended(window: Watched, http: Http) -> None:
    ring(window, http)
    window.page.get_by_role("button", name="4", exact=True).click()
    window.page.locator("h1").click()
    window.page.keyboard.press("2")  # the key of the keyboard, with nothing under it
    expect(window.page.locator("#ledger")).to_contain_text("call.gather.ended")
    window.page.get_by_role("textbox", name="Say").fill("my order is late")
    window.page.keyboard.press("Enter")
    expect(window.page.get_by_role("textbox", name="Say")).to_have_value("")
    window.page.get_by_role("button", name="Hold").click()
    expect(window.page.locator("#ledger")).to_contain_text("call.hold")
    window.page.get_by_role("button", name="Hang up").click()
    expect(window.page.locator("#who")).to_contain_text("ended")
    assert the_call(http)["hangup_source"] == "caller"


def test_a_stream_is_told_of(window: Watched, http: Http) -> None:
    id = ring(window, http)
    with MediaServer() as server:
        http.act(id, "streaming_start", stream_url=server.url)
        expect(window.page.locator("#ledger")).to_contain_text(
            f"open {server.url} (frames sent: 0, seconds heard: 0.0, marks: 0)"
        )
        window.page.get_by_label("Show").select_option("streams")
        expect(window.page.locator("#ledger li")).to_have_count(1)


def test_a_fault_is_added_and_forgotten(window: Watched, http: Http) -> None:
    window.page.get_by_label("Path or event").fill("/calls/*/actions/answer")
    window.page.get_by_label("Code").fill("90034")
    window.page.get_by_role("button", name="Add").click()
    expect(window.page.locator("#faults")).to_contain_text("status 90034")
    assert http("GET", "/sandbox/faults")[1]["faults"][0]["code"] == "90034"
    window.page.get_by_role("button", name="Forget all").click()
    expect(window.page.locator("#faults li")).to_have_count(0)


def test_what_is_refused_is_said(window: Watched, http: Http) -> None:
    window.page.get_by_label("Times").fill("0")
    window.page.get_by_role("button", name="Add").click()
    expect(window.page.get_by_role("alert")).to_contain_text("'times'")
    assert [wrong for wrong in window.wrongs if "422" not in wrong] == []
    window.wrongs.clear()


def test_names_from_outside_stay_text(window: Watched, http: Http) -> None:
    make_named(http, "<img src=x onerror=alert(1)>")
    expect(window.page.get_by_label("Application")).to_contain_text("<img src=x")


def test_everything_is_reached_by_keyboard(window: Watched, http: Http) -> None:
    ring(window, http)
    reached = set()
    for _ in range(60):
        window.page.keyboard.press("Tab")
        reached.add(window.page.evaluate("document.activeElement.textContent.trim() || document.activeElement.name"))
    assert {"Ring", "1", "#", "Say", "Hold", "Hang up", "Add", "Forget all", "Pause the clock", "path"} <= reached


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_page(window: Watched, http: Http, width: int) -> None:
    ring(window, http)
    window.page.set_viewport_size({"width": width, "height": 900})
    assert window.page.evaluate("document.documentElement.scrollWidth") == width


def test_axe_finds_nothing_serious(window: Watched, http: Http) -> None:
    ring(window, http)
    assert axe.faults(window) == []
