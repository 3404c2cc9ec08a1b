"""ETags of documents as ordinary HTTP clients read them: answers to these are compressed."""

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.documents import make_document
from tests.support.rest import problem, send

pytestmark = pytest.mark.django_db
URL = "/api/v1/texml/documents/"
# long enough to be compressed well, whatever the identifiers in it
DRAFT = f"<Response><Say>{'Please hold the line. ' * 40}</Say><Hangup/></Response>"


def weak(api: APIClient, url: str) -> str:
    etag: str = api.get(url, headers={"Accept-Encoding": "gzip"})["ETag"]
    assert etag.startswith('W/"')
    return etag


def test_an_etag_that_was_made_weak_on_its_way_names_the_same_state(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{URL}{make_document(account, DRAFT).pk}/"
    before = weak(api, url)
    changed = api.patch(url, {"apology": "Sorry."}, format="json", headers={"If-Match": before})
    assert (changed.status_code, changed.json()["apology"]) == (200, "Sorry.")
    several = f'"another", {weak(api, url)}'
    assert send(api, f"{url}publish/", {"confirmed": True}, **{"If-Match": several}).status_code == 201
    assert send(api, f"{url}roll-back/", {"version": 1}, **{"If-Match": weak(api, url)}).status_code == 201
    assert api.delete(url, headers={"If-Match": weak(api, url)}).status_code == 204


def test_an_etag_from_before_is_stale_though_it_was_made_weak(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{URL}{make_document(account, DRAFT).pk}/"
    before = weak(api, url)
    assert api.patch(url, {"apology": "Sorry."}, format="json").status_code == 200
    for answer in (
        api.patch(url, {"apology": "Mine."}, format="json", headers={"If-Match": before}),
        send(api, f"{url}publish/", {"confirmed": True}, **{"If-Match": before}),
        api.delete(url, headers={"If-Match": before}),
    ):
        problem(answer, 412, "changed")
    assert api.get(url).json()["apology"] == "Sorry."
