"""The admin: every list, form and page of our own, asked for what there is not and told what cannot be."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.badinput import rows
from tests.badinput.addresses import addresses
from tests.corpus import admin as corpus
from tests.corpus import documents
from tests.corpus.cases import CANARY_CARD, CANARY_SECRET
from tests.support.factories import run_owed
from tests.support.webhooks import post_webhook
from voice.models import Call, CallEvent

pytestmark = pytest.mark.django_db
_FIELD = re.compile(r'<(?:input|textarea|select)\b[^>]*\bname="([^"]+)"')
_LEFT_OUT = re.compile(r"^_|^csrf|^q$|_FORMS$|-DELETE$")  # what is no field of a row


@pytest.fixture
def made(sandbox_account: TelnyxAccount, operator: User) -> dict[Any, Any]:
    return rows.one_of_each(sandbox_account, operator)


@pytest.fixture
def asking(browser: Client) -> Client:
    """Signed in; an exception is answered 500, as it would be."""
    browser.raise_request_exception = False
    return browser


def lists() -> Iterator[str]:
    for model in admin.site._registry:
        yield f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def test_no_list_breaks_on_a_query(asking: Client, made: Any) -> None:
    wrong = []
    for address in lists():
        for case in corpus.queries():
            answer = asking.get(f"{address}?{case.text}")
            if answer.status_code not in case.statuses or CANARY_SECRET in answer.content.decode():
                wrong.append(f"{address} {case.slug}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_no_filter_of_a_list_breaks_on_a_value(asking: Client, made: Any) -> None:
    wrong, tried = [], 0
    for address in lists():
        names = [
            name
            for spec in asking.get(address).context["cl"].filter_specs
            for name in spec.expected_parameters()
            if name
        ]
        for at, name in enumerate(names):
            value = corpus.FILTER_VALUES[(at + tried) % len(corpus.FILTER_VALUES)]
            tried += 1
            answer = asking.get(f"{address}?{name}={value}")
            if answer.status_code not in {200, 302}:
                wrong.append(f"{address}?{name}={value}: {answer.status_code}")
    assert tried > 50
    assert not wrong, "\n".join(wrong)


def test_no_row_is_found_under_what_is_no_id(asking: Client, made: Any) -> None:
    wrong = []
    for address in lists():
        for odd in ("x", "0", "-1", "9" * 400, "%2e%2e", "_5C", "%F0%9F%93%9E", "%ED%A0%80"):
            answer = asking.get(f"{address}{odd}/change/")
            if answer.status_code not in {302, 403, 404}:
                wrong.append(f"{address}{odd}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_no_page_breaks_and_no_form_saves_what_cannot_be(asking: Client, made: Any) -> None:
    """A02, A04. Every page with an odd query; then each of its fields too long, too deep or no text."""
    before, wrong, posted = rows.contents(), [], 0
    pages = [address for address in addresses(made) if not address.endswith("/delete/")]
    assert len(pages) > 100
    for at, address in enumerate(pages):
        page = asking.get(f"{address}?_to_field=password&account=x&p=x&connection_id=..%2F&action=x&q=%E2%80%AE")
        names = set(_FIELD.findall(page.getvalue().decode(errors="replace"))) if page.status_code == 200 else set()
        told = dict.fromkeys((name for name in names if not _LEFT_OUT.search(name)), corpus.FIELD_VALUES[at % 4])
        told |= {name: "1" for name in names if name.endswith("_FORMS")}
        answer = asking.post(address, told) if told else page
        posted += bool(told)
        wrong += [f"{address}: {one.status_code}" for one in (page, answer) if one.status_code >= 500]
    assert posted > 30
    assert not wrong, "\n".join(wrong)
    assert rows.contents() == before


@pytest.mark.parametrize("count", [3, 100_000])
def test_no_action_takes_rows_that_there_are_not(asking: Client, made: Any, count: int) -> None:
    """A05."""
    before, wrong = rows.contents(), []
    for address in lists() if count == 3 else ("/admin/voice/call/", "/admin/applications/texmlapplication/"):
        picked = ["x", "9" * 400, "-1"] if count == 3 else [str(at) for at in range(count)]
        for action in ("delete_selected", "bulk_edit", "__class__") if count == 3 else ("delete_selected",):
            answer = asking.post(
                address, {"action": action, "_selected_action": picked, "index": "0", "select_across": "0"}
            )
            if answer.status_code not in {200, 302, 400, 403}:
                wrong.append(f"{address} {action}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert rows.contents() == before


def test_an_export_holds_no_formula(asking: Client, account: TelnyxAccount) -> None:
    """A06."""
    for at, text in enumerate(documents.INJECTIONS):
        CallControlApplication.objects.create(account=account, telnyx_id=str(at), remote={"application_name": text})
    sheet = asking.get("/admin/applications/callcontrolapplication/export/csv/")
    assert sheet.status_code == 200
    text = sheet.getvalue().decode()
    cells = [cell.strip('"') for line in text.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if re.match(r"[=+\-@\t\r]", cell) and not re.fullmatch(r"[-+]?[\d.]+", cell)]
    assert "HYPERLINK" in text


def test_no_file_of_another_kind_is_imported(asking: Client, made: Any) -> None:
    """A07."""
    before, wrong = rows.contents(), []
    for case in corpus.uploads():
        file = SimpleUploadedFile(case.file_name, case.content)
        answer = asking.post(
            "/admin/applications/callcontrolapplication/import/", {"file": file, "account": made[TelnyxAccount].pk}
        )
        if answer.status_code not in {200, 302, 400, 413}:
            wrong.append(f"{case.slug}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert rows.contents() == before


@pytest.mark.parametrize(
    "target", ["//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else_and_to_a_session_of_its_own(client: Client, operator: User, target: str) -> None:
    """A09."""
    client.session["before"] = True
    client.get("/admin/login/")
    before = client.session.session_key
    told = {"username": "operator", "password": "a long enough password", "next": target}
    answer = client.post("/admin/login/", told)
    assert (answer.status_code, answer.url) == (302, "/admin/")
    assert client.session.session_key != before


def test_what_a_call_tells_is_text_on_every_page(asking: Client, api: Any, account: TelnyxAccount) -> None:
    """J20, J21, J34, J36: shown to people, and run or opened by nobody."""
    for case in (*documents.texts(), *(case for case in documents.payloads() if case.number == "J34")):
        assert post_webhook(asking, account, case.body).status_code == 200
    run_owed()
    pages = ["/admin/", "/admin/voice/call/", "/admin/voice/callevent/", "/admin/voice/call/live/"]
    pages += [f"/admin/voice/call/{pk}/change/" for pk in Call.objects.values_list("pk", flat=True)]
    pages += [f"/admin/voice/callevent/{pk}/change/" for pk in CallEvent.objects.values_list("pk", flat=True)]
    live = [text for text in documents.INJECTIONS if text != escape(text)]
    for page in pages:
        answer = asking.get(page)
        assert answer.status_code == 200, page
        assert not [text for text in live if text in answer.content.decode()], page
        assert not re.search(r'(href|src|action)="(javascript|file|gopher|http)', answer.content.decode()), page
        assert not re.search("[\u202e\u200b\u2060]", answer.content.decode()), page
    answer = api.get("/api/v1/calls/?page_size=250")
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_what_a_caller_pressed_is_not_told_to_everybody(client: Client, account: TelnyxAccount, user_with: Any) -> None:
    """J35: who may neither see whole numbers nor raw events."""
    (case,) = (case for case in documents.payloads() if case.number == "J35")
    assert post_webhook(client, account, case.body).status_code == 200
    run_owed()
    user = user_with("voice.view_callevent", "voice.view_call")
    client.force_login(user)
    event, call = CallEvent.objects.get(), Call.objects.get()
    for page in (f"/admin/voice/callevent/{event.pk}/change/", f"/admin/voice/call/{call.pk}/change/"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert CANARY_CARD not in answer.content.decode(), page
