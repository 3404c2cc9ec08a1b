"""Has the times of a page written as its reader wants them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from portal.view_times import TimePreference, View, look_with

Handler = Callable[[HttpRequest], HttpResponse]


def own_times(get_response: Handler) -> Handler:
    """Look up how the person who is signed in reads times. REST and webhooks are in UTC, whoever asks."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/admin/") or not request.user.is_authenticated:
            return get_response(request)
        kept = TimePreference.objects.filter(pk=request.user.pk).first()
        view = kept.view() if kept else View()
        look_with(view)
        try:
            with timezone.override(view.zone):  # in which days begin, too: of filters, words and reports
                return get_response(request)
        finally:
            look_with(View())  # the next request of this thread is somebody else's

    return middleware
