"""One box finds everything that a person may see, with scripts and without."""

import re
from typing import Any

from django.test import Client

from portal.finder import findings
from tests.support.factories import make_call


def found(client: Client, text: str, **more: str) -> str:
    return client.get("/admin/search/", {"q": text, **more}).content.decode()


def test_strangers_find_nothing(client: Client) -> None:
    assert client.get("/admin/search/?q=x").status_code == 302
    assert client.get("/admin/search/?q=x&part=1").status_code == 302


def test_pages_and_actions_are_found_by_the_beginnings_of_their_words(browser: Client) -> None:
    page = found(browser, "dial num")
    assert "Dial a number" in page
    assert "/admin/voice/call/dial/" in page
    assert "What is looked for" not in page
    assert "Audit trail" in found(browser, "audit")
    assert "/admin/help/alerts/#muting" in found(browser, "muting")


def test_who_may_nothing_finds_pages_of_nobody_else(client: Client, user_with: Any, account: Any) -> None:
    client.force_login(user_with())
    for text in ("dial", "audit", account.name, "front"):
        page = found(client, text, part="1")
        for hidden in ("/admin/voice/", "/admin/portal/", "/admin/auth/", "/admin/applications/"):
            assert f'href="{hidden}' not in page, text
    assert "My time zone" in found(client, "zone")


def test_an_id_leads_straight_to_its_thing(browser: Client, account: Any) -> None:
    call = make_call(account, "a", call_session_id="6f1c9f3e-0000-4000-8000-000000000001")
    for text in (str(call.pk), call.call_control_id, f" {call.call_session_id} "):
        answer = browser.get("/admin/search/", {"q": text})
        assert (answer.status_code, answer.headers.get("Location")) == (302, f"/admin/voice/call/{call.pk}/change/")
        assert browser.get("/admin/search/", {"q": text, "part": "1"}).status_code == 200  # they are still typing


def test_two_things_of_one_id_are_both_shown(browser: Client, account: Any) -> None:
    session = "6f1c9f3e-0000-4000-8000-000000000001"
    calls = [make_call(account, leg, call_session_id=session) for leg in "ab"]
    page = found(browser, session)
    assert all(f"/admin/voice/call/{call.pk}/change/" in page for call in calls)


def test_a_list_that_is_cut_says_so(browser: Client, account: Any) -> None:
    for at in range(findings.MOST + 1):
        make_call(account, f"leg-{at}", from_number="+13125550001")
    page = found(browser, "(312) 555-0001")
    assert len(re.findall(r'href="/admin/voice/call/[0-9a-f-]{36}/change/"', page)) == findings.MOST
    assert f"Only the first {findings.MOST} are shown" in page
    assert "/admin/voice/call/?q=%28312%29+555-0001" in page


def test_bad_input_gets_words(browser: Client) -> None:
    assert "Search for at most 600 characters" in found(browser, "x" * 601)
    assert "Nothing is called “&lt;b&gt;zz”" in found(browser, "<b>zz")
    assert browser.post("/admin/search/").status_code == 405
    assert "What you can do" in found(browser, "")
    for text in ("%", "_", "'", "\\", "🙂", "00000000-0000-0000-0000-00000000000g", "+", "...", "v3:"):
        assert browser.get("/admin/search/", {"q": text}).status_code == 200
