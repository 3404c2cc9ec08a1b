"""What every request passes."""

import pytest
import structlog
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from portal.runtime import middleware


@pytest.mark.parametrize("path", ["/admin/login/?next=%00", "/api/v1/accounts/?a%00=1", "/livez?x=a%00b", "/livez%00"])
def test_a_nul_in_path_or_query_is_answered_400(client, db, path):
    response = client.get(path)
    assert response.status_code == 400
    if not path.startswith("/admin/"):
        assert response["Content-Type"] == "application/problem+json"
        assert "percent-encoded" in response.json()["errors"]["non_field_errors"][0]


def test_the_callers_request_id_is_echoed(client):
    response = client.get("/livez", headers={"X-Request-ID": "caller-0123456789"})
    assert response["X-Request-ID"] == "caller-0123456789"


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "two words here", "log\ninjection", "<script>alert(1)"])
def test_what_is_no_request_id_is_replaced(client, given):
    response = client.get("/livez", headers={"X-Request-ID": given} if given else {})
    assert response["X-Request-ID"] != given
    assert len(response["X-Request-ID"]) == 32


def test_a_problem_carries_the_requests_id(client, db):
    response = client.get("/api/v1/nothing/", headers={"X-Request-ID": "caller-0123456789"})
    assert response.json()["request_id"] == "caller-0123456789"


@pytest.mark.parametrize("path", ["/admin/login/", "/livez", "/api/v1/nothing/", "/api/docs/"])
def test_every_page_names_its_sources_and_is_not_cached(client, db, path):
    response = client.get(path)
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "no-store" in response["Cache-Control"]


def test_pages_have_no_inline_script_that_the_policy_would_stop(client, db):
    for path in ("/admin/login/", "/api/docs/"):
        text = client.get(path).content.decode()
        scripts = [part.partition(">") for part in text.split("<script")[1:]]
        inline = [body.partition("</script>")[0].strip() for attributes, _, body in scripts if "src=" not in attributes]
        assert [body for body in inline if body] == [], path


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_what_is_only_read_says_so_as_a_problem(path):
    answer = Client(enforce_csrf_checks=True).post(path)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer["Content-Type"] == "application/problem+json"


def test_a_form_from_elsewhere_is_refused_with_a_page_in_the_admin_alone(db):
    client = Client(enforce_csrf_checks=True)
    answers = [client.post(path, {"username": "x"}) for path in ("/", "/admin/login/")]
    assert [answer.status_code for answer in answers] == [403, 403]
    kinds = [answer["Content-Type"].partition(";")[0] for answer in answers]
    assert kinds == ["application/problem+json", "text/html"]


def test_a_query_that_is_no_text_is_refused(client):
    for query in ("?x=%ff", "?x=%ed%a0%80", "?%c0%80=x"):
        response = client.get(f"/livez{query}")
        assert response.status_code == 400
        assert "UTF-8" in response.json()["errors"]["non_field_errors"][0]
    assert client.get("/livez?x=%F0%9F%93%9E+a%2Bb").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/calls/", "/admin/login/"])
def test_a_body_in_chunks_is_refused_where_it_would_be_taken_for_an_empty_one(client, db, path):
    response = client.post(path, b"", content_type="application/json", headers={"Transfer-Encoding": "chunked"})
    assert response.status_code == 411
    assert response["Content-Type"] == "application/problem+json"
    assert "Content-Length" in response.json()["detail"]
    assert response.json()["title"] == "Length needed"


@pytest.mark.parametrize("path", ["/webhooks/nobody/call-control/", "/texml/nobody/"])
def test_what_telnyx_sends_is_its_own_doors_to_judge(client, db, path):
    """It comes again, or hangs up on the caller."""
    large = SimpleUploadedFile("a.csv", b"x" * 70_000)
    chunks = {"content_type": "application/json", "headers": {"Transfer-Encoding": "chunked"}}
    answers = [client.post(path, b"", **chunks), client.post(path, {"file": large})]
    assert {answer.status_code for answer in answers} & {411, 413} == set()


