"""Configures the core, and Django's admin with our site in its place."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from portal import any_case

_before: dict[str, set[int]] = {}  # by database: the permissions there were before this migration


class PortalAdminConfig(SimpleAdminConfig):
    """Configures ``django.contrib.admin`` with the portal's own site.

    Its pages are registered with the addresses (``register_pages``), and by the check of them: a process that serves
    none, as a worker, has none of them in memory, and starts in half the time.
    """

    default_site = "portal.admin.site.PortalSite"

    def ready(self) -> None:
        for check in (check_dependencies, _check_pages):
            checks.register(check, checks.Tags.admin)


class PortalConfig(AppConfig):
    """Configures the core."""

    name = "portal"
    verbose_name = "System"
    pages = (
        *("admin.accounts", "admin.audit", "admin.people", "admin.tokens"),
        *("handbook.admin", "preferences.admin", "finder.admin"),
    )

    def ready(self) -> None:
        import_module("portal.checks")  # registers them; they need the models, which are ready only now
        any_case.register()
        pre_migrate.connect(_note_permissions, dispatch_uid="portal.permissions")
        post_migrate.connect(_make_groups, dispatch_uid="portal.groups")


def register_pages() -> None:
    """Register the admin's pages: each app's ``admin`` module, and those that its configuration names as ``pages``."""
    autodiscover()
    for app in apps.get_app_configs():
        for name in getattr(app, "pages", ()):
            import_module(f"{app.name}.{name}")


def _check_pages(**given: Any) -> list[checks.CheckMessage]:
    register_pages()
    return list(check_admin_app(**given))


def _note_permissions(sender: Any, using: str, **_: Any) -> None:
    """Note, before the first app's migration, which permissions there are: the new ones can be told afterwards."""
    if sender.name == "portal":
        model = apps.get_model("auth", "Permission")
        there = model._meta.db_table in connections[using].introspection.table_names()
        _before[using] = set(model.objects.using(using).values_list("pk", flat=True)) if there else set()


def _make_groups(sender: Any, using: str, **_: Any) -> None:
    """Make the groups after the last app's migration, when every permission is there.

    A group is filled when it is made; later it gets only permissions that did not exist before: what people change
    stays.
    """
    if sender.name != "voice":
        return
    group_model, permission_model = sender.apps.get_model("auth", "Group"), sender.apps.get_model("auth", "Permission")
    ours = ("portal", "applications", "voice", "auth")
    every = list(permission_model.objects.using(using).filter(content_type__app_label__in=ours))
    new = [row for row in every if row.pk not in _before.get(using, set())]
    for name, wanted in _GROUPS.items():
        group, made = group_model.objects.using(using).get_or_create(name=name)
        group.permissions.add(
            *(row for row in (every if made else new) if wanted(row.content_type.app_label, row.codename))
        )


def _administrators(app: str, codename: str) -> bool:
    return True


def _operators(app: str, codename: str) -> bool:
    """Allow everything about applications, flows and calls; of the core only to look."""
    if app in {"portal", "auth"}:
        return codename in {"view_telnyxaccount", "view_auditevent", "own_apitoken"}
    verb, _, noun = codename.partition("_")
    if verb in {"add", "change", "delete"} and app == "voice":
        # calls, events and commands are nobody's to edit; an alert is changed by muting it
        return noun in {"flow", "rule", "texmldocument"} | _WRITTEN or codename in {"change_alert", "add_callnote"}
    return codename not in {"view_raw_event", "replay_event", "send_anywhere"}


# What people write beside calls: a note is not taken back by whoever wrote it.
_WRITTEN = {"calltag", "followup", "contact"}
_OF_SUPPORT = {"add_callnote", "add_calltag", "delete_calltag", "add_followup", "change_followup"}
_OF_SUPPORT |= {"add_contact", "change_contact"}


def _support(app: str, codename: str) -> bool:
    return (app == "voice" and codename in _OF_SUPPORT) or (
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
        return codename in {"view_telnyxaccount", "own_apitoken"}
    return (
        app == "voice"
        and (
            codename.startswith("view_") or codename.endswith(("_flow", "_texmldocument")) or codename == "replay_event"
        )
    ) or (app == "applications")


_GROUPS = {"Administrators": _administrators, "Operators": _operators, "Support": _support, "Developers": _developers}
