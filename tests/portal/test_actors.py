"""An actor is a person in the browser, a token over REST, or the portal itself."""

from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory

from portal.actors import PORTAL, Actor, actor_of
from portal.models import ApiToken


def test_a_person_acts_under_their_name(rf: RequestFactory, operator: User) -> None:
    request = rf.get("/")
    request.user, request.request_id = operator, "abc"  # type: ignore[attr-defined]
    assert actor_of(request) == Actor("user: operator", operator, None, "abc", "127.0.0.1")


def test_a_token_acts_under_its_own_name_for_its_user(rf: RequestFactory, operator: User) -> None:
    ApiToken.make(operator, "another")
    token, _ = ApiToken.make(operator, "ci")
    request = rf.get("/")
    request.user, request.auth = operator, token  # type: ignore[attr-defined]
    assert actor_of(request) == Actor("token: ci", operator, token, "", "127.0.0.1")


def test_whoever_is_not_signed_in_is_nobody(rf: RequestFactory) -> None:
    request = rf.get("/", REMOTE_ADDR="192.0.2.7")
    request.user = AnonymousUser()
    assert actor_of(request) == Actor("nobody signed in", address="192.0.2.7")


def test_the_portal_itself_has_no_user_and_no_token() -> None:
    assert (PORTAL.label, PORTAL.user, PORTAL.token) == ("portal", None, None)
