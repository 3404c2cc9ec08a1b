"""Groups the settings of an application as people think of them, not in the order in which the SDK names them."""

from collections.abc import Iterable

from applications.kinds import Kind

# title, names in their order, whether it is folded. What no group names is folded away at the end: the SDK brings more.
_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Where calls go",
        (
            *("application_name", "friendly_name", "active"),
            *("webhook_event_url", "webhook_event_failover_url", "webhook_api_version"),
            *("voice_url", "voice_method", "voice_fallback_url", "status_callback", "status_callback_method"),
            "tags",
        ),
    ),
    (
        "What Telnyx may do",
        (
            *("outbound.outbound_voice_profile_id", "inbound.shaken_stir_enabled", "call_cost_in_webhooks"),
            *("inbound.sip_subdomain", "inbound.sip_subdomain_receive_settings", "redact_dtmf_debug_logging"),
        ),
    ),
    (
        "Limits",
        (
            *("inbound.channel_limit", "outbound.channel_limit"),
            *("first_command_timeout", "first_command_timeout_secs", "webhook_timeout_secs"),
        ),
    ),
)
_REST = "Advanced"


def groups(kind: Kind, before: Iterable[str] = ()) -> list[tuple[str, dict[str, object]]]:
    """Return the fieldsets of a form; ``before``: fields that are no setting, and come first."""
    names = list(kind.settable_flat())
    found: list[tuple[str, dict[str, object]]] = []
    for title, members in _GROUPS:
        here = [name for name in members if name in names]
        found.append((title, {"fields": [*before, *here] if not found else here}))
    grouped = {name for _, members in _GROUPS for name in members}
    rest = [name for name in names if name not in grouped]
    return [group for group in found if group[1]["fields"]] + (
        [(_REST, {"fields": rest, "classes": ("collapse",)})] if rest else []
    )
