"""Documents over REST: drafts without lost updates, publishing with the linter's word, versions, diffs, uses, log."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.documents import FETCH, MENU, fetch, make_document, publish_anew, published
from tests.support.factories import make_flow
from tests.support.rest import api_for, problem
from tests.support.rows import TexmlDocument, TexmlVersion
from voice.documents import copies, service, usage

pytestmark = [pytest.mark.django_db, pytest.mark.alone]
URL = "/api/v1/texml/documents/"
SCOPES = ("texml:read", "texml:write")
ROLES = {"view_texmldocument", "add_texmldocument", "change_texmldocument", "publish_texmldocument"}


def send(api: APIClient, document: TexmlDocument, path: str, body: Any = None, **headers: str) -> Any:
    return api.post(f"{URL}{document.pk}/{path}/", body or {}, format="json", headers=headers)


def test_a_document_is_made_written_published_and_read(api: APIClient, account: TelnyxAccount) -> None:
    made = api.post(URL, {"name": "Menu", "draft": MENU, "variables": {"team": "sales"}}, format="json")
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["account"], body["published"], body["signature"]) == ("main", None, "auto")
    assert "/texml/" in body["url"]
    url = f"{URL}{body['id']}/"
    told = api.get(made["Location"])
    assert (made["Location"], told.json(), told["ETag"]) == (url, body, made["ETag"])
    changed = api.patch(url, {"apology": "Sorry."}, format="json", headers={"If-Match": told["ETag"]})
    assert (changed.status_code, changed.json()["apology"]) == (200, "Sorry.")
    answer = api.post(f"{url}publish/", {"note": "first", "confirmed": True}, format="json")
    assert (answer.status_code, answer.json()["number"], answer.json()["note"]) == (201, 1, "first")
    assert (answer["Location"], api.get(answer["Location"]).json()) == (f"{url}versions/1/", answer.json())
    assert api.get(url).json()["published"] == 1
    assert {event.action for event in AuditEvent.objects.filter(action__startswith="document")} == {
        "document.create",
        "document.update",
        "document.publish",
    }


def test_whatever_is_made_beside_a_document_tells_where_it_is(api: APIClient, account: TelnyxAccount) -> None:
    document = published(account, MENU)
    for path, body in (
        ("copy", {"name": "Another"}),
        ("roll-back", {"version": 1}),
        ("cases", {"name": "first", "steps": [], "caller": {}}),
    ):
        made = send(api, document, path, body)
        assert made.status_code == 201, made.content
        assert api.get(made["Location"]).json() == made.json()


def test_a_create_that_is_replayed_has_the_headers_of_the_first(api: APIClient, account: TelnyxAccount) -> None:
    asked = {"name": "Menu", "draft": MENU}
    first, again = (api.post(URL, asked, format="json", headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (again["Idempotent-Replayed"], again.json()) == ("true", first.json())
    assert (again["ETag"], again["Location"]) == (first["ETag"], first["Location"])


def test_an_address_that_names_another_account_has_no_such_document(api: APIClient, account: TelnyxAccount) -> None:
    make_account("second")
    url = f"{URL}{make_document(account).pk}/"
    for answer in (
        api.get(f"{url}?account=second"),
        api.patch(f"{url}?account=second", {"name": "Theirs"}, format="json"),
        api.post(f"{url}publish/?account=second", {"confirmed": True}, format="json"),
        api.delete(f"{url}?account=second"),
    ):
        problem(answer, 404, "not_found")
    assert (api.get(url).json()["name"], api.get(url).json()["published"]) == ("Menu", None)
    assert api.delete(f"{url}?account={account.name}").status_code == 204


def test_what_somebody_else_saved_meanwhile_is_not_lost(api: APIClient, account: TelnyxAccount) -> None:
    document = make_document(account)
    url = f"{URL}{document.pk}/"
    etag = api.get(url)["ETag"]
    assert api.patch(url, {"name": "Mine"}, format="json", headers={"If-Match": etag}).status_code == 200
    for answer in (
        api.patch(url, {"name": "Theirs"}, format="json", headers={"If-Match": etag}),
        send(api, document, "publish", {"confirmed": True}, **{"If-Match": etag}),
        api.patch(url, {"name": "Theirs"}, format="json", headers={"If-Match": "nonsense"}),
        api.delete(url, headers={"If-Match": etag}),
    ):
        problem(answer, 412, "changed")
    document.refresh_from_db()
    assert (document.name, document.published) == ("Mine", None)
    assert api.delete(url, headers={"If-Match": api.get(url)["ETag"]}).status_code == 204


def test_whose_state_was_stale_publishes_the_fresh_one_under_one_key(api: APIClient, account: TelnyxAccount) -> None:
    document = make_document(account)
    key, etag = {"Idempotency-Key": "one"}, api.get(f"{URL}{document.pk}/")["ETag"]
    assert api.patch(f"{URL}{document.pk}/", {"apology": "Sorry."}, format="json").status_code == 200
    problem(send(api, document, "publish", {"confirmed": True}, **key, **{"If-Match": etag}), 412, "changed")
    fresh = key | {"If-Match": api.get(f"{URL}{document.pk}/")["ETag"]}
    made, again = (send(api, document, "publish", {"confirmed": True}, **fresh) for _ in range(2))
    assert (made.status_code, again["Idempotent-Replayed"], again.json()) == (201, "true", made.json())
    assert document.versions.count() == 1


def test_what_somebody_else_published_meanwhile_is_not_rolled_back(api: APIClient, account: TelnyxAccount) -> None:
    document = published(account)
    etag = api.get(f"{URL}{document.pk}/")["ETag"]
    publish_anew(document, "<Response><Hangup/></Response>")
    problem(send(api, document, "roll-back", {"version": 1}, **{"If-Match": etag}), 412, "changed")
    document.refresh_from_db()
    assert document.published == 2
    etag = api.get(f"{URL}{document.pk}/")["ETag"]
    assert send(api, document, "roll-back", {"version": 1}, **{"If-Match": etag}).status_code == 201


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"name": ""}, "name", "blank"),
        ({"name": "Menu"}, "non_field_errors", "another document of this name"),
        ({"name": "x", "draft": "a" * 65_537}, "draft", "65536"),
        ({"name": "x", "variables": {"1x": "a"}}, "variables", "no name of a variable"),
        ({"name": "x", "variables": ["a"]}, "variables", "dictionary"),
        ({"name": "x", "signature": "never"}, "signature", "choice"),
        ({"name": "x", "nope": 1}, "nope", "Unknown member"),
        ({"name": "x", "account": "nobody"}, "account", "no account"),
    ],
)
def test_bad_input_is_told_by_field(
    api: APIClient, account: TelnyxAccount, body: dict[str, Any], field: str, words: str
) -> None:
    make_document(account)
    errors = problem(api.post(URL, body, format="json"), 400)["errors"]
    assert words in " ".join(errors[field])
    assert TexmlDocument.objects.count() == 1


def test_errors_are_never_published_and_warnings_when_confirmed(api: APIClient, account: TelnyxAccount) -> None:
    document = make_document(account, "<Response><say>Hello</say></Response>")
    errors = problem(send(api, document, "publish", {"confirmed": True}), 400)["errors"]["draft"]
    assert any("S03" in said and "Line 1" in said for said in errors)
    document = make_document(account, "<Response><Dial>{{ To }}</Dial></Response>", name="fraud")
    assert "T04" in str(problem(send(api, document, "publish", {"confirmed": True}), 400)["errors"]["draft"])
    document = make_document(account, MENU, name="warned")
    found = api.get(f"{URL}{document.pk}/lint/").json()
    assert {one["level"] for one in found} >= {"warning"} or found == []
    if found:
        assert "Confirm" in str(problem(send(api, document, "publish"), 400)["errors"]["draft"])
    assert send(api, document, "publish", {"confirmed": True}).status_code == 201
    assert TexmlVersion.objects.get().findings == found


def test_two_documents_that_lead_to_each_other_can_be_published(api: APIClient, account: TelnyxAccount) -> None:
    first, second = make_document(account, name="first"), make_document(account, name="second")
    for one, other in ((first, second), (second, first)):
        one.draft = f'<Response><Gather action="{other.url}"><Say>Press.</Say></Gather><Hangup/></Response>'
        one.save()
    assert "is not published" in str(problem(send(api, first, "publish"), 400))
    assert send(api, first, "publish", {"confirmed": True}).status_code == 201
    assert "is not published" not in str(send(api, second, "publish").content)
    third = make_document(account, first.draft.replace(second.token, "a" * 43), name="third")
    assert "F10" in str(problem(send(api, third, "publish", {"confirmed": True}), 400))


def test_the_address_of_an_apology_is_one_that_documents_may_lead_to(api: APIClient, account: TelnyxAccount) -> None:
    sales, draft = make_document(account, name="sales"), "<Response><Say>Hello.</Say><Redirect>{}</Redirect></Response>"
    menu = make_document(account, draft.format(sales.fallback_url))
    assert "is not published" in str(problem(send(api, menu, "publish"), 400))
    service.publish(sales, PORTAL, confirmed=True)
    for address in (sales.fallback_url, "fallback/", f"../{sales.token}/fallback/"):
        menu.draft = draft.format(address)
        menu.save()
        assert send(api, menu, "publish", {"confirmed": True}).status_code == 201, address
    menu.draft = draft.format(sales.fallback_url.replace(sales.token, "a" * 43))
    menu.save()
    assert "does not exist" in str(problem(send(api, menu, "publish", {"confirmed": True}), 400))


def test_versions_are_told_compared_and_brought_back(api: APIClient, account: TelnyxAccount) -> None:
    document = published(account, "<Response>\n<Say>one</Say>\n</Response>")
    publish_anew(document, "<Response>\n<Say>two</Say>\n</Response>")
    url = f"{URL}{document.pk}/"
    assert [row["number"] for row in api.get(f"{url}versions/").json()["results"]] == [2, 1]
    assert "one" in api.get(f"{url}versions/1/").json()["source"]
    problem(api.get(f"{url}versions/9/"), 404)
    diff = api.get(f"{url}diff/", {"from": "1", "to": "2"}).json()["diff"]
    assert "-<Say>one</Say>\n+<Say>two</Say>" in diff
    assert api.get(f"{url}diff/", {"from": "2"}).json()["diff"] == ""  # the draft
    assert "from" in problem(api.get(f"{url}diff/", {"from": "7"}), 400)["errors"]
    assert "to" in problem(api.get(f"{url}diff/", {"from": "1", "to": "x"}), 400)["errors"]
    back = send(api, document, "roll-back", {"version": 1, "note": "worse"})
    assert (back.status_code, back.json()["number"], back.json()["copy_of"]) == (201, 3, 1)
    assert "two" in api.get(url).json()["draft"]
    problem(send(api, document, "roll-back", {"version": 9}), 400)
    with pytest.raises(TypeError):
        TexmlVersion.objects.get(number=1).save()


def test_a_copy_has_an_address_of_its_own(api: APIClient, account: TelnyxAccount) -> None:
    document = published(account, variables={"a": "b"})
    made = send(api, document, "copy", {"name": "Menu 2"}).json()
    assert (made["draft"], made["variables"], made["published"]) == (MENU, {"a": "b"}, None)
    assert made["url"] != document.url
    problem(send(api, document, "copy", {"name": "Menu 2"}), 400)


def test_what_leads_to_it_is_told_and_keeps_it_from_being_deleted(api: APIClient, account: TelnyxAccount) -> None:
    document = published(account)
    other = published(account, f"<Response><Redirect>{document.url}?a=1</Redirect></Response>", name="Other")
    TexmlApplication.objects.create(
        account=account,
        telnyx_id="1",
        friendly_name="line",
        voice_url=document.url,
        voice_fallback_url=document.fallback_url,
    )
    CallControlApplication.objects.create(
        account=account, telnyx_id="2", application_name="wrong", webhook_event_url=document.url
    )
    make_flow(
        account, {"event_type": "call.answered", "do": [{"action": "transfer", "parameters": {"to": document.url}}]}
    )
    uses = api.get(f"{URL}{document.pk}/used-by/").json()
    assert [(one["kind"], one["where"]) for one in uses] == [
        ("TeXML application", "voice_url"),
        ("TeXML application", "voice_fallback_url"),
        ("Call Control application", "webhook_event_url"),
        ("document", "published version and draft"),
        ("flow", "rule #1"),
    ]
    assert "JSON" in uses[2]["problem"]
    problem(api.delete(f"{URL}{document.pk}/"), 400)
    assert copies.read(other.token)
    assert api.delete(f"{URL}{other.pk}/").status_code == 204
    assert copies.read(other.token) is None


@pytest.mark.parametrize("more", [0, 1])
def test_a_document_that_stays_names_ten_that_lead_to_it_and_says_that_there_are_more(
    api: APIClient, account: TelnyxAccount, more: int
) -> None:
    document = published(account)
    for at in range(10 + more):
        told = {"telnyx_id": str(at), "friendly_name": f"line {at}", "voice_url": document.url}
        TexmlApplication.objects.create(account=account, **told)
    words = problem(api.delete(f"{URL}{document.pk}/"), 400)["errors"]["document"][0]
    assert words.count("TeXML application line") == 10
    assert ("; and more)" in words) == bool(more)


def test_of_an_application_of_the_wrong_kind_it_says_in_which_field_it_stands(
    api: APIClient, account: TelnyxAccount
) -> None:
    document = make_document(account)
    stands = {"webhook_event_url": "https://team.example/", "webhook_event_failover_url": document.fallback_url}
    CallControlApplication.objects.create(account=account, telnyx_id="2", application_name="wrong", **stands)
    (use,) = api.get(f"{URL}{document.pk}/used-by/").json()
    assert (use["name"], use["where"]) == ("wrong", "webhook_event_failover_url")


def test_of_very_many_that_lead_to_it_some_are_listed_and_it_says_so(
    api: APIClient, browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = published(account)
    for name in ("b", "a"):
        TexmlApplication.objects.create(account=account, telnyx_id=name, friendly_name=name, voice_url=document.url)
        published(account, f"<Response><Redirect>{document.url}</Redirect></Response>", name=name)
    url, page = f"{URL}{document.pk}/used-by/", f"/admin/voice/texmldocument/{document.pk}/change/"
    answer = api.get(url)
    assert (answer["X-Portal-Complete"], [one["name"] for one in answer.json()]) == ("true", ["a", "b", "a", "b"])
    assert "more of these are not listed" not in browser.get(page).content.decode()
    monkeypatch.setattr(usage, "MOST", 1)
    answer = api.get(url)
    assert (answer["X-Portal-Complete"], [one["name"] for one in answer.json()]) == ("false", ["a", "a"])
    assert "more of these are not listed" in browser.get(page).content.decode()


def test_each_thing_takes_its_permission(account: TelnyxAccount, user_with: Any) -> None:
    document = published(account)
    asked: dict[str, list[tuple[str, str, Any]]] = {
        "view_texmldocument": [
            ("get", "", None),
            ("get", "versions/", None),
            ("get", "diff/?from=1", None),
            ("get", "used-by/", None),
            ("get", "lint/", None),
        ],
        "change_texmldocument": [("patch", "", {"apology": "x"})],
        "publish_texmldocument": [("post", "publish/", {"confirmed": True}), ("post", "roll-back/", {"version": 1})],
        "add_texmldocument": [("post", "copy/", {"name": "c"})],
        "view_texmlfetch": [("get", "fetches/", None)],
        "delete_texmldocument": [("delete", "", None)],
    }
    everything = [(needed, *one) for needed, ones in asked.items() for one in ones]
    for at, has in enumerate(asked):
        rights = {has, "view_texmldocument"}
        client = api_for(user_with(*(f"voice.{name}" for name in rights), username=f"p{at}"), *SCOPES)
        for needed, verb, path, body in everything:
            if has == "delete_texmldocument" and needed == has:
                continue
            status = getattr(client, verb)(f"{URL}{document.pk}/{path}", body, format="json").status_code
            assert (status == 403) == (needed not in rights), (has, needed, verb, path, status)
    blind = api_for(user_with(*(f"voice.{name}" for name in ROLES), username="scope"), "calls:read")
    assert blind.get(URL).status_code == 403


def test_who_may_not_view_documents_is_told_no_draft_and_no_source(account: TelnyxAccount, user_with: Any) -> None:
    document = published(account, "<Response><Say>Between us.</Say><Hangup/></Response>")
    blind = api_for(user_with(*(f"voice.{name}" for name in ROLES - {"view_texmldocument"}), "voice.dial"), *SCOPES)
    url = f"{URL}{document.pk}/"
    for answer in (
        send(blind, document, "copy", {"name": "mine"}),
        send(blind, document, "publish", {"confirmed": True}),
        send(blind, document, "roll-back", {"version": 1}),
        send(blind, document, "cases", {"name": "first"}),
        blind.patch(url, {"apology": "Sorry."}, format="json"),
    ):
        assert "voice.view_texmldocument" in problem(answer, 403)["detail"]
        assert "Between us" not in answer.content.decode()
    assert (TexmlDocument.objects.count(), TexmlVersion.objects.count()) == (1, 1)


_TOOL = '<Tools><Tool>{"type": "transfer"}</Tool></Tools>'
_ASKS = "<AIGather><Parameters>{}</Parameters><Assistant>%s</Assistant></AIGather>"


@pytest.mark.parametrize(
    ("inside", "right"),
    [
        ("<Dial>+13125550199</Dial>", "voice.dial"),
        ("<Dial>{{ To | allow +13125550199 }}</Dial>", "voice.dial"),
        ("<Refer><Sip>sip:+13125550199@sip.telnyx.com</Sip></Refer>", "voice.dial"),
        ('<Connect><AIAssistant id="assistant-1"/></Connect>', "voice.dial"),
        ('<Connect><AIAssistant id="{{ Id }}"/></Connect>', "voice.dial"),
        (_ASKS % _TOOL, "voice.dial"),
        ("<Record/>", "voice.listen_recording"),
        (_ASKS % "", ""),
        ("<Dial><Queue>support</Queue></Dial>", ""),
    ],
)
def test_who_may_not_do_by_hand_what_a_document_does_publishes_none_that_does(
    account: TelnyxAccount, user_with: Any, inside: str, right: str
) -> None:
    document = make_document(account, f"<Response>{inside}</Response>", variables={"Id": "assistant-1"})
    every = {f"voice.{name}" for name in ROLES} | {"voice.control_call", "voice.dial", "voice.listen_recording"}
    lacking = api_for(user_with(*every - {right}))
    if right:
        assert right in problem(send(lacking, document, "publish", {"confirmed": True}), 403)["detail"]
        assert not document.versions.exists()
        document = published(account, document.draft, name="of somebody else", variables=document.variables)
        assert right in problem(send(lacking, document, "roll-back", {"version": 1}), 403)["detail"]
    having = api_for(user_with(*(every if right else every - {"voice.dial", "voice.listen_recording"}), username="b"))
    for path, body in (("publish", {"confirmed": True}), ("roll-back", {"version": 1})):
        answer = send(having, document, path, body)
        assert answer.status_code == 201, answer.content


def test_who_may_not_send_anywhere_publishes_no_address_of_elsewhere(account: TelnyxAccount, user_with: Any) -> None:
    client = api_for(user_with(*(f"voice.{name}" for name in ROLES), "voice.control_call"))
    document = make_document(account, "<Response><Play>https://elsewhere.example/a.mp3</Play></Response>", name="far")
    problem(send(client, document, "publish", {"confirmed": True}), 403, "limit_exceeded")


def test_a_number_that_the_account_may_not_call_is_not_published(api: APIClient, account: TelnyxAccount) -> None:
    for at, text in enumerate(("+19005550100", "{{ To | allow +13125550199 +19005550100 }}")):
        document = make_document(account, f"<Response><Dial>{text}</Dial></Response>", name=f"d{at}")
        assert "premium" in str(problem(send(api, document, "publish", {"confirmed": True}), 400)["errors"]["draft"])


def test_the_log_is_masked_by_role(api: APIClient, account: TelnyxAccount, client: Client, user_with: Any) -> None:
    document = published(account)
    fetch(client, document, Digits="4*1#")
    fetch(client, document, CallSid="v3:another", Digits="2")
    whole = api.get(f"{URL}{document.pk}/fetches/", {"call_control_id": FETCH["CallSid"]}).json()["results"]
    assert len(whole) == 1
    assert (whole[0]["parameters"]["From"], whole[0]["parameters"]["Digits"]) == (FETCH["From"], "4*1#")
    assert (whole[0]["version"], whole[0]["proof"], whole[0]["verdict"]) == (1, "verified", "served")
    assert "Hello" in whole[0]["body"]
    masked = api_for(user_with("voice.view_texmlfetch")).get(f"{URL}{document.pk}/fetches/")
    assert FETCH["From"] not in masked.content.decode()
    assert "4*1#" not in masked.content.decode()
    first = masked.json()["results"][1]
    assert (first["body"], first["parameters"]["Digits"]) == ("•••", "••••")


def test_the_token_is_for_those_who_may_see_accounts(account: TelnyxAccount, user_with: Any) -> None:
    document = make_document(account)
    told = api_for(user_with("voice.view_texmldocument")).get(f"{URL}{document.pk}/")
    assert document.token not in told.content.decode()
