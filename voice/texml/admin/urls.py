"""Adds TeXML's pages to the admin site: what they show has no row here."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.urls import path

from voice.texml.admin import commands, details, dial, lists, resources, secret_list


def _add(site: Any) -> None:
    wrap, of_account = site.admin_view, "<uuid:account_id>"
    found = [
        path("texml/dial/", wrap(dial.view), name="voice_texml_dial"),
        path("texml/secrets/", wrap(secret_list.view), name="voice_texml_secrets"),
        path(f"texml/do/{of_account}/<str:action>/", wrap(commands.view), name="voice_texml_do"),
        path(
            f"texml/conferences/{of_account}/<path:conference_sid>/participants/<path:who>/",
            wrap(details.participant_view),
            name="voice_texml_participant",
        ),
        path(
            f"texml/recordings/{of_account}/<str:sid>/media/",
            wrap(details.media_view),
            name="voice_texml_recording_media",
        ),
    ]
    for resource in resources.RESOURCES:
        at, names = f"texml/{resource.plural}/", (f"voice_texml_{resource.plural}", f"voice_texml_{resource.name}")
        found += [
            path(at, wrap(partial(lists.view, resource=resource)), name=names[0]),
            path(f"{at}{of_account}/<path:sid>/", wrap(partial(details.view, resource=resource)), name=names[1]),
        ]
    site.add_pages(found)


_add(admin.site)
