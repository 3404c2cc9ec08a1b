"""Applications of both kinds are found by who may see them."""

from typing import Any

from django.test import Client

from applications.models import CallControlApplication, TexmlApplication


def test_by_a_part_of_the_name_or_the_whole_id(browser: Client, account: Any) -> None:
    one = CallControlApplication.objects.create(account=account, telnyx_id="1293", application_name="Front desk")
    two = TexmlApplication.objects.create(account=account, telnyx_id="88", friendly_name="front door")
    page = browser.get("/admin/search/", {"q": "FRONT"}).content.decode()
    addresses = [
        f"/admin/applications/callcontrolapplication/{one.pk}/change/",
        f"/admin/applications/texmlapplication/{two.pk}/change/",
    ]
    assert all(address in page for address in addresses)
    for text, address in (("1293", addresses[0]), (str(two.pk), addresses[1])):
        assert browser.get("/admin/search/", {"q": text}).headers["Location"] == address


def test_each_kind_asks_its_own_permission(client: Client, account: Any, user_with: Any) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="1293", application_name="Front desk")
    client.force_login(user_with("applications.view_texmlapplication"))
    for text in ("front", "1293"):
        assert "Front desk" not in client.get("/admin/search/", {"q": text, "part": 1}).content.decode()
