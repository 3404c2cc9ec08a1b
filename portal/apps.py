"""App configurations: the core, and Django's admin with our site in its place."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate


class PortalAdminConfig(AdminConfig):
    """``django.contrib.admin`` with the portal's own site."""

    default_site = "portal.site.PortalSite"


class PortalConfig(AppConfig):
    """The core."""

    name = "portal"
    verbose_name = "System"

    def ready(self) -> None:
        import_module("portal.checks")  # registers them; they need the models, which are ready only now
        post_migrate.connect(_make_groups, dispatch_uid="portal.groups")


def _make_groups(sender: Any, **_: Any) -> None:
    """After the last app's migration, when every permission is there. Filled once: what people change stays."""
    if sender.name != "voice":
        return
    group_model, permission_model = sender.apps.get_model("auth", "Group"), sender.apps.get_model("auth", "Permission")
    for name, wanted in _GROUPS.items():
        group, made = group_model.objects.get_or_create(name=name)
        if made:
            ours = permission_model.objects.filter(
                content_type__app_label__in=("portal", "applications", "voice", "auth")
            )
            group.permissions.set([row for row in ours if wanted(row.content_type.app_label, row.codename)])


def _administrators(app: str, codename: str) -> bool:
    return True


def _operators(app: str, codename: str) -> bool:
    """Everything about applications, flows and calls; of the core only to look."""
    if app in {"portal", "auth"}:
        return codename in {"view_telnyxaccount", "view_auditevent"}
    verb, _, noun = codename.partition("_")
    if verb in {"add", "change", "delete"} and app == "voice":
        return noun in {"flow", "rule"}  # calls, events and commands are nobody's to edit
    return codename not in {"view_raw_event", "replay_event"}


def _support(app: str, codename: str) -> bool:
    return (
        app in {"applications", "voice"}
        and codename.startswith("view_")
        and codename
        not in {
            "view_full_number",
            "view_raw_event",
        }
    )


def _developers(app: str, codename: str) -> bool:
    if app == "portal":
        return codename == "view_telnyxaccount"
    return (
        app == "voice" and (codename.startswith("view_") or codename.endswith("_flow") or codename == "replay_event")
    ) or (app == "applications")


_GROUPS = {"Administrators": _administrators, "Operators": _operators, "Support": _support, "Developers": _developers}
