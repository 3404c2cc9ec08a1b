"""The pages of the alerts, REST and figures: who sees them, who may mute, what is told."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applications.kinds import KINDS
from applications.models import Pull
from portal.models import ApiToken, AuditEvent, TelnyxAccount
from tests.support.alert_notices import body
from tests.support.alerts import alert
from tests.support.http_servers import answer, serving
from tests.support.rows import AlertMute, AlertRound
from tests.support.times import ago
from voice.alerts.findings import listing

pytestmark = pytest.mark.django_db
LIST = "/admin/voice/alert/"
MUTE, TEST = f"{LIST}mute/", f"{LIST}test/"


def page(browser: Client, url: str) -> str:
    response = browser.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_open_ones_come_first_and_lead_to_the_place(browser: Client, account: TelnyxAccount) -> None:
    alert(account, "older", opened_at=timezone.now() - timedelta(days=3), link="/admin/voice/callevent/")
    alert(account, "over", closed_at=timezone.now())
    text = page(browser, LIST)
    assert text.index("(older)") < text.index("(over)")
    assert 'href="/admin/voice/callevent/"' in text
    assert "(over)" not in page(browser, f"{LIST}?state=open")
    assert "(older)" not in page(browser, f"{LIST}?state=closed")


def test_the_list_is_narrowed_by_kind_account_and_the_beginning_of_the_subject(
    browser: Client, account: TelnyxAccount
) -> None:
    alert(account)
    alert(None, "events", kind="backlog")
    alert(None, "not main", kind="drift")
    for query, shown in (
        ("", {"main", "events", "not main"}),
        ("kind__exact=backlog", {"events"}),
        (f"account__id__exact={account.pk}", {"main"}),
        ("q=MAI", {"main"}),
    ):
        rows = browser.get(f"{LIST}?{query}").context["cl"].result_list
        assert {row.subject for row in rows} == shown, query


def test_the_list_tells_how_each_stands_and_how_long_it_lasted(browser: Client) -> None:
    now = timezone.now()
    alert(subject="lasts", opened_at=now - timedelta(days=3, minutes=5))
    alert(subject="is quiet", kind="drift", opened_at=now - timedelta(days=2, minutes=5))
    alert(subject="is over", opened_at=now - timedelta(days=9), closed_at=now - timedelta(days=9, hours=-2))
    AlertMute.objects.create(kind="drift", created_at=now, reason="known", by="user: ada")
    rows = re.findall(r"<tr.*?</tr>", page(browser, LIST), re.DOTALL)
    for subject, state, lasted in (
        ("lasts", "open", "3\xa0days"),
        ("is quiet", "muted", "2\xa0days"),
        ("is over", "closed", "2\xa0hours"),
    ):
        (row,) = (one for one in rows if f"({subject})" in one)
        assert (f">{state}</span>" in row, lasted in row) == (True, True), row


def test_the_list_says_when_the_checks_ran_last_and_that_they_never_did(browser: Client) -> None:
    assert "Nothing was checked yet." in page(browser, LIST)
    AlertRound.objects.create(at=timezone.now(), since=timezone.now())
    assert "Last check" in page(browser, LIST)


def test_the_list_has_the_time_of_the_last_check_and_offers_what_is_open_and_what_is_over(browser: Client) -> None:
    ran = AlertRound.objects.create(at=ago(90), since=ago(900))
    shown = browser.get(LIST).context
    assert shown["checked_at"] == ran.at
    filters = {getattr(one, "parameter_name", ""): one for one in shown["cl"].filter_specs}
    assert filters["state"].lookup_choices == [("open", "Open"), ("closed", "Closed")]


def test_the_page_of_an_alert_says_what_it_is_and_how_it_stands(browser: Client) -> None:
    now = timezone.now()
    AlertMute.objects.create(subject="quiet", created_at=now, reason="known", by="user: ada")
    stands = {alert(): "open", alert(subject="quiet"): "muted", alert(subject="over", closed_at=now): "closed"}
    for row, state in stands.items():
        shown = browser.get(f"{LIST}{row.pk}/change/").context
        assert (shown["title"], shown["state"]) == ("Dead events", state)


def test_the_page_of_an_alert_has_the_mutes_that_cover_it_and_the_list_all(browser: Client) -> None:
    mutes = {
        ("dead_events", ""): "of its kind",
        ("", "main"): "of its subject",
        ("dead_events", "other"): "of another subject",
        ("drift", "main"): "of another kind",
    }
    for (kind, subject), why in mutes.items():
        AlertMute.objects.create(kind=kind, subject=subject, created_at=timezone.now(), reason=why, by="user: ada")
    text = page(browser, f"{LIST}{alert().pk}/change/")
    assert [why for why in mutes.values() if why in text] == ["of its kind", "of its subject"]
    assert all(why in page(browser, LIST) for why in mutes.values())


def test_it_says_that_nobody_is_told_while_nothing_is_set_up(browser: Client, settings: Any) -> None:
    assert "Nobody is told of alerts" in page(browser, LIST)
    settings.ALERT_EMAILS = ["ada@example.com"]
    assert "Notices go to ada@example.com" in page(browser, LIST)


def test_it_says_by_which_ways_people_are_told(browser: Client, settings: Any) -> None:
    settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = "https://hooks.example/alerts?key=secret", bytes(24)
    assert "Notices go to hooks.example." in page(browser, LIST)
    settings.ALERT_EMAILS = ["ada@example.com", "bob@example.com"]
    assert "Notices go to 2 e-mail addresses and to hooks.example." in page(browser, LIST)


def test_the_page_of_an_alert_leads_to_the_place_and_has_what_was_found_in_figures(browser: Client) -> None:
    told = {"link": "/admin/voice/callevent/?q=wrong", "details": {"of_version_1": 5}}
    rich, plain = (page(browser, f"{LIST}{row.pk}/change/") for row in (alert(**told), alert(subject="plain")))
    for wanted in ("Look at it", 'href="/admin/voice/callevent/?q=wrong"', "<h2>Details</h2>", "of_version_1"):
        assert (wanted in rich, wanted in plain) == (True, False), wanted


def test_an_alert_leads_those_alone_who_may_open_what_it_is_about(account: TelnyxAccount, signed_in: Any) -> None:
    pull = Pull.objects.create(account=account, kind=KINDS[0].slug, state="done", updated=1)
    leads = {
        listing("voice_callevent", status__exact="dead"): ("voice.view_callevent",),
        reverse("admin:applications_pull_change", args=[pull.pk]): ("applications.view_pull",),
        reverse("admin:voice_inbox_account", args=[account.pk]): ("voice.view_rejectedrequest", "voice.view_callevent"),
    }
    for at, (link, rights) in enumerate(leads.items()):
        row = alert(account, f"subject {at}", link=link)
        for has, status in ((rights, 200), (rights[:-1], 403)):
            person = signed_in("voice.view_alert", *has, username=f"{at}-{status}")
            assert person.get(link).status_code == status
            for url in (LIST, f"{LIST}{row.pk}/change/"):
                text = page(person, url)
                assert (row.summary in text, f'href="{link}"' in text) == (True, status == 200), (link, url)


def test_a_hostile_summary_is_shown_as_text(browser: Client) -> None:
    row = alert(summary="<img src=x onerror=alert(1)>", details={"name": "<b>"})
    for url in (LIST, f"{LIST}{row.pk}/change/", "/admin/"):
        assert "<img src=x" not in page(browser, url)


def test_the_home_page_shows_what_is_open_and_not_muted(browser: Client, user_with: Any, client: Client) -> None:
    row = alert(subject="shown")
    alert(subject="over", closed_at=timezone.now())
    alert(subject="quiet", kind="backlog")
    AlertMute.objects.create(kind="backlog", created_at=timezone.now(), reason="known", by="user: ada")
    text = page(browser, "/admin/")
    assert f"{LIST}{row.pk}/change/" in text
    assert "(over)" not in text
    assert "(quiet)" not in text
    other = Client()
    other.force_login(user_with("voice.view_call"))
    assert "(shown)" not in page(other, "/admin/")


def test_the_home_page_stays_short_with_many(browser: Client) -> None:
    for at in range(7):
        alert(subject=f"account-{at}")
    text = page(browser, "/admin/")
    assert text.count("events were given up") == 5
    assert "All 7 alerts" in text


def test_a_person_mutes_and_unmutes_and_the_audit_knows(signed_in: Any) -> None:
    row = alert()
    browser = signed_in("voice.view_alert", "voice.change_alert")
    assert 'value="main"' in page(browser, f"{MUTE}?kind=dead_events&subject=main")
    sent = {"kind": "dead_events", "subject": "main", "span": "8 hours", "reason": "we know"}
    assert browser.post(MUTE, sent).status_code == 302
    mute = AlertMute.objects.get()
    assert mute.until is not None
    assert timedelta(hours=7.9) < mute.until - timezone.now() <= timedelta(hours=8)
    assert (mute.reason, mute.by) == ("we know", "user: person")
    shown = page(browser, f"{LIST}{row.pk}/change/")
    assert "muted" in shown
    assert "we know" in shown
    assert "portal-dim" in page(browser, LIST)
    assert browser.post(f"{LIST}mute/{mute.pk}/end/").status_code == 302
    assert not AlertMute.objects.exists()
    assert browser.post(f"{LIST}mute/{mute.pk}/end/").status_code == 404
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["alert.mute", "alert.unmute"]
    assert AuditEvent.objects.get(action="alert.mute").details["reason"] == "we know"


def test_a_subject_can_be_muted_whatever_is_wrong_with_it(browser: Client) -> None:
    sent = {"kind": "", "subject": "main", "span": "1 hour", "reason": "known"}
    assert browser.post(MUTE, sent)["Location"] == LIST
    assert list(AlertMute.objects.values_list("kind", "subject")) == [("", "main")]


def test_ending_one_mute_leaves_the_others(browser: Client) -> None:
    told = {"created_at": timezone.now(), "reason": "known", "by": "user: ada"}
    first, second = (AlertMute.objects.create(subject=subject, **told) for subject in ("first", "second"))
    for row, left in ((second, ["first"]), (first, [])):
        assert browser.post(f"{LIST}mute/{row.pk}/end/")["Location"] == LIST
        assert list(AlertMute.objects.values_list("subject", flat=True)) == left


def test_muting_again_replaces_and_for_ever_has_no_end(browser: Client) -> None:
    sent = {"kind": "drift", "subject": "", "span": "1 hour", "reason": "once"}
    browser.post(MUTE, sent)
    browser.post(MUTE, sent | {"span": "for ever", "reason": "twice"})
    assert list(AlertMute.objects.values_list("until", "reason")) == [(None, "twice")]


@pytest.mark.parametrize(("span", "hours"), [("1 hour", 1), ("8 hours", 8), ("1 day", 24), ("7 days", 168)])
def test_a_mute_lasts_as_long_as_was_chosen(browser: Client, span: str, hours: int) -> None:
    browser.post(MUTE, {"kind": "drift", "subject": "", "span": span, "reason": "known"})
    mute = AlertMute.objects.get()
    assert mute.until is not None
    assert mute.until - mute.created_at == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "", "subject": ""}, "not everything can be muted at once"),
        ({"kind": "nothing"}, "is not one of the available choices"),
        ({"span": "9 years"}, "is not one of the available choices"),
        ({"reason": ""}, "This field is required"),
        ({"subject": "x" * 151}, "at most 150 characters"),
        ({"subject": "\x00"}, "Null characters are not allowed"),
    ],
)
def test_a_mute_that_makes_no_sense_is_refused_in_words(browser: Client, wrong: dict[str, str], said: str) -> None:
    sent = {"kind": "drift", "subject": "main", "span": "1 hour", "reason": "why"} | wrong
    response = browser.post(MUTE, sent)
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not AlertMute.objects.exists()


def test_a_test_notice_tells_what_came_of_it(browser: Client, settings: Any) -> None:
    settings.ALERT_EMAILS = ["ada@example.com"]
    with serving(answer("500 Internal Server Error")) as server:
        settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = server.url, bytes(24)
        text = browser.post(TEST, follow=True).content.decode()
    assert "To ada@example.com: sent." in text
    assert "To 127.0.0.1: could not be delivered: HTTP 500." in text
    assert mail.outbox[0].subject.startswith("[Voice portal] Test: ")
    assert b'"type":"alert.test"' in server.requests[0]
    assert AuditEvent.objects.filter(action="alert.test").count() == 1


def test_a_test_notice_says_that_it_is_one_and_the_audit_trail_what_came_of_it(browser: Client, settings: Any) -> None:
    settings.ALERT_EMAILS = ["ada@example.com"]
    with serving(answer("500 Internal Server Error")) as server:
        settings.ALERT_WEBHOOK_URL, settings.ALERT_WEBHOOK_SECRET = server.url, bytes(24)
        browser.post(TEST)
    told = body(server.requests[0])
    assert (told["type"], told["kind"], told["subject"], told["closed_at"]) == ("alert.test", "test", "portal", None)
    assert (told["summary"], told["link"]) == ("This is a test. Nothing is wrong.", "http://127.0.0.1:8000/admin/")
    assert told.keys() == {"type", "id", "kind", "subject", "summary", "link", "opened_at", "closed_at"}
    note = AuditEvent.objects.get(action="alert.test")
    assert (note.actor, note.details) == ("user: operator", {"channels": {"email": "", "webhook": "HTTP 500"}})


def test_the_form_of_a_mute_comes_filled_with_what_the_page_of_the_alert_names(browser: Client) -> None:
    for query, kind, subject in (("?kind=dead_events&subject=main", "dead_events", "main"), ("", "", "")):
        form = browser.get(f"{MUTE}{query}").context["form"]
        assert not form.is_bound  # nothing is wrong with what nobody has sent
        assert form.initial == {"kind": kind, "subject": subject, "span": "8 hours"}


def test_each_page_and_action_asks_for_its_permission(signed_in: Any) -> None:
    row, mute = alert(), AlertMute.objects.create(kind="drift", created_at=timezone.now(), reason="x", by="y")
    end = f"{LIST}mute/{mute.pk}/end/"
    nobody, viewer = signed_in("voice.view_call", username="n"), signed_in("voice.view_alert", username="v")
    for url in (LIST, f"{LIST}{row.pk}/change/"):
        assert nobody.get(url).status_code == 403
        text = page(viewer, url)
        assert MUTE not in text
        assert end not in text
    for browser in (nobody, viewer):
        assert browser.get(MUTE).status_code == 403
        for url in (MUTE, TEST, end):
            assert browser.post(url, {"kind": "drift", "span": "1 hour", "reason": "x"}).status_code == 403
    changer = signed_in("voice.view_alert", "voice.change_alert", username="c")
    assert changer.get(TEST).status_code == changer.get(end).status_code == 404
    assert MUTE in page(changer, LIST)
    assert AlertMute.objects.count() == 1
    assert viewer.post(f"{LIST}add/").status_code == 404
    assert viewer.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Client().get(LIST).status_code == 302


@pytest.mark.parametrize("name", ["00000000-0000-0000-0000-000000000000", "nothing", "mute/99999999999999999999"])
def test_what_is_not_there_is_not_found(browser: Client, name: str) -> None:
    assert browser.get(f"{LIST}{name}/change/").status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [("state=nothing", 200), ("kind__exact=%00", 400), ("q=%00", 400), ("account__id__exact=x", 200)],
)
def test_a_senseless_query_breaks_nothing(browser: Client, query: str, status: int) -> None:
    alert()
    assert browser.get(f"{LIST}?{query}").status_code == status


def test_who_gets_what_at_first(signed_in: Any) -> None:
    for group, may in (("Operators", 200), ("Support", 403), ("Developers", 403), ("Administrators", 200)):
        browser = signed_in(group, username=group)
        assert browser.get(LIST).status_code == 200
        assert browser.get(MUTE).status_code == may


# --- Figures ---------------------------------------------------------------------------------------------------------


def test_figures_tell_how_many_are_open(client: Client, operator: Any) -> None:
    alert()
    alert(subject="other", closed_at=timezone.now())
    _, text = ApiToken.make(operator, "prometheus")
    told = client.get("/metrics", headers={"Authorization": f"Bearer {text}"}).content.decode()
    assert 'portal_alerts_open{kind="dead_events"} 1.0' in told
    assert 'portal_alerts_open{kind="backlog"} 0.0' in told


def test_figures_count_the_open_ones_of_each_kind(client: Client, operator: Any) -> None:
    for subject, kind in (("one", "dead_events"), ("two", "dead_events"), ("one", "drift")):
        alert(subject=subject, kind=kind)
    _, text = ApiToken.make(operator, "prometheus")
    told = client.get("/metrics", headers={"Authorization": f"Bearer {text}"}).content.decode()
    for kind, number in (("dead_events", 2), ("drift", 1), ("backlog", 0)):
        assert f'portal_alerts_open{{kind="{kind}"}} {number}.0' in told
