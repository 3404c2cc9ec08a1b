"""Signs people in: attempts limited per account and per address, without an attacker being able to lock others out.

django-axes counts. A browser that has signed in before keeps a cookie that says so for that account; there only
attempts of such browsers count, so that somebody who tries names out locks out nobody who works here.
"""

import re
from functools import wraps
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urljoin

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm

from portal.actors import actor_of, address_of
from portal.models import AuditEvent, TelnyxAccount
from portal.networks import network_of
from portal.passwords import KNOWN_NAMES, TooManyPasswords
from portal.rest.problems import come_again

_ORIGIN = re.compile(r"^https?://[^/]*", re.ASCII)
_COOKIE, _COOKIE_SECONDS = "portal_known", 180 * 24 * 3600
_MOST_SESSIONS = 10_000  # deleted at a time: of those that were never deleted there are as many as people signed in
_TOO_MANY = (
    "Too many attempts for this account, or from this address. Try again in 15 minutes, "
    "or in a browser that has signed in to this account before."
)
_BUSY = "Too many people sign in at this moment. Try again in a few seconds."
_UNTAKEN = "untaken"  # in the query of the sign-in: a message made before it would be used up on its own page
_NOT_TAKEN = "You were signed out: what you sent was not taken."
_log = structlog.get_logger(__name__)


class SignInForm(AuthenticationForm):
    """Takes a name and a password, and notes when there is no time to look at them."""

    is_busy = False

    def clean(self) -> Any:
        try:
            return super().clean()
        except TooManyPasswords:
            self.is_busy = True
            raise self.get_invalid_login_error() from None


class OwnPasswordView(PasswordChangeView):
    """Changes one's own password and notes that, or does neither.

    The transaction begins when both passwords are hashed: on SQLite it is the only writer, and webhooks would wait.
    """

    form_class = AdminOwnPasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        user = form.save(commit=False)
        with transaction.atomic():
            if not get_user_model().objects.select_for_update(no_key=True).filter(pk=user.pk).exists():
                return HttpResponseRedirect(reverse("admin:login"))  # deleted meanwhile: nobody is signed in any more
            user.save(update_fields=["password"])
            AuditEvent.note(actor_of(self.request), "password.change", user)
            update_session_auth_hash(self.request, user)
        return HttpResponseRedirect(self.get_success_url())


def counted_address(request: HttpRequest) -> str:
    """Return the address that attempts are counted by: of IPv6 the network, all of which is one customer's."""
    return network_of(address_of(request) or "127.0.0.1")  # or a socket of this machine


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Return the name that attempts are counted by: ``AXES_USERNAME_CALLABLE``.

    A known browser has a count of its own, under a name that nobody types: the form takes no space at its beginning.
    """
    name = str((credentials or request.POST).get("username") or "").strip()
    return f" {name}" if _is_known(request, name) else name


def limits(request: HttpRequest, credentials: dict[str, Any] | None = None) -> list[Any]:
    """Name what attempts are counted by: ``AXES_LOCKOUT_PARAMETERS``."""
    if counted_name(request, credentials).startswith(" "):
        return ["username"]
    # behind a proxy that is not trusted to tell addresses, everybody's is this machine's
    return ["username"] if ip_address(counted_address(request)).is_loopback else ["username", "ip_address"]


def refused(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None = None) -> HttpResponse:
    """Leave the answer as it is, it says so: ``AXES_LOCKOUT_CALLABLE``."""
    return response


def follow_up(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Note what came of an attempt: in the audit trail, in the log, in the browser that was let in.

    Whoever is not even looked at gets a page that costs less than the form.
    """
    if answer.status_code == 302:  # and not by who it is: somebody signed in may try another account
        AuditEvent.note(actor_of(request), "sign-in")
        name = request.user.get_username()
        _remember(answer, name)
        if _UNTAKEN in request.GET:
            messages.warning(request, _NOT_TAKEN)
        if name in KNOWN_NAMES and any(account.is_live for account in TelnyxAccount.objects.only("base_url")):
            words = format_html("Everybody who attacks a portal tries the name {}. {}", name, _way_to_another(request))
            messages.warning(request, words)
        return answer
    form: Any = answer.context_data["form"]  # type: ignore[attr-defined]
    if form.is_busy:
        _log.warning("sign-in busy", address=address_of(request))
        return come_again(_BUSY, "5")
    if "password" not in form.cleaned_data or "username" not in form.cleaned_data:
        return answer  # nothing was tried
    _note_failure(request, form.cleaned_data["username"])
    if getattr(request, "axes_locked_out", False):
        return come_again(_TOO_MANY, str(int(settings.AXES_COOLOFF_TIME.total_seconds())), 429)
    return answer


