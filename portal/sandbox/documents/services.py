"""Plays what goes on beside a document, or in its place: Start, Stop, Connect, Refer."""

from portal.json_types import JsonObject
from portal.sandbox.calls import calls
from portal.sandbox.calls.destinations import ENDINGS, RINGING, last_digits
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.documents import recording
from portal.sandbox.documents.fetches import tell
from portal.sandbox.documents.outcomes import LATER, comes, texml
from portal.sandbox.services import assistants
from portal.sandbox.texml import streams
from portal.texml.outcomes import Fetch, Over
from portal.texml.verbs import Verb

REFERRED = "texml_referred"  # the timer of a referral
TALK = 6.0  # seconds that an assistant or a relay speaks with a caller
_REFUSED = {"0002": "busy", "0003": "canceled"}


def start(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Begin what goes on beside the document. Transcription and noise suppression bring nothing that could be told."""
    for child in verb.children:
        if child.name == "Stream":
            streams.begin(exchange, call, streams.STREAM, _wanted(child))
        elif child.name == "Siprec":
            streams.begin(exchange, call, streams.SIPREC, _wanted(child))
        elif child.name == "Recording":
            recording.begin(exchange, call, child)


def stop(exchange: Exchange, call: Call, verb: Verb) -> None:
    kinds = {"Stream": streams.STREAM, "Siprec": streams.SIPREC}
    for child in verb.children:
        if child.name in kinds:
            streams.stop(exchange, call, kinds[child.name], child.get("name", ""))


def connect(exchange: Exchange, call: Call, verb: Verb) -> None:
    """Hand the call over until that is over: a stream when it is stopped, the others after a while."""
    (child,) = verb.children
    if child.name == "Stream":
        item = streams.begin(exchange, call, streams.STREAM, _wanted(child), blocks=True)
        texml(call)["connected"] = item["sid"]
        if item["status"] == "stopped":
            comes(exchange, call, Over())
        return
    if child.name == "AIAssistant" and child.get("id"):
        assistants.start(exchange, call, {"assistant": {"id": child.get("id")}})
    comes(exchange, call, Over(), TALK)


def refer(exchange: Exchange, call: Call, verb: Verb) -> None:
    exchange.after(RINGING, call, REFERRED, to=verb.children[0].text, url=verb.get("action"), method=verb.get("method"))


def referred(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    """Tell what became of it: whoever took the call talks without us now."""
    digits = last_digits(arguments["to"])
    ending = ENDINGS.get(digits)
    fields = {"Timestamp": timestamp(exchange.now(), "milliseconds")}
    if ending:
        status = _REFUSED.get(digits, "failed")
        fields |= {"ReferCallStatus": status, "ReferSipResponseCode": "202", "NotifySipResponseCode": ending.sip}
        comes(exchange, call, Over(fields), name=LATER)
        return
    fields |= {"ReferCallStatus": "in-progress", "ReferSipResponseCode": "202", "NotifySipResponseCode": "200"}
    if arguments["url"]:
        tell(exchange, call, Fetch(arguments["url"], arguments["method"], fields, "Refer"))
    calls.end(exchange, call, "normal_clearing", calls.far_side(call), "200")


def unbridged(exchange: Exchange, call: Call) -> None:
    """Let the document go on whose stream was stopped."""
    sid = texml(call).get("connected")
    if any(item["sid"] == sid and item["status"] == "stopped" for item in texml(call)["sessions"]):
        del texml(call)["connected"]
        comes(exchange, call, Over(), name=LATER)


def _wanted(child: Verb) -> JsonObject:
    """Return the parameters of the request over REST that is the same, and those it does not have."""
    told = {one.get("name"): one.get("value") for one in child.children if one.name == "Parameter"}
    wanted: JsonObject = {
        "Url": child.get("url"),
        "Track": child.get("track"),
        "Codec": child.get("codec"),
        "BidirectionalMode": child.get("bidirectionalMode"),
        "BidirectionalCodec": child.get("bidirectionalCodec"),
        "BidirectionalSamplingRate": child.get("bidirectionalSamplingRate"),
        "Parameters": told,
        "ConnectorName": child.get("connectorName"),
        "Name": child.get("name", ""),
        "StatusCallback": child.get("statusCallback"),
        "StatusCallbackMethod": child.get("statusCallbackMethod"),
    }
    return wanted