def test_a_document_is_fetched_whatever_the_callers_name_is(client, db):
    assert [client.get(f"/texml/nobody/?CallerName={odd}").status_code for odd in ("a", "%00", "%ff")] == [404] * 3


def test_a_strangers_files_are_not_read(client, operator):
    """Whatever the address: Django would read them to look for the CSRF token."""
    small, large = (SimpleUploadedFile("a.csv", b"x" * size) for size in (1000, 70_000))
    assert client.post("/admin/login/", {"file": small}).status_code == 200
    for path in ("/admin/login/", "/admin/applications/callcontrolapplication/import/", "/livez", "/api/v1/flows/"):
        large.seek(0)
        answer = client.post(path, {"file": large})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    client.force_login(operator)
    large.seek(0)
    answer = client.post("/admin/applications/callcontrolapplication/import/", {"file": large})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "waited", "seconds"),
    [
        *(("/webhooks/x/call-control/", 0, 2), ("/texml/x/", 0, 2), ("/readyz", 0, 2), ("/metrics", 0, 2)),
        *(("/readyz", 1.5, 0.5), ("/readyz", 5, 0.1)),
        *(("/livez", 0, 10), ("/api/v1/calls/", 1.5, 10), ("/admin/login/", 0, 10)),
    ],
)
def test_who_asks_again_is_told_sooner_that_the_database_does_not_answer(
    client, db, monkeypatch, path, waited, seconds
):
    limits, really = [], middleware.statement_timeout
    monkeypatch.setattr(middleware, "statement_timeout", lambda limit: limits.append(limit) or really(limit))
    client.get(path, **{middleware.WAITED: waited})
    assert limits == [seconds]


@pytest.mark.parametrize(("method", "body", "length"), [("head", b"", "5"), ("get", b"whole", None)])
def test_head_is_answered_without_a_body_and_with_its_length(method, body, length):
    request = getattr(RequestFactory(), method)("/")
    answer = middleware.no_body_for_head(lambda _: HttpResponse("whole"))(request)
    assert (answer.content, answer.get("Content-Length")) == (body, length)
    streamed = middleware.no_body_for_head(lambda _: StreamingHttpResponse([b"who", b"le"]))(request)
    assert b"".join(streamed.streaming_content) == body


def test_the_log_of_a_request_bears_its_id_and_nothing_of_the_one_before(client):
    structlog.contextvars.bind_contextvars(token="of-the-last-one")
    client.get("/livez", headers={"X-Request-ID": "caller-0123456789"})
    assert structlog.contextvars.get_contextvars() == {"request_id": "caller-0123456789"}


def test_a_request_that_was_begun_before_keeps_its_id():
    first, other = {}, {}
    assert middleware.begin(first) == middleware.begin(first) != middleware.begin(other)


@pytest.mark.parametrize(("length", "status"), [("", 200), ("65536", 200), ("65537", 413)])
def test_a_strangers_form_has_64_kibibytes(length, status):
    kind = "multipart/form-data; boundary=x"
    request = RequestFactory().generic("POST", "/admin/login/", b"x", kind, CONTENT_LENGTH=length)
    request.user, request.request_id = AnonymousUser(), "one-of-the-tests"
    assert middleware.limited_uploads(lambda _: HttpResponse())(request).status_code == status


def test_a_browser_may_keep_what_is_the_same_for_everybody_and_a_view_has_its_own_way():
    own = {"Cache-Control": "private", "Content-Security-Policy": "default-src 'none'"}
    plain = middleware.content_security(lambda _: HttpResponse())
    special = middleware.content_security(lambda _: HttpResponse(headers=own))
    assert "Cache-Control" not in plain(RequestFactory().get("/static/a.css"))
    assert plain(RequestFactory().get("/a/"))["Cache-Control"] == "no-store"
    assert {name: special(RequestFactory().get("/a/"))[name] for name in own} == own
