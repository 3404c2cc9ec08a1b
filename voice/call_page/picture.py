"""Shows the picture of a session within a page, and as a file."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from voice.call_page import session as sessions
from voice.call_page.session import Session
from voice.models import Call
from voice.session_picture import drawing, text


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw it, with what was never told in words beside it."""
    return _drawn(request, call, has_story=True)


def drawer_panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw it where no story stands below it: its marks lead nowhere."""
    return _drawn(request, call, has_story=False)


def _drawn(request: HttpRequest, call: Call, *, has_story: bool) -> SafeString:
    session = sessions.of(request, call)
    scene = session.scene
    picture = drawing.svg(scene, _title(session), session.description, is_file=not has_story)
    drawn = drawing.drawn_marks(scene)
    context = {
        "picture": mark_safe(picture),  # noqa: S308  it escapes
        "has_story": has_story,
        "missing": text.what_is_not_there(scene),
        "merged": (drawn, len(scene.marks)) if drawn < len(scene.marks) else None,
        "lanes": scene.lanes,
        "has_commands": scene.has_commands,
        "strips": {strip.kind for strip in scene.strips},
        "call": session.call,
    }
    return render_to_string("voice/call_page/picture.html", context, request)


def as_file(session: Session) -> str:
    """Draw it to stand alone."""
    return drawing.svg(session.scene, _title(session), session.description, is_file=True)


def _title(session: Session) -> str:
    return f"Session of {session.title}"
