"""Transcribes a leg while it is up: three sentences, two seconds apart."""

from portal.json_types import JsonObject
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call

KIND = "transcription"
SENTENCE_SECONDS = 2.0
_SENTENCES = ("hello this is the sandbox", "i am calling about my order", "thank you and goodbye")


def begin(exchange: Exchange, call: Call) -> None:
    """Transcribe from the answer on, if dial or answer said so."""
    if call.options.get("transcription"):
        start(exchange, call, call.options.get("transcription_config") or {})


def start(exchange: Exchange, call: Call, body: JsonObject) -> None:
    if call.running.get(KIND):
        detail = "Call transcription can not be started more than once."
        raise unprocessable("90054", "Call transcription is already in progress", detail)
    interim = (body.get("transcription_engine_config") or {}).get("interim_results", False)
    tracks = body.get("transcription_tracks", "inbound")
    call.running[KIND] = [{"interim": interim, "tracks": tracks}]
    exchange.after(SENTENCE_SECONDS / 2, call, "words", said=0)


def hear(exchange: Exchange, call: Call, text: str) -> None:
    """Transcribe what the far end says, if that is wanted."""
    wanted = next(iter(call.running.get(KIND, [])), None)
    if wanted and wanted["tracks"] != "outbound":
        exchange.cancel(call, "words")  # they speak for themselves
        if wanted["interim"]:
            _tell(exchange, call, " ".join(text.split()[:2]), "inbound", final=False)
        _tell(exchange, call, text, "inbound", final=True)


def stop(exchange: Exchange, call: Call, body: JsonObject) -> None:
    """Stop transcribing. No event tells the end."""
    call.running.pop(KIND, None)
    exchange.cancel(call, "words")


def _words(exchange: Exchange, call: Call, arguments: JsonObject) -> None:
    (wanted,), place = call.running[KIND], arguments["said"]
    track = "outbound" if wanted["tracks"] == "outbound" or (wanted["tracks"] == "both" and place % 2) else "inbound"
    sentence = _SENTENCES[place]
    if wanted["interim"]:
        _tell(exchange, call, " ".join(sentence.split()[:2]), track, final=False)
    _tell(exchange, call, sentence, track, final=True)
    if place + 1 < len(_SENTENCES):
        exchange.after(SENTENCE_SECONDS, call, "words", said=place + 1)


def _tell(exchange: Exchange, call: Call, text: str, track: str, final: bool) -> None:
    data = {
        "confidence": 0.977 if final else 0.61,
        "is_final": final,
        "transcript": text,
        "transcription_track": track,
    }
    exchange.emit(call, "call.transcription", transcription_data=data)


TIMERS: dict[str, TimerFunction] = {"words": _words}
