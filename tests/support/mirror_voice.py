"""Modules of ``voice`` that have no test file of their own, and why."""

VOICE: dict[str, str] = {
    "voice.apps": "it loads the checks and the handlers: without it no test of voice.flows.checks passes",
    "voice.documents.admin.*": "test_admin and test_cases of the room open each page and post each form",
    "voice.documents.diffs": "test_api and test_admin of the room compare every kind of state",
    "voice.documents.serializers": "what the views of voice.documents.api answer: test_api of the room sees it",
    "voice.documents.usage": "test_api of the room asks for every kind of use, and deletes what has one",
    "voice.explanations.judgement.facts": "data without decisions: each test of the room judges some of it",
    "voice.explanations.judgement.sip_codes": "a table: test_telnyx_codes and test_by_cause of the room read its lines",
    "voice.explanations.judgement.verdicts": "the words of a verdict: test_precedence of the room reads all of them",
    "voice.handlers": "it only names what voice.flows.handlers has; the handlers of the tests are written with it",
    "voice.models.*": "rows without decisions: each is tested by the room that writes it",
    "voice.texml.conferences": "one function an operation: test_api of the room sends each, test_evidence some more",
    "voice.texml.queues": "one function an operation: test_api of the room sends each, test_evidence some more",
    "voice.texml.recordings": "one function an operation: test_api of the room sends each of them over real HTTP",
    "voice.texml.transcriptions": "one function an operation: test_api of the room sends each of them over real HTTP",
    "voice.texml.viewsets": "what the views of voice.texml.api share: test_api and test_requests of the room see it",
    "voice.urls": "addresses are tested wherever they are called",
    "voice.flows.versions": "test_history_pages of the room compares and restores versions",
}
