"""The handbook is for whoever is signed in, and for nobody else."""

from django.test import Client
from django.urls import reverse


def test_whoever_is_signed_in_reads_it(client: Client, user_with) -> None:
    assert client.get("/admin/help/calls/").status_code == 302
    client.force_login(user_with())
    assert client.get("/admin/help/").headers["Location"] == "/admin/help/index/"
    answer = client.get("/admin/help/calls/")
    assert answer.status_code == 200
    assert '<h2 id="dial">Dial</h2>' in answer.content.decode()
    assert client.get("/admin/help/nothing/").status_code == 404


def test_pictures_are_served_and_nothing_beside_them(browser: Client) -> None:
    answer = browser.get("/admin/help/images/call.png")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    for name in ("..%2Fsettings.md", "nothing.png", "call.txt"):
        assert browser.get(f"/admin/help/images/{name}", follow=True).status_code == 404


def test_each_page_leads_to_its_help(browser: Client) -> None:
    assert 'href="/admin/help/inbox/"' in browser.get(reverse("admin:voice_inbox")).content.decode()
    assert 'href="/admin/help/calls/#the-journal"' in browser.get("/admin/voice/callcommand/").content.decode()
