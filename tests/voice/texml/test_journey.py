"""TeXML from a dial to its end at the sandbox, by REST alone, with either encoding of bodies."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.editing.service import update_application
from applications.kinds import KINDS
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.resources.audit import ORGANIZATION, OWNER
from portal.sandbox.server.server import Sandbox
from tests.support.commands import made_uncertain, seen
from tests.support.factories import run_owed
from tests.support.polling import eventually
from tests.support.reconciliation import look
from tests.support.rest import problem
from tests.support.rows import Call, CallCommand
from tests.support.sandbox_http import Http
from tests.support.texml_resources import URL, heard
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver
from voice.dispatch import reconciliation, sender
from voice.texml import calls

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.alone("an account need not be named while there is only one"),
]
NUMBERS = {"From": "+13125550100", "To": "+13125550101"}


@pytest.fixture
def order(api: APIClient) -> Callable[..., CallCommand]:
    """Ask REST for a command, send it, and see it accepted."""

    def make(verb: str, path: str, **body: Any) -> CallCommand:
        made = getattr(api, verb)(URL + path, body, format="json")
        assert made.status_code == 202, made.json()
        run_owed()
        command = CallCommand.objects.get(pk=made.json()["id"])
        assert command.status == "ok", command.error
        return command

    return make


@pytest.fixture
def told(api: APIClient) -> Callable[[str], Any]:
    def read(path: str) -> Any:
        answer = api.get(URL + path)
        assert answer.status_code == 200, answer.json()
        return answer.json()

    return read


@pytest.mark.parametrize("encoding", ["json", "form"])
def test_a_call_from_its_dial_to_its_end(
    order: Any, told: Any, application: str, sandbox: Sandbox, settings: Any, encoding: str
) -> None:
    settings.TELNYX_TEXML_ENCODING = encoding
    dialled = order("post", "calls/", **NUMBERS, ApplicationSid=application, Url="http://127.0.0.1:9/doc")
    sid = dialled.call_control_id
    assert TelnyxAccount.objects.get().found_account_sid == ORGANIZATION
    heard(sandbox, CallSid=sid, CallStatus="in-progress")
    at = f"calls/{sid}/"
    assert (told(at)["sid"], told(at)["status"]) == (sid, "in-progress")
    assert [row["sid"] for row in told("calls/?To=%2B13125550101")["results"]] == [sid]
    recording = order("post", f"{at}recordings/", RecordingChannels="single", PlayBeep=False).answer["sid"]
    order("patch", f"{at}recordings/{recording}/", Status="paused")
    assert [(row["sid"], row["status"]) for row in told(f"{at}recordings/")["results"]] == [(recording, "paused")]
    stream = order("post", f"{at}streams/", Url="wss://example.com/audio", Name="ears").answer["sid"]
    order("patch", f"{at}streams/{stream}/", Status="stopped")
    siprec = order("post", f"{at}siprec/", ConnectorName="archive").answer["sid"]
    order("patch", f"{at}siprec/{siprec}/", Status="stopped")
    order("patch", at, Texml="<Response><Pause length='60'/></Response>")
    order("patch", at, Status="completed")
    heard(sandbox, CallSid=sid, CallStatus="completed")
    assert Call.objects.get().state == "ended"
    story = list(Call.objects.get().commands.order_by("created_at").values_list("action", flat=True))
    assert (len(story), story[0], story[-1]) == (9, "texml.calls.dial", "texml.calls.hang_up")


@pytest.mark.parametrize("encoding", ["json", "form"])
def test_a_conference_from_its_first_participant_to_its_end(
    order: Any, told: Any, application: str, settings: Any, encoding: str, api: APIClient
) -> None:
    settings.TELNYX_TEXML_ENCODING = encoding
    more: dict[str, Any] = {"ApplicationSid": application, "Label": "ada", "Beep": "true", "Muted": False}
    made = order("post", "conferences/standup/participants/", **NUMBERS, **more)
    room, ada = made.answer["conference_sid"], f"conferences/{made.answer['conference_sid']}/participants/ada/"
    assert [row["sid"] for row in told("conferences/?FriendlyName=standup")["results"]] == [room]
    order("patch", ada, Muted=True, EndConferenceOnExit=False)
    assert (told(ada)["muted"], told(ada)["end_conference_on_exit"]) == (True, False)
    assert [row["call_sid"] for row in told(f"conferences/{room}/participants/")["results"]] == [made.call_control_id]
    order("patch", f"conferences/{room}/", AnnounceUrl="https://example.com/a.mp3")
    order("post", f"conferences/{room}/participants/", **NUMBERS | {"To": "+13125550109"}, **more | {"Label": "bob"})
    order("delete", ada)
    problem(api.get(URL + ada), 404)
    for listing in ("", "?listing=json"):
        assert told(f"conferences/{room}/recordings/{listing}")["results"] == []
    order("patch", f"conferences/{room}/", Status="completed")
    assert told(f"conferences/{room}/")["status"] == "completed"


def test_a_queue_is_made_changed_and_deleted(order: Any, told: Any, api: APIClient, application: str) -> None:
    order("post", "queues/", FriendlyName="support", MaxSize=3)
    order("patch", "queues/support/", MaxSize=7)
    assert told("queues/support/")["max_size"] == 7
    for number in range(4):
        order("post", "queues/", FriendlyName=f"line-{number}")
    seen_names, page = [], told("queues/?page_size=2")
    while True:
        seen_names += [row["sid"] for row in page["results"]]
        if page["next"] is None:
            break
        page = api.get(page["next"]).json()
    assert sorted(seen_names) == ["line-0", "line-1", "line-2", "line-3", "support"]
    order("delete", "queues/support/")
    problem(api.get(f"{URL}queues/support/"), 404)


def test_a_secret_and_the_other_two_dials(order: Any, application: str) -> None:
    assert order("post", "secrets/", name="crm", value="hush").answer == {"name": "crm"}
    other = order("post", "calls/", **NUMBERS, connection_id=application, Url="http://127.0.0.1:9/doc", Method="POST")
    ai = order("post", "ai-calls/", **NUMBERS, connection_id=application, AIAssistantId="assistant-1")
    assert {other.action, ai.action} == {"texml.calls.create", "texml.ai_calls.create"}
    assert Call.objects.filter(connection_id=application, direction="outgoing").count() == 2


def test_recordings_and_transcriptions_are_read_and_deleted(
    order: Any, told: Any, api: APIClient, application: str, http: Http, sandbox: Sandbox
) -> None:
    http.ring("texml_record", connection_id=application)
    eventually(lambda: told("transcriptions/")["results"], "a transcription", sandbox.exchange)
    for name in ("recordings", "transcriptions"):
        (row,) = told(f"{name}/")["results"]
        assert told(f"{name}/{row['sid']}/")["sid"] == row["sid"]
        order("delete", f"{name}/{row['sid']}/")
        problem(api.get(f"{URL}{name}/{row['sid']}/"), 404)


def test_a_menu_of_two_documents_ends_in_the_log_with_its_digits(
    application: str, sandbox_account: TelnyxAccount, sandbox: Sandbox
) -> None:
    http = Http(sandbox.port, sandbox.exchange)
    with Receiver(sandbox.exchange) as receiver:
        receiver.documents = {
            "/home": response("<Say>Welcome.</Say><Redirect>/menu</Redirect>"),
            "/menu": response(
                f'<Gather action="{sandbox_account.texml_url}" numDigits="1"><Say>Press 1.</Say></Gather>'
            ),
        }
        row = KINDS[1].model.objects.get(telnyx_id=application)
        update_application(row, {"voice_url": f"{receiver.origin}/home"}, PORTAL)
        sid = http.ring("texml_menu", connection_id=application, digits="7")
        http.end(sid)
    run_owed()
    call = Call.objects.get(call_control_id=sid)
    assert (call.state, call.hangup_source) == ("ended", "callee")
    events = call.events.order_by("received_at").values_list("event_type", flat=True)
    assert list(events) == ["texml.call.initiated", "texml.call.answered", "texml.gather", "texml.call.completed"]
    assert call.events.get(event_type="texml.gather").payload["Digits"] == "7"
    assert [hook.path for hook in receiver.hooks] == ["/home", "/menu"]


@pytest.mark.parametrize("fault", ["cut", "act_then_cut"])
def test_a_dial_whose_answer_is_cut_is_settled_without_a_second_call(
    api: APIClient, application: str, sandbox: Sandbox, fault: str
) -> None:
    api.get(f"{URL}queues/")  # the account's SID is known by now
    sandbox.faults.add({"fault": fault, "method": "POST", "path": "/v2/texml", "times": 1})
    api.post(f"{URL}calls/", {**NUMBERS, "ApplicationSid": application}, format="json")
    command = CallCommand.objects.get()
    sender.send(command.pk)
    assert seen(command).status == "uncertain"
    command = look(seen(command))
    rows = api.get(f"{URL}calls/").json()["results"]
    if fault == "cut":
        assert (command.status, rows) == ("uncertain", [])
    else:
        assert (command.status, command.call_control_id) == ("ok", rows[0]["sid"])
        assert len(rows) == 1


def test_a_dial_is_settled_by_its_callback(application: str, sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    values = {**NUMBERS, "ApplicationSid": application}
    command = calls.dial(sandbox_account, values, PORTAL)
    sandbox.faults.add({"fault": "act_then_cut", "method": "POST", "path": "/v2/texml", "times": 1})
    sandbox_account.found_account_sid = ORGANIZATION
    sandbox_account.save()
    sender.send(command.pk)
    made_uncertain(command, sent=1, over=1)
    event = heard(sandbox, CallStatus="initiated")
    reconciliation.settle_from_event(event.pk)
    assert (seen(command).status, seen(command).call_control_id) == ("ok", event.call_control_id)


def test_the_user_is_the_account_where_the_organization_is_not(
    api: APIClient, http: Http, sandbox_account: TelnyxAccount
) -> None:
    assert http("POST", "/sandbox/account", {"account_sid": "user_id"})[0] == 200
    assert api.get(f"{URL}queues/").status_code == 200
    assert TelnyxAccount.objects.get().found_account_sid == OWNER.id
