"""Guards of the promises, each named by what would happen without it; ``make mutants GUARDS=yes`` takes each away."""

from tests.mutants.drawing import Edit

_DISPATCH, _DIALLING, _FLOWS = "voice/dispatch", "voice/dialling", "voice/flows"
_DOCUMENTS, _MIRROR = "voice/documents", "applications/mirror"

GUARDS = {
    "an event that names only its leg lands in any call of the account": Edit(
        "voice/calls/waiting_events.py", "(account_id=account_id, call_leg_id=call_leg_id)", "(account_id=account_id)"
    ),
    "one look leases every uncertain command that is due": Edit(
        f"{_DISPATCH}/reconciliation.py",
        "unsettled().filter(pk=command_id, lease_until__lt=sql.Now())",
        "unsettled().filter(lease_until__lt=sql.Now())",
    ),
    "a command is begun beside another one of its call": Edit(
        f"{_DISPATCH}/ordering.py",
        "WHERE other.call_id = %s AND {_OTHERS} IN ('queued', 'sending'))",
        "WHERE other.call_id = %s AND FALSE)",
    ),
    "a sender that lost its lease closes as ok what another one has": Edit(
        f"{_DISPATCH}/ordering.py",
        "WHERE id = %s AND {_STATUS} = 'sending' AND lease_until = %s\n              AND NOT",
        "WHERE id = %s AND (TRUE OR lease_until = %s)\n              AND NOT",
    ),
    "sip:TEL%3A+1900… passes every limit": Edit(
        f"{_DIALLING}/destinations.py", ".lower().removeprefix", ".removeprefix"
    ),
    "an accepted dial counts as one on its way, a transfer does not": Edit(
        f"{_DIALLING}/limits.py", "& ~Q(action__in=actions.NEW_CALLS)", "& Q(action__in=actions.NEW_CALLS)"
    ),
    "the leg of a transfer, not that of a dial, has a command of its own": Edit(
        f"{_DIALLING}/limits.py",
        'filter(call=OuterRef("pk"), action__in=actions.NEW_CALLS)',
        'filter(call=OuterRef("pk")).exclude(action__in=actions.NEW_CALLS)',
    ),
    "two batches confirmed at once both pass dials_per_day": Edit(
        f"{_DIALLING}/limits.py", "check_room(held, len(commands) * rung, per_second * rung)", "pass"
    ),
    "several dials of one event are not counted beside each other": Edit(
        f"{_DIALLING}/limits.py", "beside += command.dials", "pass"
    ),
    "an uncertain dial is sent again without its parameters": Edit(
        f"{_DISPATCH}/reconciliation.py", "outbox.dial(command.account, parameters", "outbox.dial(command.account, {}"
    ),
    "a command that was sent again is settled again": Edit(
        f"{_DISPATCH}/reconciliation.py",
        "if command.status != _Status.UNCERTAIN or command.settled_at is not None:",
        "if command.status != _Status.UNCERTAIN:",
    ),
    "a dial is proven by a call of days later with the same numbers": Edit(
        "voice/catalogue/correlation.py", "begun <= _sent_at(command) + BEGINS_WITHIN", "True"
    ),
    "a 429 counts as silence and opens the breaker": Edit(
        f"{_DISPATCH}/circuit_breaker.py", " and error.http_status is None", ""
    ),
    "a rule's path into a text raises, and the event ends dead": Edit(
        f"{_FLOWS}/conditions.py", "isinstance(value, Mapping) and part in value", "part in value"
    ),
    "a rule's path into a text takes a letter of it": Edit(
        f"{_FLOWS}/conditions.py", "isinstance(value, list) and part.isdecimal()", "part.isdecimal()"
    ),
    "two recordings of one second are one": Edit(
        "voice/events/texml_callbacks.py", '"ReferCallStatus", "RecordingSid", ', '"ReferCallStatus", '
    ),
    "two transcriptions of one second are one": Edit(
        "voice/events/texml_callbacks.py", '"TranscriptionSid", "StreamSid"', '"StreamSid"'
    ),
    "a callback without a time makes another call of another order": Edit(
        "voice/calls/projection.py", "event.happened_at if has_time else _NEVER", "event.happened_at"
    ),
    "a wrong account SID loses every TeXML call": Edit(
        "voice/recovery/open_calls.py", "texml_listed is not None if call.is_texml else", "True if call.is_texml else"
    ),
    "what runs in a TeXML application of others stands in the call log": Edit(
        "applications/receivers.py", "rows.exists() and not rows.exclude(here).exists()", "rows.exists()"
    ),
    "a token's TeXML calls dial beyond its concurrent_calls": Edit(
        f"{_DIALLING}/limits.py", " | dialled_by_documents)", ")"
    ),
    "the role of a supervisor is sent once only": Edit(
        "voice/catalogue/retry_policy.py",
        '{"update_client_state", "switch_supervisor_role"}',
        '{"update_client_state"}',
    ),
    "a change of a queue is sent once only": Edit(
        "voice/catalogue/retry_policy.py",
        '{"queues.update", "queues.delete", "queues.calls.update", ',
        '{"queues.none", ',
    ),
    "a rule's command that can never be sent seems unfinished": Edit(
        f"{_FLOWS}/rules.py",
        "command.status, command.error, command.finished_at = CallCommand.Status.EXPIRED, why, command.created_at",
        "command.status, command.error = CallCommand.Status.EXPIRED, why",
    ),
    "a rule's command that a limit forbids seems unfinished": Edit(
        f"{_DIALLING}/limits.py", "command.finished_at = command.created_at", "pass"
    ),
    "the youngest command goes first": Edit(
        f"{_DISPATCH}/sender.py", 'found.order_by("created_at", "sequence")', 'found.order_by("-created_at")'
    ),
    "the youngest event goes first": Edit(
        "voice/events/processing.py", 'order_by(recovered, "received_at")', 'order_by(recovered, "-received_at")'
    ),
    "what was recovered goes before live calls": Edit(
        "voice/events/processing.py", 'order_by(recovered, "received_at")', 'order_by("received_at")'
    ),
    "the uncertain command that was due last is looked at first": Edit(
        f"{_DISPATCH}/reconciliation.py", '.order_by("lease_until")', '.order_by("-lease_until")'
    ),
    "the sweep looks once only": Edit(
        f"{_DISPATCH}/reconciliation.py", "update(lease_until=_next_look(command))", "update(lease_until=None)"
    ),
    "one application that cannot be kept costs its whole page": Edit(
        "applications/mirror/store.py",
        "return _write_singly(kind, account, page, actor, reason)",
        "raise",
    ),
    "Telnyx's 429 stops the import of a file": Edit(
        "portal/telnyx/patience.py", "if error.http_status != 429:", "if True:"
    ),
    "an import does not wait as long as Telnyx's 429 says": Edit(
        "portal/telnyx/patience.py", "_wait(error.retry_after, alive)", "pass"
    ),
    "that a person was deleted stands in no audit trail": Edit(
        "portal/admin/people.py", 'AuditEvent.note(actor_of(request), f"{obj._meta.model_name}.delete", obj)', "pass"
    ),
    "a flow that is deleted in the browser leaves no trace": Edit(
        f"{_FLOWS}/admin.py", "delete_flow(obj, actor_of(request))", "obj.delete()"
    ),
    "the embedded queue is looked at seldom while messages come": Edit(
        "portal/runtime/sqlite_broker.py",
        "self.polling_interval = _BUSY_POLL_SECONDS",
        "self.polling_interval = _IDLE_POLL_SECONDS",
    ),
    "the embedded queue is looked at all the time while none come": Edit(
        "portal/runtime/sqlite_broker.py",
        "self.polling_interval = _IDLE_POLL_SECONDS",
        "self.polling_interval = _BUSY_POLL_SECONDS",
    ),
    "the embedded queue does not notice that messages come": Edit(
        "portal/runtime/sqlite_broker.py", "self._busy_until = time.monotonic() + _BUSY_SECONDS", "pass"
    ),
    "an entity of a document multiplies, or reads a file": Edit(
        "portal/texml/tree.py", "self.parser.StartDoctypeDeclHandler = self._doctype", "pass"
    ),
    "a document of any size is read": Edit("portal/texml/tree.py", "if len(source) > LARGEST:", "if False:"),
    "a document of any depth is read": Edit("portal/texml/tree.py", "if len(self.open) >= DEEPEST:", "if False:"),
    "a document that declares another encoding hides whom it calls": Edit(
        "voice/catalogue/texml_documents.py", 'read.encoding not in {"", "utf-8"}', "False"
    ),
    "braces of a caller's name are a template at Telnyx": Edit(
        "portal/texml/rendering.py", '"\'{}\\t\\r\\n"', '"\'\\t\\r\\n"'
    ),
    "a caller's value is called though nobody allowed it": Edit(
        "portal/texml/templates.py", "and not is_allowed:", "and False:"
    ),
    "lists within lists cost more than a document may": Edit(
        "portal/texml/rendering.py", "self._count(0)  # an empty body, too", "pass"
    ),
    "a document is served to whoever signs anything": Edit(
        f"{_DOCUMENTS}/door.py", "signatures.verify(request.headers, body, published.keys, time.time())", "pass"
    ),
    "an older version comes in after a newer one": Edit(
        f"{_DOCUMENTS}/copies.py", "there.number <= published.number", "True"
    ),
    "a draft that nobody judged is published": Edit(
        f"{_DOCUMENTS}/service.py", "_held(document, seen)", "_held(document)"
    ),
    "who may not dial publishes what does": Edit(
        f"{_DIALLING}/rights.py", '_demand(actor, wanted, "This document")', "pass"
    ),
    "a name that a person may not see whole stands in the addresses of their pages": Edit(
        "voice/texml/admin/resources.py", 'return str(sid) if is_whole else ""', "return str(sid)"
    ),
    "a recording is opened by who may not listen": Edit(
        "voice/texml/admin/details.py",
        "resources.RECORDING.permission, listings.LISTEN",
        "resources.RECORDING.permission",
    ),
    "pressing twice on a page of TeXML makes two commands": Edit(
        "voice/texml/admin/commands.py", "f\"texml:{form.cleaned_data['intent']}\"", "str(uuid.uuid4())"
    ),
    "a pull takes a save that is on its way for somebody else's": Edit(f"{_MIRROR}/store.py", " or id in busy", ""),
    "an older answer replaces a newer state": Edit(
        f"{_MIRROR}/store.py", "if is_older(remote, row.remote):", "if False:"
    ),
    "a lost change is put to somebody at Telnyx": Edit(
        f"{_MIRROR}/intents.py", "same(flat.get(name), intent.values[name])", "False"
    ),
    "a page of a proxy deletes an application": Edit("portal/telnyx/errors.py", " and self.in_envelope", ""),
    "a create adopts one with other settings": Edit(
        f"{_MIRROR}/answers.py", "all(same(there[name], value) for name, value in told.items())", "True"
    ),
}
