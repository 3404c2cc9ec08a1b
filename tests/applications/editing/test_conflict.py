"""Two change the same application: nothing of either side is lost."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import drawn, page_url
from tests.support.applications import CALL_CONTROL, TEXML, change_at_telnyx, remote_of
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import edited

KINDS = [CALL_CONTROL, TEXML]


def _url(row: Any) -> str:
    return reverse(f"admin:applications_{row._meta.model_name}_change", args=[row.pk])


def _carried(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200
    return dict(answer.context["carried"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_the_page_shows_base_theirs_and_mine_and_saves_what_was_chosen(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, kind: Any
) -> None:
    row = mirrored(kind, dtmf_type="RFC 2833", inbound={"channel_limit": 3})
    name = kind.model.name_field
    mine = {name: "mine", "dtmf_type": "SIP INFO", "inbound.channel_limit": "5", "active": "false"}
    values = drawn(browser, _url(row)) | mine
    change_at_telnyx(
        sandbox_account, row.remote, kind, **{name: "theirs"}, dtmf_type="Inband", first_command_timeout_secs=9
    )
    sent = len(requests(sandbox, "PATCH"))
    answer = browser.post(_url(row), values)
    rows = {one.name: (one.base, one.theirs, one.mine) for one in answer.context["rows"]}
    assert rows == {name: ("router", "theirs", "mine"), "dtmf_type": ("RFC 2833", "Inband", "SIP INFO")}
    assert {one.name for one in answer.context["sent"]} == {"inbound.channel_limit", "active"}
    assert {one.name for one in answer.context["kept"]} == {"first_command_timeout_secs"}
    assert len(requests(sandbox, "PATCH")) == sent

    chosen = {f"choose:{name}": "mine", "choose:dtmf_type": "theirs"}
    assert browser.post(_url(row), _carried(answer) | chosen).status_code == 302
    there = remote_of(row, kind)
    assert (there[name], there["dtmf_type"], there["active"]) == ("mine", "Inband", False)
    assert (there["inbound"]["channel_limit"], there["first_command_timeout_secs"]) == (5, 9)
    row.refresh_from_db()
    assert row.remote == there


def test_of_what_is_sent_and_of_what_others_changed_the_page_tells_both_values(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored(inbound={"channel_limit": 3})
    values = drawn(browser, _url(row)) | {"application_name": "mine", "inbound.channel_limit": "5"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs", first_command_timeout_secs=9)
    told = browser.post(_url(row), values).context
    assert [(one.name, one.theirs, one.mine) for one in told["sent"]] == [("inbound.channel_limit", "3", "5")]
    assert [(one.name, one.base, one.theirs) for one in told["kept"]] == [("first_command_timeout_secs", "30", "9")]


def test_what_a_pull_brought_since_the_form_was_drawn_is_kept(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"active": "false"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert browser.post(_url(row), values).status_code == 302
    there = remote_of(row)
    assert (there["application_name"], there["active"]) == ("theirs", False)


def test_an_undecided_field_draws_the_page_again_and_sends_nothing(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"application_name": "mine", "dtmf_type": "SIP INFO"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs", dtmf_type="Inband")
    carried = _carried(browser.post(_url(row), values))
    sent = len(requests(sandbox, "PATCH"))
    again = browser.post(_url(row), carried | {"choose:application_name": "mine"})
    assert {one.name: one.chosen for one in again.context["rows"]} == {"application_name": "mine", "dtmf_type": ""}
    assert _carried(again) == carried
    assert len(requests(sandbox, "PATCH")) == sent
    assert remote_of(row)["application_name"] == "theirs"


def _chosen_of_another(browser: Client, row: Any) -> Any:
    """Choose of a conflict's page, after there was another change at Telnyx."""
    values = drawn(browser, _url(row)) | {"application_name": "mine"}
    change_at_telnyx(row.account, row.remote, application_name="theirs")
    carried = _carried(browser.post(_url(row), values))
    change_at_telnyx(row.account, row.remote, application_name="theirs again")
    return browser.post(_url(row), carried | {"choose:application_name": "mine"})


