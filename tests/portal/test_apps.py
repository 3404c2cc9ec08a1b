"""The groups have their permissions from the first migration on; who serves no page has none in memory."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.checks import run_checks
from django.core.management import call_command

from portal.models import Heartbeat

_OF_PAGES = {"portal.urls", "portal.admin.site", "unfold.admin", "voice.flows.admin", "applications.admin.applications"}
_OF_PAGES |= {"rest_framework.views", "drf_spectacular.plumbing"}


def loaded(code: str) -> set[str]:
    """The modules of pages that a process has after it ran ``code``."""
    program = f"import sys, django; django.setup(); {code}; print(*sys.modules)"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return _OF_PAGES & set(ran.stdout.split())


@pytest.mark.parametrize("name", ["voice.management.commands.work", "portal.management.commands.worker"])
def test_who_serves_no_page_has_none_in_memory(name):
    assert loaded(f"import {name}; from portal.runtime.worker import Worker; Worker()") == set()


@pytest.mark.parametrize(
    "code", ["import portal.wsgi", "from django.core.checks import run_checks as c; c(tags=['admin'])"]
)
def test_who_serves_or_checks_them_has_them_all(code):
    assert loaded(code) >= _OF_PAGES - {"portal.urls"}


def test_a_page_that_cannot_be_is_told_at_start():
    @admin.register(Heartbeat)
    class Odd(admin.ModelAdmin):
        list_display = ("no_such_column",)

    try:
        assert [found.id for found in run_checks(tags=["admin"])] == ["admin.E108"]
    finally:
        admin.site.unregister(Heartbeat)


def test_the_groups_are_made_with_their_permissions(db):
    def has(group: str) -> set[str]:
        rows = Group.objects.get(name=group).permissions.values_list("content_type__app_label", "codename")
        return {".".join(row) for row in rows}

    assert {"portal.add_apitoken", "auth.change_user", "voice.dial", "portal.change_telnyxaccount"} <= has(
        "Administrators"
    )
    assert {"voice.dial", "voice.control_call", "voice.view_call", "portal.view_telnyxaccount"} <= has("Operators")
    assert not {"portal.add_apitoken", "portal.change_telnyxaccount", "auth.view_user", "voice.view_raw_event"} & has(
        "Operators"
    )
    assert {"voice.view_call", "voice.view_callevent"} <= has("Support")
    assert {name for name in has("Support") if not name.partition(".")[2].startswith("view_")} == {
        *("voice.add_callnote", "voice.add_calltag", "voice.delete_calltag"),
        *("voice.add_followup", "voice.change_followup", "voice.add_contact", "voice.change_contact"),
    }
    assert not {"voice.delete_recording", "voice.delete_callnote", "voice.add_recording"} & has("Operators")
    assert not {"voice.view_full_number", "voice.view_raw_event", "portal.view_telnyxaccount"} & has("Support")
    assert {"voice.change_flow", "voice.replay_event", "applications.add_callcontrolapplication"} <= has("Developers")
    assert not {"voice.dial", "portal.change_telnyxaccount", "portal.add_apitoken"} & has("Developers")
    assert [name for name in ("Administrators", "Operators", "Developers") if "voice.send_anywhere" in has(name)] == [
        "Administrators"
    ]
    assert "voice.listen_recording" in has("Operators")
    for group in ("Operators", "Developers"):
        assert {"voice.change_texmldocument", "voice.publish_texmldocument", "voice.view_texmlfetch"} <= has(group)


def test_an_upgrade_gives_the_groups_its_new_permissions_and_leaves_what_people_changed(db):
    support = Group.objects.get(name="Support")
    support.permissions.remove(Permission.objects.get(codename="view_flow"))
    Permission.objects.get(codename="view_callevent").delete()  # as if this version were the first to have it
    call_command("migrate", verbosity=0)
    codenames = set(support.permissions.values_list("codename", flat=True))
    assert "view_callevent" in codenames
    assert "view_flow" not in codenames
