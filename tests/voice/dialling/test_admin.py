"""Dial batches in the browser: looked at before they dial, steered from their page."""

import re
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import URL, begin
from tests.support.limits import limit
from tests.support.rows import CallCommand, DialBatch
from voice.dialling import batches, limits
from voice.models import Suspension
from voice.stops import service as stops

pytestmark = pytest.mark.django_db
PAGE = "/admin/voice/dialbatch/new/"


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    return CallControlApplication.objects.create(account=account, telnyx_id="1293", application_name="line")


def form(**more: Any) -> dict[str, Any]:
    given = {"intent": str(uuid.uuid4()), "connection_id": "1293", "from": "+13125550100", "per_second": "2"}
    return given | {"numbers": "+13125550001\n+13125550002", "client_state": "spring"} | more


def checked(client: Client, **more: Any) -> dict[str, Any]:
    """What is sent by the button that dials, once the list was checked."""
    given = form(**more)
    return given | {"go": client.post(PAGE, given).context["checked"]}


def test_the_form_looks_first_and_then_dials(browser: Client, application: Any) -> None:
    given = form()
    page = browser.post(PAGE, given)
    assert len(page.context["plan"].lines) == 2
    assert page.context["plan"].seconds == 0.5  # from the first to the second
    assert not CallCommand.objects.exists()
    assert f'name="go" value="{page.context["checked"]}"' in page.content.decode()
    answer = browser.post(PAGE, given | {"go": page.context["checked"]})
    batch = DialBatch.objects.get()
    assert answer.url == f"/admin/voice/dialbatch/{batch.pk}/change/"
    assert batch.parameters["client_state"] == "c3ByaW5n"
    assert batch.requested_by == "user: operator"
    assert browser.get(answer.url).context["progress"].counts["queued"] == 2


@pytest.mark.parametrize(
    "written",
    [
        {"numbers": "+13125550001\n+13125550002\n+13125550003"},
        {"numbers": "+13125550001\n+13125550009"},
        {"numbers": "+13125550001,one\n+13125550002"},
        {"from": "+13125550109"},
        {"per_second": "3"},
        {"client_state": "autumn"},
        {"file": SimpleUploadedFile("more.csv", b"+13125550003\n")},
    ],
)
def test_what_was_written_into_the_form_since_it_was_checked_is_checked_and_not_dialled(
    browser: Client, application: Any, written: dict[str, Any]
) -> None:
    page = browser.post(PAGE, checked(browser) | written)
    assert not CallCommand.objects.exists()
    assert "Another list than was checked: nothing was dialled yet" in page.content.decode()
    fields = {name: page.context["form"][name].value() for name in ("intent", "numbers")}
    sent = form(**(written | fields | {"go": page.context["checked"]}))
    sent.pop("file", None)
    assert browser.post(PAGE, sent).status_code == 302
    assert CallCommand.objects.count() == len(fields["numbers"].split())


def test_a_batch_has_the_name_that_was_given_it(browser: Client, application: Any) -> None:
    browser.post(PAGE, checked(browser, name="spring"))
    assert DialBatch.objects.get().name == "spring"


def test_a_batch_is_steered_by_no_other_word(browser: Client, api: Any, account: TelnyxAccount) -> None:
    batch = begin(api)
    assert browser.post(f"/admin/voice/dialbatch/{batch.pk}/steer/delete/").status_code == 404
    assert DialBatch.objects.get().status == "running"