def test_a_change_between_page_and_choice_is_a_new_conflict(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    answer = _chosen_of_another(browser, row)
    (one,) = answer.context["rows"]
    assert (one.base, one.theirs, one.mine) == ("theirs", "theirs again", "mine")
    assert browser.post(_url(row), _carried(answer) | {"choose:application_name": "mine"}).status_code == 302
    assert remote_of(row)["application_name"] == "mine"


def test_what_was_chosen_is_not_chosen_of_what_came_since(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    answer = _chosen_of_another(browser, row)
    assert [(one.theirs, one.chosen) for one in answer.context["rows"]] == [("theirs again", "")]
    assert " checked" not in answer.content.decode().partition('class="portal-conflicts"')[2].partition("</form>")[0]
    sent = len(requests(sandbox, "PATCH"))
    for choice in ({}, {"choose:application_name": "ours"}):
        again = browser.post(_url(row), _carried(answer) | choice)
        assert [one.name for one in again.context["rows"]] == ["application_name"]
    assert len(requests(sandbox, "PATCH")) == sent


def test_what_a_pull_brings_between_page_and_choice_changes_nothing_of_what_is_to_be_chosen(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    def shown(answer: Any) -> dict[str, tuple[str, str, str]]:
        return {one.name: (one.base, one.theirs, one.mine) for one in answer.context["rows"]}

    row = mirrored()
    values = drawn(browser, _url(row)) | {"application_name": "mine", "dtmf_type": "SIP INFO"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs", dtmf_type="Inband")
    answer = browser.post(_url(row), values)
    both = {"application_name": ("router", "theirs", "mine"), "dtmf_type": ("RFC 2833", "Inband", "SIP INFO")}
    assert shown(answer) == both
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs again", webhook_timeout_secs=9)
    assert pull(CALL_CONTROL, sandbox_account, PORTAL).updated == 1
    again = browser.post(_url(row), _carried(answer) | {"choose:application_name": "mine"})
    assert (shown(again), again.context["sent"], again.context["kept"]) == (both, [], [])
    assert _carried(again) == _carried(answer)


def test_a_form_whose_first_state_nobody_knows_any_more_loses_nothing_of_what_was_typed_and_wished(
    browser: Client, mirrored: Any
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"application_name": "mine", "base_digest": "f" * 64, "_addanother": "1"}
    answer = browser.post(_url(row), values)
    (one,) = answer.context["rows"]
    assert (one.name, one.base, one.theirs, one.mine) == ("application_name", "", "router", "mine")
    assert (answer.context["sent"], answer.context["kept"]) == ([], [])
    assert "first drawn from is not known here any more" in answer.content.decode()
    done = browser.post(_url(row), _carried(answer) | {"choose:application_name": "mine"})
    assert (done.status_code, done["Location"].partition("?")[0]) == (302, page_url("add"))
    assert remote_of(row)["application_name"] == "mine"


def test_of_a_form_whose_first_state_nobody_knows_what_is_empty_at_telnyx_is_to_be_chosen_as_well(
    browser: Client, mirrored: Any, sandbox: Sandbox
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"outbound.channel_limit": "3", "base_digest": "f" * 64}
    answer = browser.post(_url(row), values)
    assert [(one.name, one.theirs, one.mine) for one in answer.context["rows"]] == [("outbound.channel_limit", "", "3")]
    assert (answer.context["sent"], requests(sandbox, "PATCH")) == ([], [])
    done = browser.post(_url(row), _carried(answer) | {"choose:outbound.channel_limit": "mine"})
    assert (done.status_code, remote_of(row)["outbound"]["channel_limit"]) == (302, 3)


def test_keeping_all_of_telnyxs_sends_no_change(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored(TEXML, tags=["a", "b"])
    values = drawn(browser, _url(row)) | {"tags": "a\r\nmine"}
    change_at_telnyx(sandbox_account, row.remote, TEXML, tags=["a", "theirs"])
    carried = _carried(browser.post(_url(row), values))
    sent = len(requests(sandbox, "PATCH"))
    assert browser.post(_url(row), carried | {"choose:tags": "theirs"}).status_code == 302
    assert remote_of(row, TEXML)["tags"] == ["a", "theirs"]
    assert len(requests(sandbox, "PATCH")) == sent


def test_a_refusal_after_the_choice_stands_in_the_form_with_all_that_was_typed(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"application_name": "mine", "webhook_timeout_secs": "31"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    carried = _carried(browser.post(_url(row), values))
    form = browser.post(_url(row), carried | {"choose:application_name": "mine"}).context["adminform"].form
    assert "webhook_timeout_secs" in form.errors
    assert (form["application_name"].value(), form["webhook_timeout_secs"].value()) == ("mine", "31")


def test_of_two_operators_the_second_is_told_and_loses_nothing(
    client: Client, user_with: Any, mirrored: Any, sandbox: Sandbox
) -> None:
    row = mirrored()
    first, second = Client(), Client()
    for browser, name in ((first, "ada"), (second, "bob")):
        browser.force_login(user_with("Administrators", username=name))
    forms = [drawn(browser, _url(row)) for browser in (first, second)]
    assert first.post(_url(row), forms[0] | {"application_name": "ada's"}).status_code == 302
    answer = second.post(_url(row), forms[1] | {"application_name": "bob's", "active": "false"})
    (one,) = answer.context["rows"]
    assert (one.base, one.theirs, one.mine) == ("router", "ada's", "bob's")
    assert "ada" in answer.context["last_change"].history_change_reason
    assert remote_of(row)["application_name"] == "ada's"
    done = second.post(_url(row), _carried(answer) | {"choose:application_name": "theirs"}, follow=True)
    assert done.redirect_chain
    there = remote_of(row)
    assert (there["application_name"], there["active"]) == ("ada's", False)


def test_who_saves_other_fields_is_told_what_others_had_changed(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"active": "false"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    said = [str(message) for message in browser.post(_url(row), values, follow=True).context["messages"]]
    assert any("kept as they have it: Application name." in message for message in said)


@pytest.mark.usefixtures("only_account")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_rest_tells_base_theirs_and_mine_of_a_stale_if_match(
    api: APIClient, mirrored: Any, sandbox_account: TelnyxAccount, kind: Any
) -> None:
    row = mirrored(kind, inbound={"channel_limit": 3})
    url, name = f"/api/v1/{kind.slug}/{row.telnyx_id}/", kind.model.name_field
    tag = api.get(url)["ETag"]
    change_at_telnyx(sandbox_account, row.remote, kind, **{name: "theirs"}, dtmf_type="Inband")
    body = {name: "mine", "inbound": {"channel_limit": 5}}
    answer = api.patch(url, body, format="json", headers={"If-Match": tag})
    assert (answer.status_code, answer["Content-Type"]) == (412, "application/problem+json")
    assert answer.json()["conflicts"] == {
        name: {"base": "router", "theirs": "theirs", "mine": "mine"},
        "dtmf_type": {"base": "RFC 2833", "theirs": "Inband", "mine": "RFC 2833"},
        "inbound.channel_limit": {"base": 3, "theirs": 3, "mine": 5},
    }
    assert remote_of(row, kind)[name] == "theirs"
    deleted = api.delete(url, headers={"If-Match": tag})
    assert (deleted.status_code, deleted.json()["conflicts"][name]["theirs"]) == (412, "theirs")


@pytest.mark.usefixtures("only_account")
def test_of_a_state_that_nobody_knows_rest_tells_what_was_named_alone(
    api: APIClient, mirrored: Any, sandbox: Sandbox
) -> None:
    row, unknown = mirrored(), f'"{"f" * 64}"'
    url, etag = f"/api/v1/call-control-applications/{row.telnyx_id}/", {"If-Match": unknown}
    body = {"application_name": "mine", "dtmf_type": row.dtmf_type}
    answer = api.patch(url, body, format="json", headers=etag)
    named = {"application_name": {"base": None, "theirs": "router", "mine": "mine"}}
    assert (answer.status_code, answer.json()["conflicts"]) == (412, named)
    deleted = api.delete(url, headers=etag)
    assert (deleted.status_code, deleted.json()["conflicts"]) == (412, {})
    assert requests(sandbox, "PATCH", "DELETE") == []
    both = {"If-Match": f"{unknown}, {api.get(url)['ETag']}"}
    edited(sandbox, row, {"application_name": "theirs"})
    answer = api.patch(url, body, format="json", headers=both)
    assert answer.json()["conflicts"] == {"application_name": {"base": "router", "theirs": "theirs", "mine": "mine"}}


def test_theirs_is_what_the_page_showed_though_a_pull_brought_another_since(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"application_name": "mine"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    answer = browser.post(_url(row), values)
    assert "not known here any more" not in answer.content.decode()
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs again")
    assert pull(CALL_CONTROL, sandbox_account, PORTAL).updated == 1
    sent = len(requests(sandbox, "PATCH"))
    assert browser.post(_url(row), _carried(answer) | {"choose:application_name": "theirs"}).status_code == 302
    assert (len(requests(sandbox, "PATCH")), remote_of(row)["application_name"]) == (sent, "theirs again")
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


def test_a_page_whose_last_state_nobody_knows_any_more_is_drawn_from_the_present_one(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    values = drawn(browser, _url(row)) | {"application_name": "mine"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    carried = _carried(browser.post(_url(row), values))
    again = browser.post(_url(row), carried | {"base_digest": "e" * 64})
    (one,) = again.context["rows"]
    assert (one.base, one.theirs, one.mine, one.chosen) == ("router", "theirs", "mine", "")
