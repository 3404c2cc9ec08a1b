"""Takes or refuses commands on a leg as Telnyx does, and executes them. ``POST /calls/{call_control_id}/actions/…``."""

from functools import partial

from portal.json_types import JsonObject
from portal.sandbox.actions import legs
from portal.sandbox.calls import call_events, referrals
from portal.sandbox.calls.commands import (
    Action,
    already_ended,
    check_client_state,
    check_webhooks,
    leg,
    not_answered,
    run_once,
    with_url_lists,
)
from portal.sandbox.calls.destinations import FIRST_COMMAND
from portal.sandbox.conferences import queues
from portal.sandbox.core.errors import check, not_found, unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings
from portal.sandbox.services import assistants, media, payments, streams, transcripts

# by the last part of the path; Telnyx's paths follow no one rule
ACTIONS: dict[str, Action] = {
    "ai_assistant_add_messages": Action("add_ai_assistant_messages", "answered", assistants.add_messages),
    "ai_assistant_join": Action("join_ai_assistant", "answered", assistants.join),
    "ai_assistant_start": Action("start_ai_assistant", "answered", assistants.start),
    "ai_assistant_stop": Action("stop_ai_assistant", "answered", assistants.stop),
    "answer": Action("answer", "ringing", legs.answer),
    "bridge": Action("bridge", "answered", legs.bridge),
    "client_state_update": Action("update_client_state", "alive", legs.no_event),
    "conversation_relay_start": Action("start_conversation_relay", "answered", assistants.start_relay),
    "conversation_relay_stop": Action("stop_conversation_relay", "answered", assistants.stop_relay),
    "enqueue": Action("enqueue", "answered", queues.enqueue),
    "fork_start": Action("start_forking", "answered", streams.start_fork),
    "fork_stop": Action("stop_forking", "answered", streams.stop_fork),
    "gather": Action("gather", "answered", media.gather),
    "gather_stop": Action("stop_gather", "answered", media.stop_gather),
    "gather_using_ai": Action("gather_using_ai", "answered", assistants.gather),
    "gather_using_audio": Action("gather_using_audio", "answered", media.gather_using_audio),
    "gather_using_speak": Action("gather_using_speak", "answered", media.gather_using_speak),
    "hangup": Action("hangup", "alive", legs.hang_up),
    "leave_queue": Action("leave_queue", "alive", queues.leave),
    "pay": Action("pay", "answered", payments.pay),
    "playback_start": Action("start_playback", "answered", media.start_playback),
    "playback_stop": Action("stop_playback", "answered", media.stop_playback),
    "record_pause": Action("pause_recording", "answered", recordings.pause),
    "record_resume": Action("resume_recording", "answered", recordings.resume),
    "record_start": Action("start_recording", "answered", recordings.start),
    "record_stop": Action("stop_recording", "answered", recordings.stop),
    "refer": Action("refer", "answered", referrals.refer),
    "reject": Action("reject", "ringing", legs.reject),
    "send_dtmf": Action("send_dtmf", "answered", legs.no_event),
    "send_sip_info": Action("send_sip_info", "answered", legs.send_sip_info),
    "siprec_start": Action("start_siprec", "answered", streams.start_siprec),
    "siprec_stop": Action("stop_siprec", "answered", streams.stop_siprec),
    "speak": Action("speak", "answered", media.speak),
    "streaming_start": Action("start_streaming", "answered", streams.start),
    "streaming_stop": Action("stop_streaming", "answered", streams.stop),
    "suppression_start": Action("start_noise_suppression", "answered", legs.no_event),
    "suppression_stop": Action("stop_noise_suppression", "answered", legs.no_event),
    "switch_supervisor_role": Action("switch_supervisor_role", "answered", legs.switch_role),
    "transcription_start": Action("start_transcription", "answered", transcripts.start),
    "transcription_stop": Action("stop_transcription", "answered", transcripts.stop),
    "transfer": Action("transfer", "alive", legs.transfer),
}


def act(exchange: Exchange, call_control_id: str, wire_name: str, body: JsonObject) -> JsonObject:
    """Execute one command, or refuse it as Telnyx does; return the answer's body. Within a transaction."""
    action = ACTIONS.get(wire_name)
    if action is None:
        raise not_found(f"An action {wire_name!r}")
    call = leg(exchange, call_control_id)
    body = with_url_lists(body)
    check(f"calls.actions.{action.method}", body)
    check_client_state(body, "client_state", "target_leg_client_state")
    check_webhooks(body)
    run = partial(_execute, exchange, call, wire_name, body)
    return run_once(exchange, call_control_id, action.method, body.get("command_id"), run)


def _execute(exchange: Exchange, call: Call, wire_name: str, body: JsonObject) -> JsonObject:
    action = ACTIONS[wire_name]
    _check_state(call, action)
    if body.get("client_state") is not None:
        call.client_state = body["client_state"]
    exchange.cancel(call, FIRST_COMMAND)
    call_events.note_command(exchange, call, wire_name, body)
    return {"data": {"result": "ok"} | (action.run(exchange, call, body) or {})}


def _check_state(call: Call, action: Action) -> None:
    if not call.alive:
        raise already_ended()
    if action.needs == "answered" and call.state != "answered":
        raise not_answered()
    if action.needs == "ringing":
        _check_ringing(call, action)


def _check_ringing(call: Call, action: Action) -> None:
    if call.direction == "outgoing":
        title = "This call can't be answered" if action.method == "answer" else "This call can't be rejected"
        raise unprocessable("90102", title, "It is an outbound call.")
    if call.state != "ringing":
        raise unprocessable("10027", "Unprocessable entity", "This call has been answered already.")
