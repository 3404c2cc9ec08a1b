"""Actions of the audit trail in plain words."""

import ast

import pytest
from django.conf import settings

from portal.trail import wording


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("application.update", "Changed an application"),
        ("account.lift", "Lifted the suspension of a Telnyx account"),
        ("sign-in.failed", "Failed to sign in"),
        ("call.start_recording", "Asked of a call: start recording"),
        ("conferences.hold", "Asked of conferences: hold"),
        ("call.note", "Wrote a note on a call"),
        ("contact.change", "Changed a contact"),
        ("application.pull", "Pulled applications from Telnyx"),
        ("application.export", "Exported applications"),
        ("document.export", "Exported TeXML documents"),
        ("batch.export", "Exported a dial batch"),
        ("number.assign", "Assigned a phone number to an application"),
        ("number.unassign", "Took a phone number from an application"),
        ("nonsense", "Nonsense"),
    ],
)
def test_an_action_is_said(action: str, words: str) -> None:
    assert wording.words(action) == words


def test_what_is_done_here_is_not_said_to_be_asked_of_telnyx() -> None:
    noted = _noted()
    assert {"call.tag", "contact.add", "audit.export"} <= noted
    assert [action for action in sorted(noted) if wording.words(action).startswith("Asked of ")] == []


def _noted() -> set[str]:
    """Every action that the code notes by its name: of what is asked of a call there is none, it is the command's."""
    files = (file for app in ("portal", "applications", "voice") for file in (settings.BASE_DIR / app).rglob("*.py"))
    texts = (text for file in files if "AuditEvent.note" in (text := file.read_text()))
    calls = (node for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    noting = (call for call in calls if ast.unparse(call.func).startswith("AuditEvent.note"))
    actions = (call.args[1] for call in noting)
    whole = (action for action in actions if not isinstance(action, ast.JoinedStr))
    within = (node for action in whole for node in ast.walk(action) if isinstance(node, ast.Constant))
    return {node.value for node in within if isinstance(node.value, str)}
