"""The members of a call and of a command in the examples of the interface page."""

CALL = {
    "call_control_id",
    "call_leg_id",
    "call_session_id",
    "account",
    "connection_id",
    "application",
    "direction",
    "from",
    "to",
    "state",
    "started_at",
    "answered_at",
    "bridged_at",
    "ended_at",
    "ring_seconds",
    "talk_seconds",
    "hangup_cause",
    "hangup_source",
    "sip_hangup_cause",
    "client_state",
    "tags",
}
COMMAND = {"id", "action", "status", "parameters", "call_control_id", "requested_by", "created_at", "attempts", "error"}
