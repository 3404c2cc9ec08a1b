"""Says in plain words what an action of the audit trail is."""

_WHOLE = {
    "sign-in": "Signed in",
    "sign-in.failed": "Failed to sign in",
    "sign-in.blocked": "Was kept from trying more passwords",
    "sign-out": "Signed out",
    "password.change": "Changed their own password",
    "denied": "Was refused a page",
    "token.refused": "Came with a token that is none",
    "number.view": "Saw whole numbers",
    "event.view_raw": "Looked at a raw event",
    "recording.listen": "Listened to a recording",
    "call.search": "Searched calls",
    "call.tag_many": "Tagged many calls",
    "call.follow_up_many": "Asked to follow up many calls",
    "recording.delete_many": "Had many recordings deleted",
    "call.stop_outgoing": "Hung up all outgoing calls",
    "call.hang_up_many": "Hung up picked calls",
    "command.settle": "Decided what became of a command",
    "command.drop": "Said that a command is not to be sent",
    "command.release": "Had a command tried at once",
    "event.release": "Had an event processed at once",
    "events.import": "Brought calls in from Telnyx's record",
    "events.recover": "Looked for missed webhooks",
    "run.end": "Ended a run that was killed",
    "application.bulk_edit": "Changed many applications",
    "application.apply": "Carried out a plan",
    "limits.own_countries": "Opened the countries of its own numbers",
    "breaker.close": "Sent held back commands again",
    "call.note": "Wrote a note on a call",
    "call.note_removed": "Took a note off a call",
    "call.tag": "Tagged a call",
    "call.untag": "Took a tag off a call",
    "call.follow_up": "Asked to follow up a call",
    "call.followed_up": "Followed up a call",
    "call.bundle": "Took the bundle of a call",
    "call.bundle_many": "Took the bundles of many calls",
    "call.export": "Exported calls",
    "call.export_cancel": "Cancelled an export of calls",
    "call.export_end": "Came to the end of an export of calls",
    "contact.add": "Added a contact",
    "contact.import": "Imported contacts",
    "document.case": "Saved a test case of a TeXML document",
    "document.case_delete": "Deleted a test case of a TeXML document",
    "number.assign": "Assigned a phone number to an application",
    "number.unassign": "Took a phone number from an application",
    "audit.export": "Exported the audit trail",
    "report.export": "Exported a report",
}
_VERBS = {
    "create": "Made",
    "make": "Made",
    "update": "Changed",
    "change": "Changed",
    "delete": "Deleted",
    "revoke": "Revoked",
    "pull": "Pulled",
    "export": "Exported",
    "pause": "Paused",
    "resume": "Resumed",
    "cancel": "Cancelled",
    "suspend": "Suspended",
    "lift": "Lifted the suspension of",
    "mute": "Muted",
    "unmute": "Unmuted",
    "publish": "Published",
    "roll_back": "Rolled back",
    "run": "Ran",
    "end": "Ended",
    "test": "Tried",
}
_NOUNS = {
    "account": "a Telnyx account",
    "application": "an application",
    "alert": "an alert",
    "batch": "a dial batch",
    "contact": "a contact",
    "document": "a TeXML document",
    "flow": "a flow",
    "group": "a group",
    "limits": "limits",
    "number": "a phone number",
    "replay": "a replay",
    "token": "an API token",
    "user": "a person",
}


def words(action: str) -> str:
    """Say ``application.update`` as *Changed an application*. What is asked of a call keeps its name at Telnyx."""
    if action in _WHOLE:
        return _WHOLE[action]
    noun, _, verb = action.rpartition(".")
    if verb in _VERBS and noun in _NOUNS:
        return f"{_VERBS[verb]} {_NOUNS[noun]}"
    asked = verb.replace("_", " ")
    return f"Asked of {'a call' if noun == 'call' else noun.replace('.', ' ')}: {asked}" if noun else asked.capitalize()