def test_pressing_twice_is_one_batch(browser: Client, application: Any, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    row.dials_per_day = 2  # the first press fills it
    row.save()
    given = checked(browser)
    assert browser.post(PAGE, given).url == browser.post(PAGE, given).url
    assert CallCommand.objects.count() == 2


def test_pressing_twice_at_once_is_one_batch(
    browser: Client, application: Any, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(account, dials_per_day=2)  # the other press fills it
    given, really, others = checked(browser), batches.plan, []

    def plan(*wanted: Any) -> batches.Plan:
        monkeypatch.setattr(batches, "plan", really)
        others.append(browser.post(PAGE, given).url)
        return really(*wanted)

    monkeypatch.setattr(batches, "plan", plan)
    assert [browser.post(PAGE, given).url] == others
    assert CallCommand.objects.count() == 2


def test_bad_lines_are_told_even_when_somebody_presses_on(browser: Client, application: Any) -> None:
    page = browser.post(PAGE, form(numbers="+13125550001\n030 1234567", go="1"))
    assert "country code" in page.context["plan"].problems[2]
    assert "Line 2" in page.content.decode()
    assert page.context["form"].errors == {}  # nothing was begun: it is told once, as it is when one only looks
    assert not CallCommand.objects.exists()


def test_of_many_bad_lines_the_first_200_are_told(browser: Client, application: Any) -> None:
    text = browser.post(PAGE, form(numbers="nobody\n" * 201)).content.decode()
    assert "Nothing was dialled: 201 lines cannot be" in text
    assert ("<b>Line 200</b>" in text, "<b>Line 201</b>" in text) == (True, False)


def test_a_line_is_counted_from_the_first_that_stands_there(browser: Client, application: Any) -> None:
    page = browser.post(PAGE, form(numbers="\n\n030 1234567\n+13125550001"))
    assert list(page.context["plan"].problems) == [3]


def test_a_line_below_the_last_that_can_be_counted_is_told_and_nothing_is_dialled(
    browser: Client, application: Any
) -> None:
    numbers = "\n" * 32_766 + "+13125550001\n+13125550002"
    page = browser.post(PAGE, form(numbers=numbers, go="1"))
    plan = page.context["plan"]
    assert [line.at for line in plan.lines] == [32_767]
    assert plan.problems == {32_768: "Lines are counted up to 32,767: remove the empty lines above this one."}
    assert "Nothing was dialled: 1 line cannot be" in page.content.decode()
    assert not CallCommand.objects.exists()


def test_a_name_that_is_too_long_is_told_on_its_field(browser: Client, application: Any) -> None:
    page = browser.post(PAGE, form(name="x" * 101, go="1"))
    assert list(page.context["form"].errors) == ["name"]
    assert not DialBatch.objects.exists()


def test_the_application_that_leads_to_the_form_is_chosen_in_it(browser: Client, application: Any) -> None:
    chosen = [
        browser.get(PAGE, query).context["form"]["connection_id"].value() for query in ({"application": "1293"}, {})
    ]
    assert chosen == ["1293", ""]


@pytest.mark.parametrize("url", [PAGE, "/admin/voice/call/dial/"])
def test_each_field_of_the_form_is_drawn(browser: Client, application: Any, url: str) -> None:
    page = browser.get(url)
    text = page.content.decode()
    assert [name for name in page.context["form"].fields if f'name="{name}"' not in text] == []


def test_one_dial_a_second_is_offered(browser: Client, application: Any) -> None:
    assert browser.get(PAGE).context["form"]["per_second"].value() == 1


@pytest.mark.parametrize(
    ("rate", "told"), [("0.01", []), ("20", []), ("0.009", ["per_second"]), ("20.1", ["per_second"])]
)
def test_a_rate_is_held_on_its_field(
    browser: Client, application: Any, account: TelnyxAccount, rate: str, told: list[str]
) -> None:
    limit(account, dials_per_minute=None)
    assert list(browser.post(PAGE, form(per_second=rate)).context["form"].errors) == told


@pytest.mark.parametrize("numbers", ["", " \n"])
def test_a_list_of_nobody_is_told_on_its_field(browser: Client, application: Any, numbers: str) -> None:
    page = browser.post(PAGE, form(numbers=numbers))
    assert page.context["form"].errors == {"numbers": ["Enter at least one number, or choose a file."]}


def test_a_file_is_read_into_the_page(browser: Client, application: Any) -> None:
    file = SimpleUploadedFile("numbers.csv", b"number,state\r\n+13125550007,ada\r\n")
    page = browser.post(PAGE, form(numbers="", file=file))
    assert [line.to for line in page.context["plan"].lines] == ["+13125550007"]
    assert "+13125550007,ada" in page.content.decode()
    broken = SimpleUploadedFile("numbers.csv", b"\xff\xfe\x00")
    assert browser.post(PAGE, form(numbers="", file=broken)).context["form"].errors["file"]
    for more, refused in ((0, False), (1, True)):
        large = SimpleUploadedFile("numbers.csv", b"+13125550007\n" + b" " * (512 * 1024 - 13 + more))
        errors = browser.post(PAGE, form(numbers="", file=large)).context["form"].errors
        assert ("larger than 512 kB" in str(errors.get("file"))) == refused


def test_a_limit_stands_on_its_field(browser: Client, application: Any, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    row.dials_per_minute = 60
    row.save()
    page = browser.post(PAGE, form())
    assert "dials_per_minute" in page.context["form"].errors["per_second"][0]


def test_who_keeps_a_batch_paused_that_was_paused_with_others_does_so_on_its_page(
    browser: Client, api: Any, account: TelnyxAccount
) -> None:
    batch = begin(api)
    address = f"/admin/voice/dialbatch/{batch.pk}/"
    row = stops.suspend(account, "", "", PORTAL)
    assert "Keep paused" in browser.get(f"{address}change/").content.decode()
    browser.post(f"{address}steer/pause/")
    page = browser.get(f"{address}change/").content.decode()
    assert ("Keep paused" in page, "Resume" in page) == (False, True)
    assert stops.lift(row, PORTAL) == 0


def test_a_batch_that_somebody_resumes_while_it_is_suspended_says_so(
    browser: Client, api: Any, account: TelnyxAccount
) -> None:
    batch = begin(api)
    stops.suspend(account, "", "", PORTAL)
    page = browser.post(f"/admin/voice/dialbatch/{batch.pk}/steer/resume/", follow=True)
    (told,) = [str(message) for message in page.context["messages"]]
    assert (f"The account {account} is suspended here" in told, DialBatch.objects.get().status) == (True, "paused")


def test_who_may_not_dial_sees_no_buttons_and_gets_403(signed_in: Any, api: Any, account: TelnyxAccount) -> None:
    batch = begin(api)
    viewer = signed_in("voice.view_dialbatch")
    page = viewer.get(f"/admin/voice/dialbatch/{batch.pk}/change/")
    assert page.status_code == 200
    assert "Pause" not in page.content.decode()
    assert viewer.get(PAGE).status_code == 403
    assert viewer.post(f"/admin/voice/dialbatch/{batch.pk}/steer/cancel/").status_code == 403
    assert viewer.get("/admin/voice/dialbatch/own-numbers/").status_code == 403
    assert "Dial a list" not in viewer.get("/admin/voice/dialbatch/").content.decode()
    assert batches.progress(DialBatch.objects.get()).state == "running"
    dialler = signed_in("voice.view_dialbatch", "voice.dial", username="dialler")
    assert "Pause" in dialler.get(f"/admin/voice/dialbatch/{batch.pk}/change/").content.decode()
    assert dialler.get(PAGE).status_code == 200
    assert dialler.get("/admin/voice/dialbatch/own-numbers/").status_code == 200
    assert "Dial a list" in dialler.get("/admin/voice/dialbatch/").content.decode()
    assert dialler.post(f"/admin/voice/dialbatch/{batch.pk}/steer/cancel/").status_code == 302
    assert batches.progress(DialBatch.objects.get()).state == "cancelled"


def test_who_may_begin_a_batch_and_not_see_it_is_led_to_no_refusal(signed_in: Any, application: Any) -> None:
    dialler = signed_in("voice.dial")
    given = checked(dialler)
    for _ in range(2):
        answer = dialler.post(PAGE, given, follow=True)
        assert answer.status_code == 200
        assert DialBatch.objects.count() == 1
    assert "2 numbers are being dialled" in dialler.post(PAGE, checked(dialler), follow=True).content.decode()


def test_why_it_does_not_go_on_is_told_masked_to_who_may_not_see_numbers(
    signed_in: Any, api: Any, account: TelnyxAccount
) -> None:
    batch = batches.pause(begin(api), PORTAL)
    Suspension.objects.create(account=account, since=batch.created_at, requested_by="token: +13125550188")
    dialler = signed_in("voice.view_dialbatch", "voice.dial")
    answer = dialler.post(f"/admin/voice/dialbatch/{batch.pk}/steer/resume/", follow=True)
    (told,) = [str(message) for message in answer.context["messages"]]
    assert "(token: +1312•••0188)" in told


def test_one_number_is_not_told_as_several(browser: Client, application: Any) -> None:
    page = browser.post(PAGE, checked(browser, numbers="+13125550001"), follow=True).content.decode()
    assert "1 number is being dialled" in page
    assert DialBatch.objects.get().name == "1 number"


def test_it_is_steered_from_its_page(browser: Client, api: Any, account: TelnyxAccount) -> None:
    batch = begin(api)
    page = f"/admin/voice/dialbatch/{batch.pk}/"
    for word, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert browser.get(f"{page}steer/{word}/").status_code == 404
        assert browser.post(f"{page}steer/{word}/").status_code == 302
        assert batches.progress(DialBatch.objects.get()).state == status
    assert browser.get("/admin/voice/dialbatch/").status_code == 200


def test_a_list_of_many_costs_no_more_statements(api: Any, browser: Client, account: TelnyxAccount) -> None:
    def statements(of: Any, url: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert of.get(url).status_code == 200
        return len(asked)

    looks = [(api, URL), (browser, "/admin/voice/dialbatch/")]
    begin(api, 1)
    for look in looks:
        statements(*look)  # that somebody saw whole numbers is noted once
    one = [statements(*look) for look in looks]
    for _ in range(4):
        begin(api, 3)
    assert [statements(*look) for look in looks] == one


def test_the_page_names_the_application_of_its_own_account(api: Any, browser: Client, account: TelnyxAccount) -> None:
    page = f"/admin/voice/dialbatch/{begin(api).pk}/change/"
    assert f"<p>1 · {account} " in browser.get(page).content.decode()
    others = ((make_account("beside"), "1", "a"), (account, "2", "b"))
    for owner, telnyx_id, name in (*others, (account, "1", "front desk")):
        CallControlApplication.objects.create(account=owner, telnyx_id=telnyx_id, application_name=name)
    assert f"<p>front desk · {account} " in browser.get(page).content.decode()


def test_the_page_tells_which_line_is_next_and_who_may_see_none_how_many_there_are(
    api: Any, browser: Client, signed_in: Any, account: TelnyxAccount
) -> None:
    batch = begin(api, 6)
    batch.commands.filter(sequence=1).update(status="ok")
    page = f"/admin/voice/dialbatch/{batch.pk}/change/"
    counts = re.compile(r">(\w+)</span></dt><dd>(\d+)</dd>")
    whole = browser.get(page)
    assert (whole.context["next"].sequence, counts.findall(whole.content.decode())) == (2, [])
    text = signed_in("voice.view_dialbatch").get(page).content.decode()
    assert counts.findall(text) == [("ok", "1"), ("queued", "5")]
    assert "Next line" in text
    batches.pause(batch, PORTAL)
    assert "Next line" not in browser.get(page).content.decode()


def test_a_list_of_too_many_is_told_on_its_field(browser: Client, application: Any) -> None:
    page = browser.post(PAGE, form(numbers="+13125550001\n" * 1001, go="1"))
    assert list(page.context["form"].errors) == ["numbers"]
    assert not DialBatch.objects.exists()
