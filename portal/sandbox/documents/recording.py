"""Plays what records: Record, and the recordings that Dial and Start begin."""

from portal.json_types import JsonObject
from portal.sandbox.calls.scenarios import SCENARIOS
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents.outcomes import comes, texml
from portal.sandbox.resources import recordings
from portal.sandbox.services import sockets
from portal.sandbox.texml import legs
from portal.texml.outcomes import Over
from portal.texml.verbs import Verb

MESSAGE = 3.0  # seconds for which a caller speaks onto a recording
FINISH = "texml_recorded"  # the timer of a recording's end
_KEY = "#"


def record(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Record the caller until a key, a silence or the longest time; whoever presses nothing speaks until they leave."""
    told = wanted(verb, "RecordVerb") | {"transcription_url": verb.get("transcriptionCallback")}
    body = {"channels": verb.get("channels"), "format": verb.get("format"), "transcription": verb.get("transcription")}
    id = legs.record(exchange, call, told, body)
    longest = float(verb.get("maxLength") or 0) or 14_400.0
    presses = SCENARIOS[call.script].digit if call.script else ""
    key = _KEY if presses and _KEY in verb.get("finishOnKey") else ""
    until = MESSAGE if key else MESSAGE + verb.get("timeout") if verb.get("timeout") else longest
    texml(call)["record"] = {"id": id}
    exchange.after(min(until, longest), call, FINISH, id=id, key=key if until <= longest else "")
    exchange.tell(call, "waiting")


def finish(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """End the recording of a Record, and let its action hear of it."""
    kept = texml(call).get("record")
    if kept is None or kept["id"] != arguments["id"] or not call.alive:
        return
    del texml(call)["record"]
    if not arguments.get("is_heard"):
        sockets.press(exchange, call, arguments["key"])
    key = {"Digits": arguments["key"]} if arguments["key"] else {}
    comes(exchange, call, Over(of_call(exchange, call, kept["id"]) | key))


def stop_by_key(exchange: Exchange, call: Call, verb: Verb, keys: str) -> None:
    """End the recording of a Record if one of the keys pressed ends it."""
    key = next((key for key in keys if key in verb.get("finishOnKey")), "")
    kept = texml(call).get("record")
    if key and kept:
        exchange.cancel(call, FINISH)
        exchange.after(0.0, call, FINISH, id=kept["id"], key=key, is_heard=True)


def of_call(exchange: Exchange, call: Call, id: str) -> dict[str, str]:
    """End the recording of that id, if it is under way, and return the fields that tell of it."""
    for item in call.running.get("recording", []):
        if item["id"] == id:
            return end(exchange, call, item)
    return {"RecordingSid": id}  # ended over REST


def end(exchange: Exchange, call: Call, item: JsonObject) -> dict[str, str]:
    """End a recording, and return the fields that tell of it."""
    ended = recordings.resource(call, item, exchange.now())
    recordings.stop(exchange, call, {"recording_id": item["id"]})
    link = next(filter(None, recordings.links(exchange, ended).values()), "")
    fields = {"RecordingSid": item["id"], "RecordingDuration": str(round(ended["duration_millis"] / 1000))}
    return fields | ({"RecordingUrl": link} if texml(call)["recordings"][item["id"]]["send_url"] else {})


def begin(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Record while the document goes on."""
    channels = "dual" if verb.get("channels") == "dual" else "single"
    # whose source Telnyx tells for a Recording of Start is written down nowhere
    legs.record(exchange, call, wanted(verb, "RecordVerb"), {"channels": channels, "format": verb.get("format")})


def wanted(verb: Verb, source: str) -> JsonObject:
    """Return where the callbacks of a recording go, and which of them."""
    return {
        "url": verb.get("recordingStatusCallback"),
        "method": verb.get("recordingStatusCallbackMethod"),
        "events": list(verb.get("recordingStatusCallbackEvent", ("completed",))),
        "send_url": verb.get("sendRecordingUrl", True),
        "source": source,
    }
