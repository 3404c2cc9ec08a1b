"""Plays what is heard on a leg: speech and playback, one after the other, and the digits pressed meanwhile.

Events: Telnyx's command pages (``/calls/{call_control_id}/actions/speak`` and the like), "Expected webhooks".
"""

from urllib.parse import urlsplit

from portal.json_types import JsonObject
from portal.sandbox.core.errors import Problem, Refused
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.services import sockets

SPEECH_SECONDS = 2.0
TRIES = 3  # of a question, unless told otherwise
GATHER_SECONDS = 5.0  # the longest wait for a digit, however long the client would wait: no scenario may drag on


def speak(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Say something, after what is being said."""
    _play(exchange, call, {"kind": "speak", "more": {}, "endless": body.get("loop") == "infinity"})


def start_playback(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Play a file, after what is being played."""
    _check_reachable(body.get("audio_url") or "")
    item_fails = _failure(body.get("audio_url") or "")
    more = {
        "media_name": body.get("media_name"),
        "media_url": body.get("audio_url"),
        "overlay": body.get("overlay", False),
    }
    item = {"kind": "playback", "more": more, "endless": body.get("loop") == "infinity" and not item_fails}
    _play(exchange, call, item | {"fails": item_fails})


def stop_playback(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """End what is heard; with ``stop: all`` also what waits behind it."""
    if body.get("stop", "all") == "all":
        call.queue.clear()
    _end_item(exchange, call, "cancelled")
    _next_item(exchange, call)


def gather(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Wait for digits."""
    _gather(exchange, call, body, 0.0)


def gather_using_speak(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Ask, then wait for digits. Telnyx documents no speak events for it."""
    _gather(exchange, call, body, SPEECH_SECONDS)
    _try_again_later(call, body, None, SPEECH_SECONDS if body.get("invalid_payload") else 0.0)


def gather_using_audio(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Play a file, and wait for digits."""
    start_playback(exchange, call, body)
    _gather(exchange, call, body, SPEECH_SECONDS)
    question: JsonObject = {name: body[name] for name in ("audio_url", "media_name") if name in body}
    is_said = bool(body.get("invalid_audio_url") or body.get("invalid_media_name"))
    _try_again_later(call, body, question, SPEECH_SECONDS if is_said else 0.0)
    if call.gather:
        call.gather["prompts"] = True


def stop_gather(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.gather:
        _end_gather(exchange, call, "cancelled")


def press(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Have the person at the far end press ``arguments["digit"]``."""
    if call.state != "answered":
        return
    digit = arguments["digit"]
    exchange.emit(call, "call.dtmf.received", digit=digit)
    sockets.press(exchange, call, digit)
    wanted = call.gather
    if wanted is None:
        return
    _interrupt(exchange, call)
    if digit != wanted["terminating"]:
        wanted["digits"] += digit
    if digit == wanted["terminating"] or len(wanted["digits"]) >= wanted["maximum"]:
        _judge(exchange, call, _verdict(wanted))
    else:
        exchange.cancel(call, "gather_timeout")
        exchange.after(wanted["between"], call, "gather_timeout")


def _interrupt(exchange: Exchange, call: Call) -> None:
    """Stop the question that a key falls into. Which status its playback tells then is documented nowhere."""
    wanted = call.gather or {}
    if wanted.get("prompts"):
        wanted["prompts"] = False
        call.queue.clear()
        _end_item(exchange, call, "cancelled")


def give_way(exchange: Exchange, call: Call) -> None:
    """Stop speech, because a machine's beep was heard; the call goes on. As seen in production, in no document."""
    if call.playing and call.playing["kind"] == "speak":
        _end_item(exchange, call, "cancelled_amd")
        _next_item(exchange, call)


def fall_silent(exchange: Exchange, call: Call) -> None:
    """End everything, because the call ends."""
    call.queue.clear()
    _end_item(exchange, call, "call_hangup")
    if call.gather:
        _end_gather(exchange, call, "call_hangup")


def _play(exchange: Exchange, call: Call, item: JsonObject) -> None:
    call.queue.append(item)
    if not call.playing:
        _next_item(exchange, call)


def _next_item(exchange: Exchange, call: Call) -> None:
    if not call.queue:
        return
    call.playing = call.queue.pop(0)
    exchange.emit(call, f"call.{call.playing['kind']}.started", **call.playing["more"])
    exchange.tell(call, "speaking")
    if not call.playing["endless"]:
        exchange.after(0.0 if call.playing.get("fails") else SPEECH_SECONDS, call, "heard")


def _failure(url: str) -> str:
    """Return how the playback of media fails that cannot be had: told by the end of its path."""
    path = url.partition("?")[0]
    return "failed" if path.endswith("/fail") else "file_not_found" if path.endswith("/missing") else ""


def _check_reachable(url: str) -> None:
    """Refuse a file of a host that nobody can ask: names in ``.invalid`` are never given to anybody (RFC 2606)."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # Telnyx judges no address before it asks there
        return
    if host.endswith(".invalid"):
        detail = "Provided audio file couldn't be downloaded."
        raise Refused(400, Problem("90040", "Downloading audio file failed", detail))


def _heard(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    _end_item(exchange, call, (call.playing or {}).get("fails") or "completed")
    _next_item(exchange, call)


def _end_item(exchange: Exchange, call: Call, status: str) -> None:
    item, call.playing = call.playing, None
    if item is None:
        return
    exchange.cancel(call, "heard")
    if item["kind"] == "playback":
        exchange.emit(call, "call.playback.ended", **item["more"], status=status, status_detail=None)
    else:  # a stopped speech has no status of its own: completed, call_hangup and cancelled_amd are all there are
        exchange.emit(call, "call.speak.ended", status="completed" if status == "cancelled" else status)


def _gather(exchange: Exchange, call: Call, body: JsonObject, prompt: float) -> None:
    if call.gather:
        _end_gather(exchange, call, "cancelled")
    longest = GATHER_SECONDS if call.part is None else 86_400.0  # whoever has a part of their own is waited for
    first = min(body.get("timeout_millis", 60_000), body.get("initial_timeout_millis", 60_000)) / 1000
    call.gather = {
        "digits": "",
        "minimum": body.get("minimum_digits", 1),
        "maximum": body.get("maximum_digits", 128),
        "terminating": body.get("terminating_digit", "#"),
        "valid": body.get("valid_digits", "0123456789#*"),
        "between": min(body.get("inter_digit_timeout_millis", 5_000) / 1000, longest),
        "prompt": prompt,
        "first": min(first, longest),
        "tries": 1,
        "id": body.get("gather_id"),
    }
    exchange.after(prompt + min(first, longest), call, "gather_timeout")
    exchange.tell(call, "gathering")


def _try_again_later(call: Call, body: JsonObject, question: JsonObject | None, complaint: float) -> None:
    """Have the question asked as often as was told, where nothing is pressed, or nothing that it takes.

    ``complaint`` is how long it takes to say that. Whoever plays a scenario is asked once, so that no call drags on.
    """
    if call.gather:
        tries = body.get("maximum_tries", TRIES if call.part is not None else 1)
        call.gather |= {"tries": tries, "question": question, "complaint": complaint}


def _gather_timeout(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    if call.gather:
        _judge(exchange, call, _verdict(call.gather) if call.gather["digits"] else "timeout")


def _judge(exchange: Exchange, call: Call, status: str) -> None:
    """End the gathering, or ask again: a try is left, and what was pressed is not what was asked for."""
    wanted = call.gather or {}
    if status == "valid" or wanted.get("tries", 1) <= 1:
        _end_gather(exchange, call, status)
        return
    exchange.cancel(call, "gather_timeout")
    wanted |= {"tries": wanted["tries"] - 1, "digits": "", "prompt": SPEECH_SECONDS}
    wanted["prompt"] += wanted["complaint"] if status == "invalid" else 0.0
    if wanted["question"] is not None:
        start_playback(exchange, call, wanted["question"])
        wanted["prompts"] = True
    exchange.after(wanted["prompt"] + wanted["first"], call, "gather_timeout")
    exchange.tell(call, "gathering")


def _end_gather(exchange: Exchange, call: Call, status: str) -> None:
    wanted, call.gather = call.gather or {"digits": "", "id": None}, None
    exchange.cancel(call, "gather_timeout")
    more = {"gather_id": wanted["id"]} if wanted["id"] else {}  # promised by the command's page, in no schema
    exchange.emit(call, "call.gather.ended", digits=wanted["digits"], status=status, **more)


def _verdict(wanted: JsonObject) -> str:
    digits = wanted["digits"]
    fits = wanted["minimum"] <= len(digits) <= wanted["maximum"] and set(digits) <= set(wanted["valid"])
    return "valid" if fits else "invalid"


TIMERS: dict[str, TimerFunction] = {"heard": _heard, "gather_timeout": _gather_timeout, "press": press}
