"""The page of any TeXML command: what was filled in is what reaches the wire, once, and nothing that is forbidden."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.forms import ChoiceField
from django.test import Client
from django.urls import reverse

from applications.models import TexmlApplication
from portal.masking import without_secrets
from portal.models import AuditEvent
from portal.telnyx.client import client_for
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.html_forms import typed
from tests.support.http_servers import Listener, answer
from tests.support.limits import limit
from tests.support.rows import Call, CallCommand
from tests.support.texml_pages import PAGES, asked, do, ids_of, page_of, press
from tests.support.texml_resources import (
    ASKED,
    CALL,
    QUEUE,
    ROOM,
    methods_of,
    parts,
    send_only,
    telnyx_texml,
    wired,
)
from voice.catalogue.texml_operations import COMMANDS, DIALS, READS
from voice.dialling import egress, rights

pytestmark = pytest.mark.django_db
SECRET = "texml.secrets.save"
SENT_LATER = sorted(COMMANDS.keys() - {SECRET})
SATELLITE = "+881612345678"
DANGEROUS = {
    *("texml.calls.hang_up", "texml.conferences.end", "texml.participants.remove", "texml.queues.delete"),
    *("texml.recordings.delete", "texml.transcriptions.delete"),
}


def test_every_method_of_the_sdk_is_reached_from_a_page() -> None:
    there = methods_of(client_for(make_account("unsaved")).texml, "texml")
    reached = {READS[name].sdk_method for name in PAGES} | {one.sdk_method for one in COMMANDS.values()}
    assert sorted(there - reached) == []  # what a newer SDK brings is to have a page
    assert set(PAGES) == set(READS)


@pytest.mark.parametrize("name", SENT_LATER)
def test_every_parameter_reaches_the_wire(browser: Client, wire: Listener, name: str) -> None:
    account, given = wired(wire.url), asked(name)
    made = press(browser, account, name, given, **ids_of(name))
    assert made.status_code == 302, made.context["form"].errors
    command = send_only()
    assert (command.action, command.status) == (name, "ok"), command.error
    assert (command.path, without_secrets(command.parameters)) == (list(ids_of(name).values()), without_secrets(given))
    (raw,) = wire.requests
    method, path, _, body = parts(raw)
    assert (method, path) == ASKED[name][2:]
    assert json.loads(body or b"{}") == given


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_without_a_permission_it_takes_there_is_no_page(signed_in: Callable[..., Client], name: str) -> None:
    account, needed = wired("http://127.0.0.1:9"), sorted(rights.needed(name, {}))
    see = ("voice.view_call", "voice.view_conference", "voice.view_queue", "voice.view_callcommand")
    for at, lacking in enumerate(needed):
        others = [one for one in needed if one != lacking]
        client = signed_in(*see, *others, username=f"lacks-{at}")
        url = do(account, name, **ids_of(name))
        assert (client.get(url).status_code, client.post(url, asked(name)).status_code) == (403, 403)
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize("name", SENT_LATER)
def test_with_its_permissions_alone_it_is_made(signed_in: Callable[..., Client], name: str) -> None:
    client = signed_in(*rights.needed(name, asked(name)), egress.PERMISSION)
    made = press(client, wired("http://127.0.0.1:9"), name, asked(name), **ids_of(name))
    assert made.status_code == 302, made.context["form"].errors
    assert made.url == reverse("admin:index")  # no other page is theirs to see
    assert CallCommand.objects.get().action == name


@pytest.mark.parametrize("name", SENT_LATER)
def test_cancel_leads_to_a_page_that_the_person_may_see(signed_in: Callable[..., Client], name: str) -> None:
    account, home, needed = wired("http://127.0.0.1:9"), reverse("admin:index"), rights.needed(name, {})
    see = {"voice.view_call", "voice.view_conference", "voice.view_queue"}
    for permissions in (needed, needed | see):
        client = signed_in(*permissions, username=f"may {len(permissions)}")
        for ids in (ids_of(name), {}):
            (back,) = re.findall(r'href="([^"]*)">Cancel<', client.get(do(account, name, **ids)).content.decode())
            assert (back == home, client.get(back).status_code) == (permissions == needed, 200)


@pytest.mark.parametrize("name", SENT_LATER)
def test_an_id_that_the_address_leaves_out_is_asked_for(browser: Client, name: str) -> None:
    account = wired("http://127.0.0.1:9")
    if names := COMMANDS[name].ids:
        refused = press(browser, account, name, asked(name))
        assert set(names) <= set(refused.context["form"].errors)
    made = press(browser, account, name, asked(name) | ids_of(name))
    assert made.status_code == 302, made.context["form"].errors
    assert CallCommand.objects.get().path == list(ids_of(name).values())


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_ends_something_for_good_has_a_red_button(browser: Client, name: str) -> None:
    page = browser.get(do(wired("http://127.0.0.1:9"), name, **ids_of(name))).content.decode()
    assert ("portal-button-danger" in page) == (name in DANGEROUS)
    assert "SANDBOX" in page


def test_a_live_account_is_told(browser: Client) -> None:
    account = wired("https://telnyx.example")
    hangs_up = browser.get(do(account, "texml.calls.hang_up", call_sid=CALL)).content.decode()
    dials = browser.get(do(account, "texml.participants.dial", conference_sid=ROOM)).content.decode()
    assert ("LIVE" in hangs_up, "a real phone will ring" in hangs_up) == (True, False)
    assert "a real phone will ring" in dials


@pytest.mark.parametrize("name", sorted(DIALS))
def test_a_blocked_destination_is_refused_at_its_field_before_anything_leaves(
    browser: Client, wire: Listener, name: str
) -> None:
    account = wired(wire.url)
    refused = press(browser, account, name, asked(name) | {"To": SATELLITE}, **ids_of(name))
    assert "blocked" in " ".join(refused.context["form"].errors["To"])
    assert (wire.requests, CallCommand.objects.count()) == ([], 0)


@pytest.mark.parametrize("name", ["texml.calls.dial", "texml.calls.create", "texml.calls.redirect"])
def test_a_document_that_calls_a_blocked_one_is_refused(browser: Client, wire: Listener, name: str) -> None:
    given = {key: value for key, value in asked(name).items() if key in {"To", "From", "ApplicationSid"}}
    given["Texml"] = f"<Response><Dial>{SATELLITE}</Dial></Response>"
    refused = press(browser, wired(wire.url), name, given, **ids_of(name))
    assert list(refused.context["form"].errors) == ["Texml"]
    assert (wire.requests, CallCommand.objects.count()) == ([], 0)


def test_dials_are_counted_by_the_minute(browser: Client) -> None:
    account, name = wired("http://127.0.0.1:9"), "texml.participants.dial"
    limit(account, dials_per_minute=1)
    assert press(browser, account, name, asked(name), **ids_of(name)).status_code == 302
    refused = press(browser, account, name, asked(name), **ids_of(name))
    assert refused.context["form"].errors
    assert CallCommand.objects.count() == 1


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_pressing_twice_makes_one_command(browser: Client, wire: Listener, name: str) -> None:
    account = wired(wire.url)
    url = do(account, name, **ids_of(name))
    form = browser.get(url).context["form"]
    filled = {key: typed(value) for key, value in asked(name).items()} | {"intent": str(form["intent"].value())}
    assert [browser.post(url, filled).status_code for _ in range(3)] == [302, 302, 302]
    assert CallCommand.objects.count() == 1
    assert len(wire.requests) == (1 if name == SECRET else 0)


@pytest.mark.django_db(transaction=True)
def test_the_same_form_in_two_tabs_at_once_makes_one_dial(operator: Any) -> None:
    account, name = wired("http://127.0.0.1:9"), "texml.calls.dial"
    tabs = [Client(), Client()]
    for tab in tabs:
        tab.force_login(operator)
    url = do(account, name)
    intent = str(tabs[0].get(url).context["form"]["intent"].value())
    filled = {"To": "+13125550001", "From": "+13125550100", "ApplicationSid": "app-1", "intent": intent}
    both, statuses = threading.Barrier(2), list[int]()

    def send(tab: Client) -> None:
        try:
            both.wait(30)
            statuses.append(tab.post(url, filled).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(tab,)) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [302, 302]
    assert CallCommand.objects.count() == 1


def test_what_the_sdk_refuses_is_told_at_its_field(browser: Client) -> None:
    account = wired("http://127.0.0.1:9")
    both = {"Url": "https://example.com/a", "Texml": "<Response/>"}
    refused = press(browser, account, "texml.calls.redirect", both, call_sid=CALL)
    assert list(refused.context["form"].errors) == ["Texml"]
    nothing = press(
        browser, account, "texml.participants.update", {}, conference_sid=ROOM, call_sid_or_participant_label=CALL
    )
    assert "at least one" in str(nothing.context["form"].errors)
    number = press(browser, account, "texml.calls.dial", {"To": "312 555 0001", "From": "+13125550100"})
    assert "country code" in str(number.context["form"].errors["To"])
    assert not CallCommand.objects.exists()


def test_a_value_in_the_address_is_filled_in_and_still_asked(browser: Client, wire: Listener) -> None:
    account, name = wired(wire.url), "texml.participants.update"
    ids = {"conference_sid": ROOM, "call_sid_or_participant_label": CALL}
    form = browser.get(do(account, name, **ids, Muted="true")).context["form"]
    assert form["Muted"].value() == "true"
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(
    ("name", "leads_to"),
    [
        ("texml.calls.hang_up", "/admin/voice/call/{call}/change/"),
        ("texml.conferences.end", "/admin/texml/conferences/{account}/" + ROOM + "/"),
        ("texml.participants.remove", "/admin/texml/conferences/{account}/" + ROOM + "/"),
        ("texml.queues.create", "/admin/texml/queues/{account}/text/"),
        ("texml.queues.delete", "/admin/texml/queues/{account}/" + QUEUE + "/"),
        ("texml.recordings.delete", "/admin/texml/recordings/{account}/rec-1/"),
        ("texml.transcriptions.delete", "/admin/texml/transcriptions/{account}/tra-1/"),
        ("texml.calls.dial", "/admin/voice/callcommand/{command}/change/"),
        ("texml.ai_calls.create", "/admin/voice/callcommand/{command}/change/"),
        ("texml.secrets.save", "/admin/texml/secrets/?account={account}"),
    ],
)
def test_it_leads_to_where_what_comes_of_it_shows(browser: Client, wire: Listener, name: str, leads_to: str) -> None:
    account = wired(wire.url)
    call = make_call(account, call_control_id=CALL)
    made = press(browser, account, name, asked(name), **ids_of(name))
    command = CallCommand.objects.get()
    assert made.url == leads_to.format(account=account.pk, call=call.pk, command=command.pk)
    assert browser.get(made.url).status_code == 200


def test_a_call_that_the_log_has_not_leads_to_its_page_here(browser: Client, wire: Listener) -> None:
    account = wired(wire.url)
    made = press(browser, account, "texml.calls.hang_up", {}, call_sid=CALL)
    assert made.url == page_of(account, "texml.calls.retrieve")
    assert "What was asked of it" in browser.get(made.url).content.decode()


def test_a_command_to_an_ended_call_is_told_not_to_be_sent(browser: Client, wire: Listener) -> None:
    account = wired(wire.url)
    make_call(account, call_control_id=CALL, state=Call.State.ENDED)
    assert "has ended" in browser.get(do(account, "texml.calls.hang_up", call_sid=CALL)).content.decode()
    made = press(browser, account, "texml.calls.hang_up", {}, call_sid=CALL)
    assert CallCommand.objects.get().status == "expired"
    assert "already ended" in browser.get(made.url).content.decode()


def test_an_uncertain_one_is_said_so_where_it_leads(browser: Client) -> None:
    with telnyx_texml(lambda method, path: answer("503 No", b"{}") if method == "POST" else None) as server:
        account = wired(server.url)
        made = press(
            browser,
            account,
            "texml.conferences.announce",
            {"AnnounceUrl": "https://a.example/b"},
            **ids_of("texml.conferences.announce"),
        )
        assert send_only().status == "uncertain"
        page = browser.get(made.url).content.decode()
    assert "uncertain" in page
    assert "may have acted" in page


def test_the_value_of_a_secret_is_sent_and_shown_nowhere(browser: Client, wire: Listener) -> None:
    account, value = wired(wire.url), " hush-hush "
    refused = press(browser, account, SECRET, {"value": value})
    assert (refused.status_code, value in refused.content.decode()) == (200, False)
    made = press(browser, account, SECRET, {"name": "crm", "value": value})
    assert json.loads(parts(wire.requests[0])[3]) == {"name": "crm", "value": value}
    page = browser.get(made.url).content.decode()
    assert ("crm" in page, "Telnyx accepted it" in page, "hush" in page) == (True, True, False)
    kept = [*CallCommand.objects.values_list("parameters", "answer"), *AuditEvent.objects.values_list("details")]
    assert "hush" not in str(kept)
    assert "hush" not in browser.get(do(account, SECRET, value="hush")).content.decode()


def test_a_secret_that_telnyx_refuses_is_said_so(browser: Client) -> None:
    with telnyx_texml(lambda method, path: answer("422 No", b'{"errors":[{"code":"1","detail":"hush"}]}')) as server:
        made = press(browser, wired(server.url), SECRET, {"name": "crm", "value": "hush"})
        page = browser.get(made.url).content.decode()
    assert ("refused" in page, "save the secret again" in page, "hush" in page) == (True, True, False)


def test_an_application_is_chosen_by_its_name(browser: Client, wire: Listener) -> None:
    account, name = wired(wire.url), "texml.ai_calls.create"
    TexmlApplication.objects.create(account=account, telnyx_id="app-1", friendly_name="front desk")
    other = make_account("other")
    TexmlApplication.objects.create(account=other, telnyx_id="app-2", friendly_name="another's")
    choices = dict(browser.get(do(account, name)).context["form"].fields["connection_id"].choices)
    assert choices == {"": "Choose an application", "app-1": "front desk"}
    given = asked(name) | {"connection_id": "app-1"}
    assert press(browser, account, name, given).status_code == 302
    assert CallCommand.objects.get().path == ["app-1"]


def test_of_too_many_applications_the_id_is_typed(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice.texml.admin.commands._MOST_OFFERED", 1)
    account, name = wired("http://127.0.0.1:9"), "texml.ai_calls.create"
    for telnyx_id, is_chosen in (("app-1", True), ("app-2", False)):
        TexmlApplication.objects.create(account=account, telnyx_id=telnyx_id, friendly_name="front desk")
        field = browser.get(do(account, name)).context["form"].fields["connection_id"]
        assert isinstance(field, ChoiceField) == is_chosen
    assert press(browser, account, name, asked(name) | {"connection_id": "app-2"}).status_code == 302
    assert CallCommand.objects.get().path == ["app-2"]


def test_there_is_no_page_of_what_is_no_command(browser: Client) -> None:
    account = wired("http://127.0.0.1:9")
    for name in ("texml.calls.list", "texml.calls.nothing", "dial", "conferences.hold"):
        assert browser.get(do(account, name)).status_code == 404
    nobody = reverse("admin:voice_texml_do", args=["00000000-0000-4000-8000-000000000000", "texml.calls.hang_up"])
    assert browser.get(nobody).status_code == 404
    assert browser.get(do(account, "texml.calls.hang_up", call_sid="x" * 513)).status_code == 404


@pytest.mark.parametrize("name", SENT_LATER)
def test_who_may_not_see_numbers_reads_none_on_the_page(signed_in: Callable[..., Client], name: str) -> None:
    account = wired("http://127.0.0.1:9")
    make_call(account, call_control_id=CALL, from_number="+13125550143", to_number="+442071838750")
    for who, also in (("acts", "voice.view_queue"), ("looks", "voice.view_call")):
        client = signed_in(*rights.needed(name, {}), also, username=who)
        page = client.get(do(account, name, **ids_of(name))).content.decode()
        assert [number for number in ("5550143", "555-0143", "71838750", "7183 8750") if number in page] == []
        assert ("•••0143" in page) == (who == "looks" and "call_sid" in COMMANDS[name].ids)
