"""The audit trail is read, and nothing else."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from portal.models import AuditEvent, TelnyxAccount
from portal.trail import export
from voice.dialling import limits
from voice.models import Limits

AUDIT = "/admin/portal/auditevent/"


def test_the_audit_trail_is_read_only_even_for_an_administrator(browser, operator):
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_id="v3:1", details={"to": "<b>"})
    event = AuditEvent.objects.get()
    page = browser.get(f"{AUDIT}{event.pk}/change/").content.decode()
    assert "&quot;to&quot;: &quot;&lt;b&gt;&quot;" in page
    assert browser.get(f"{AUDIT}add/").status_code == 403
    assert browser.post(f"{AUDIT}{event.pk}/change/", {"actor": "x"}).status_code == 403
    assert browser.post(f"{AUDIT}{event.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("words", ["ada", "call.d", "v3:one"])
def test_the_audit_trail_is_searched_by_actor_action_and_object(browser, words):
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_id="v3:one", object_label="the wanted")
    AuditEvent.objects.create(actor="user: bob", action="token.make", object_id="2", object_label="the other")
    page = browser.get(AUDIT, {"q": words}).content.decode()
    assert "the wanted" in page
    assert "the other" not in page


def test_what_was_and_what_is_are_told_in_the_list_and_on_the_page(browser: Client, account: TelnyxAccount) -> None:
    limits.of_account(account)
    row = Limits.objects.get(account=account)
    form = browser.get(f"/admin/voice/limits/{row.pk}/change/").context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    posted = {
        name: ", ".join(one) if isinstance(one, list) else one
        for name, one in values.items()
        if one not in (None, False)
    }
    browser.post(f"/admin/voice/limits/{row.pk}/change/", posted | {"dials_per_minute": "7"})
    event = AuditEvent.objects.get(action="limits.update")
    assert (event.details["was"], event.details["now"]) == ({"dials_per_minute": 1000}, {"dials_per_minute": 7})
    page = browser.get(AUDIT).content.decode()
    assert "dials_per_minute: 1000 → 7" in page
    assert "Changed limits" in page
    assert f'href="/admin/voice/limits/{row.pk}/change/"' in page
    one = browser.get(f"{AUDIT}{event.pk}/change/").content.decode()
    assert ('<del class="portal-value">1000</del>' in one, '<ins class="portal-value">7</ins>' in one) == (True, True)


def test_a_group_s_permissions_and_a_person_s_groups_are_told_as_they_were(browser: Client, user_with: Any) -> None:
    person, group = user_with("Support", username="bob"), Group.objects.get(name="Developers")
    form = {"username": "bob", "is_active": "on", "is_staff": "on", "groups": [group.pk]}
    assert browser.post(f"/admin/auth/user/{person.pk}/change/", form).status_code == 302
    details = AuditEvent.objects.get(action="user.update").details
    assert (details["was"], details["now"]) == ({"groups": ["Support"]}, {"groups": ["Developers"]})


def test_an_account_s_public_key_is_told_and_its_api_key_is_not(browser: Client, account: TelnyxAccount) -> None:
    url = f"/admin/portal/telnyxaccount/{account.pk}/change/"
    values = {"name": "renamed", "base_url": account.base_url, "public_key": account.public_key}
    assert browser.post(url, values).status_code == 302
    event = AuditEvent.objects.get(action="account.update")
    assert (event.details["was"], event.details["now"]) == ({"name": "main"}, {"name": "renamed"})


def test_the_list_is_filtered_by_person_kind_object_and_day(browser: Client) -> None:
    for at, (actor, action, kind) in enumerate([("user: ada", "call.dial", "voice.call"), ("token: ci", "x.y", "a.b")]):
        AuditEvent.objects.create(actor=actor, action=action, object_type=kind, object_label=f"the object {at}")
    for query in ({"actor": "user: ada"}, {"action": "call.dial"}, {"object_type": "voice.call"}):
        page = browser.get(AUDIT, query).content.decode()
        assert ("the object 0" in page, "the object 1" in page) == (True, False), query


def test_it_is_exported_as_it_is_filtered_and_that_is_noted(browser: Client) -> None:
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_label="=HYPERLINK(1)", details={"n": 1})
    AuditEvent.objects.create(actor="user: bob", action="flow.delete", object_label="other")
    answer = browser.get(f"{AUDIT}export/?q=call.dial")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [(row["who"], row["what"], row["object"], row["details"]) for row in rows] == [
        ("user: ada", "Asked of a call: dial", "'=HYPERLINK(1)", '{"n": 1}')
    ]
    assert AuditEvent.objects.get(action="audit.export").details == {"filtered": "q=call.dial"}


@pytest.mark.parametrize("words", ["a " * 11, "x" * 601])
def test_what_a_refused_search_does_not_narrow_is_no_file(browser: Client, words: str) -> None:
    answer = browser.get(f"{AUDIT}export/", {"q": words}, follow=True)
    assert answer.redirect_chain == [(AUDIT, 302)]
    assert "was not searched" in answer.content.decode()
    assert not AuditEvent.objects.filter(action="audit.export").exists()
    assert browser.get(f"{AUDIT}export/", {"q": " "}).status_code == 200  # nothing is searched for


def test_who_may_not_see_numbers_gets_none_in_list_page_or_file(user_with: Any) -> None:
    details = {"was": {"blocked": ["+13125550123"]}, "now": {"blocked": ["+13125550124"]}, "other": "+13125550125"}
    event = AuditEvent.objects.create(
        actor="token: +13125550126", action="limits.update", object_label="call +13125550127", details=details
    )
    window, other = Client(), Client()
    window.force_login(user_with("portal.view_auditevent"))
    other.force_login(user_with("voice.view_call", username="other"))
    answer = window.get(f"{AUDIT}export/")
    shown = [b"".join(answer.streaming_content).decode()]
    shown += [window.get(url).content.decode() for url in (AUDIT, f"{AUDIT}{event.pk}/change/")]
    for text in shown:
        assert "Changed limits" in text
        assert "312555012" not in text
    assert other.get(f"{AUDIT}export/").status_code == 403


def test_a_long_export_says_where_it_was_cut(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "at most 50,000 lines" in browser.get(AUDIT).content.decode()
    monkeypatch.setattr(export, "MOST", 1)
    for name in "ab":
        AuditEvent.objects.create(actor="user: ada", action=f"x.{name}")
    text = b"".join(browser.get(f"{AUDIT}export/?q=x.").streaming_content).decode()
    assert (text.count("user: ada"), "Cut after 1 lines" in text) == (1, True)


def test_all_that_was_done_to_a_person_is_not_what_was_done_to_a_group_of_that_number(browser: Client) -> None:
    for kind in ("auth.user", "auth.group"):
        AuditEvent.objects.create(
            actor="user: ada", action="x.y", object_type=kind, object_id="7", object_label=f"the {kind}"
        )
    event = AuditEvent.objects.get(object_type="auth.user")
    page = browser.get(f"{AUDIT}{event.pk}/change/")
    assert "All that was done to it" in page.content.decode()
    listed = browser.get(page.context["about"]).context["cl"].result_list
    assert [one.object_label for one in listed] == ["the auth.user"]
