"""Notes in the audit trail what leaves no other trace: who was refused, and who looked at whole numbers."""

from django.http import HttpRequest, HttpResponse

from portal.actors import actor_of
from portal.masking import whole_was_seen
from portal.models import AuditEvent
from portal.runtime.middleware import Handler

_PLACES = ("/admin/", "/api/", "/metrics")
_REFUSED = {401: "token.refused", 403: "denied"}


def audited(get_response: Handler) -> Handler:
    """Note each 401 and 403, and once in a while each page and answer with whole numbers on it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(_PLACES):
            return get_response(request)
        whole_was_seen()  # of an earlier request of this thread
        response = get_response(request)
        about = f"{request.method} {request.path_info}"
        if action := _REFUSED.get(response.status_code):
            AuditEvent.note_failure(actor_of(request), action, about)
        elif whole_was_seen() and request.user.is_authenticated:
            AuditEvent.note_look(actor_of(request), "number.view", about)
        return response

    return middleware
