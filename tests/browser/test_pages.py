"""Every page of the sidebar, and those behind it, at two widths, light and dark: nothing breaks, nothing sticks out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications.models import CallControlApplication, Pull, TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.browser.overflow import sticks_out
from tests.support.documents import MENU, fetch, publish_anew, published
from tests.support.factories import CONNECTION, make_event, make_flow, run_owed
from tests.support.webhooks import post_webhook
from voice.commands import outbox
from voice.models import Call, CallCommand, CallEvent, Flow, RejectedRequest, TexmlFetch

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.long]
OF_A_DOCUMENT = ("change", "publish", "versions", "copy")
LONG = "a-name-without-any-break-" * 4


@pytest.fixture
def lived_in(account: TelnyxAccount, operator: Any) -> list[str]:
    """A portal with something on every page; the addresses behind the lists."""
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name=LONG[:80])
    TexmlApplication.objects.create(account=account, telnyx_id="88", friendly_name="ivr")
    rule = {
        "event_type": "call.answered",
        "do": [{"action": "speak", "parameters": {"payload": LONG, "voice": "female"}}],
    }
    make_flow(account, rule, name=LONG[:90])
    for event in (make_event(), make_event("call.answered", 2), make_event(leg="b", direction="outgoing")):
        post_webhook(Client(), account, event)
    post_webhook(Client(), account, b"{")
    Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="application/json")
    run_owed()
    call = Call.objects.get(call_control_id="v3:a-leg")
    outbox.act(call, "transfer", {"to": "+13125550001"}, PORTAL)
    assert RejectedRequest.objects.exists()
    pages = [
        reverse("admin:voice_call_change", args=[call.pk]),
        reverse("admin:voice_call_act", args=[call.pk, "transfer"]),
        reverse("admin:voice_call_dial"),
        reverse("admin:voice_callevent_change", args=[CallEvent.objects.earliest("received_at").pk]),
        reverse("admin:voice_callcommand_change", args=[CallCommand.objects.earliest("created_at").pk]),
        reverse("admin:voice_flow_change", args=[Flow.objects.get().pk]),
        reverse("admin:voice_flow_add"),
        reverse("admin:applications_callcontrolapplication_change", args=[CallControlApplication.objects.get().pk]),
        reverse("admin:applications_callcontrolapplication_add"),
        reverse("admin:portal_telnyxaccount_change", args=[account.pk]),
        reverse("admin:portal_apitoken_add"),
        reverse("admin:voice_inbox_verify"),
        reverse("admin:voice_rejectedrequest_changelist"),
    ]
    document = published(account, MENU, name=LONG[:90])
    publish_anew(document, MENU.replace("Hello", LONG))
    fetch(Client(), document)
    pages += [reverse(f"admin:voice_texmldocument_{name}", args=[document.pk]) for name in OF_A_DOCUMENT]
    pages += [
        reverse("admin:voice_texmldocument_add"),
        f"{reverse('admin:voice_texmldocument_diff', args=[document.pk])}?from=1&to=2",
        reverse("admin:voice_texmlfetch_change", args=[TexmlFetch.objects.get().pk]),
    ]
    assert not Pull.objects.exists()
    return pages


@pytest.mark.parametrize("width", [390, 1360])
def test_every_page_opens_whole_light_and_dark(
    opened: Callable[..., Any], lived_in: list[str], operator: Any, width: int
) -> None:
    found: list[str] = []
    with opened(viewport={"width": width, "height": 900}, color_scheme="light") as window:
        window.enter(operator)
        window.open("/admin/")
        links = window.page.locator("nav a, #nav-sidebar a").evaluate_all("all => all.map(one => one.pathname)")
        listed = sorted({link for link in links if link.startswith("/admin/")})
        assert len(listed) >= 12, listed
        for path in [*listed, *lived_in]:
            window.open(path)
            for scheme in ("light", "dark"):
                window.page.emulate_media(color_scheme=scheme)
                found.append(sticks_out(window))
        for scheme in ("light", "dark"):
            window.page.emulate_media(color_scheme=scheme)
            window.open("/admin/")
            assert is_dark(window) == (scheme == "dark")
    assert [line for line in found if line] + window.wrongs == []


def is_dark(window: Any) -> bool:
    dark: bool = window.page.evaluate("document.documentElement.classList.contains('dark')")
    return dark


def test_the_documentation_of_rest_opens(opened: Callable[..., Any], lived_in: list[str]) -> None:
    with opened() as window:
        window.open("/api/docs/")
        window.page.get_by_text("/api/v1/accounts/", exact=True).first.wait_for()
    assert window.wrongs == []


def test_raw_json_is_fetched_when_it_is_opened(opened: Callable[..., Any], lived_in: list[str], operator: Any) -> None:
    with opened() as window:
        window.enter(operator)
        window.open(lived_in[0])
        box = window.page.locator("details[data-raw]").first
        assert box.locator("pre").count() == 0
        box.locator("summary").click()
        box.locator("pre").wait_for()
        assert "call_control_id" in (box.locator("pre").text_content() or "")
    assert window.wrongs == []
