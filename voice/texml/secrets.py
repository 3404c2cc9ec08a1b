"""Saves secrets for TeXML's templates at Telnyx. A secret's value is sent while the request waits, and kept nowhere.

So no other process can send it: there is one attempt, now, and a command's row that never held the value. What Telnyx
says of a refusal may repeat the value, so its own words are left out, too.
"""

from typing import Any

from portal.actors import Actor
from portal.models import TelnyxAccount
from portal.telnyx.error_codes import MEANINGS
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable
from voice.catalogue import actions, texml_operations
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests

SAVE = texml_operations.SAVE_SECRET
_GONE = "The value was not kept: save the secret again."


def save(account: TelnyxAccount, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Save a secret; the same name again replaces its value. Return the command, which says what came of it.

    ``InvalidParameters`` also for a value with dots in it, as hidden ones are shown: they would replace the real one.
    """
    values = parameters if isinstance(parameters, dict) else {}
    values = texml_operations.check(SAVE, values)
    actions.refuse_hidden(values)
    command, is_new = outbox.begin(account, SAVE, {"name": values["name"]}, actor, intent=intent)
    if not is_new:
        return command
    try:
        requests.send(account, SAVE, [], values)
    except TelnyxError as error:
        _close(command, error)
    else:
        _close(command, None)
    return command


def _close(command: CallCommand, error: TelnyxError | None) -> None:
    status = CallCommand.Status.OK
    if isinstance(error, TelnyxUnavailable):
        status = CallCommand.Status.EXPIRED
    elif error is not None:
        status = CallCommand.Status.REFUSED if isinstance(error, TelnyxRefused) else CallCommand.Status.UNCERTAIN
    outbox.finish(
        command,
        status,
        answer=None if error else {"name": command.parameters["name"]},
        error=_words(error) if error else "",
        code=(error.code or "") if error else "",
        http_status=error.http_status if error else 201,
        outcome=error.kind if error else "ok",
    )


def _words(error: TelnyxError) -> str:
    told = MEANINGS.get(error.code or "", "")
    if isinstance(error, TelnyxRefused) and error.http_status is not None and not told:
        where = f" at {', '.join(sorted(error.fields))}" if error.fields else ""
        code = f", code {error.code}" if error.code else ""
        return (
            f"Telnyx refused the secret{where} (HTTP {error.http_status}{code}). Its own words are left out: they may "
            f"repeat the value. {_GONE}"
        )
    return f"{told or error.message} {_GONE}"
