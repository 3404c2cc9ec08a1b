"""The root leads people to the admin."""

import pytest


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_the_root_leads_to_the_admin(client, path):
    response = client.get(path)
    assert (response.status_code, response.url) == (302, "/admin/")


def test_a_missing_slash_is_added_in_the_admin_alone(browser):
    response = browser.get("/admin/portal?x=1")
    assert (response.status_code, response.url) == (302, "/admin/portal/?x=1")
    assert browser.get("/api/v1/accounts").status_code == 404
    assert browser.post("/admin/portal").status_code == 404