def led_to_it(site: Any, view: Any) -> Any:
    """Lead to the sign-in, and from there to the page that was open, whoever is signed out where Django would not.

    htmx would draw the sign-in into a part of that page. What was sent has an address that often takes a POST alone; so
    may a page that was drawn for what was sent: who comes back to that is led to what it lies below.
    """

    @wraps(view)
    def led(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if site.has_permission(request):
            answer = view(request, *args, **kwargs)
            if answer.status_code == 405 and request.method == "GET" and _comes_from_sign_in(request):
                return HttpResponseRedirect(urljoin(request.path, ".."))
            return answer
        if request.headers.get("HX-Request"):
            here = _ORIGIN.sub("", request.headers.get("HX-Current-URL", ""), count=1) or reverse("admin:index")
            return HttpResponse(headers={"HX-Redirect": redirect_to_login(here, reverse("admin:login")).url})
        is_sent = request.method not in {"GET", "HEAD"} and request.path != reverse("admin:logout")
        if not is_sent or request.user.is_authenticated:
            return view(request, *args, **kwargs)
        query = urlencode({"next": _sent_from(request), _UNTAKEN: "1"}, safe="/")
        return HttpResponseRedirect(f"{reverse('admin:login')}?{query}")

    return led


def _sent_from(request: HttpRequest) -> str:
    """Return the path of the page of the admin that a form was on; that of the home page where none is told."""
    told, path, home = request.headers.get("Referer", ""), _told_page(request), reverse("admin:index")
    is_ours = url_has_allowed_host_and_scheme(told, {request.get_host()}) and path.startswith(home)
    return path if is_ours else home


def _comes_from_sign_in(request: HttpRequest) -> bool:
    return _told_page(request).startswith(reverse("admin:login"))


def _told_page(request: HttpRequest) -> str:
    """Return the path of the page that the browser came from, as it tells it."""
    return _ORIGIN.sub("", request.headers.get("Referer", ""), count=1)


def _note_failure(request: HttpRequest, name: str) -> None:
    """Note an attempt that failed, by its name only if an account has that: people type passwords into that field."""
    account = get_user_model().objects.filter(username=name).first()
    is_blocked = bool(getattr(request, "axes_locked_out", False))
    _log.warning("sign-in failed", address=address_of(request), user=account and name, blocked=is_blocked)
    if is_blocked and not getattr(request, "axes_failures_since_start", None):
        return  # nothing was looked at; that it is blocked has been noted
    action = "sign-in.blocked" if is_blocked else "sign-in.failed"
    AuditEvent.note_failure(actor_of(request), action, name if account else "")


def _way_to_another(request: HttpRequest) -> str:
    """Lead to the page of one's own name who may change it; its page is not for everybody."""
    if not request.user.has_perm("auth.change_user"):
        return "Ask who manages users for another one."
    page = reverse("admin:auth_user_change", args=[request.user.pk])
    return format_html('<a href="{}" class="underline">Choose another one.</a>', page)


def _is_known(request: HttpRequest, name: str) -> bool:
    return constant_time_compare(request.COOKIES.get(_COOKIE, ""), _proof(name))


def _remember(answer: HttpResponse, name: str) -> None:
    answer.set_cookie(
        _COOKIE,
        _proof(name),
        max_age=_COOKIE_SECONDS,
        path=reverse("admin:login"),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )


def _proof(name: str) -> str:
    return salted_hmac("portal.admin.sign_in", name, algorithm="sha256").hexdigest()


def clean_up() -> None:
    """Delete sessions that are over, those that ended first at first."""
    over = Session.objects.filter(expire_date__lt=timezone.now()).order_by("expire_date")
    Session.objects.filter(pk__in=over.values("pk")[:_MOST_SESSIONS]).delete()
