"""Modules of ``voice`` that have no test file of their own, and why."""

VOICE: dict[str, str] = {
    "voice.apps": "it loads the checks and the handlers: without it no test of voice.flows.checks passes",
    "voice.handlers": "it only names what voice.flows.handlers has; the handlers of the tests are written with it",
    "voice.models.*": "rows without decisions: each is tested by the room that writes it",
    "voice.urls": "addresses are tested wherever they are called",
}
