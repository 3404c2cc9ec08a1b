"""Everybody chooses for themselves in which zone and order they read times."""

from typing import Any

import pytest
from django.test import Client

from portal.view_times import TimePreference

PAGE = "/admin/preferences/"


def test_a_zone_is_chosen_by_name_in_any_case(client: Client, user_with: Any) -> None:
    one, other = user_with(username="ada"), user_with(username="bob")
    client.force_login(one)
    assert "in UTC" in client.get(PAGE).content.decode()
    answer = client.post(PAGE, {"time_zone": " europe/berlin", "order": "dots"})
    assert answer.status_code == 302
    assert list(TimePreference.objects.values_list("user", "time_zone", "order")) == [(one.pk, "Europe/Berlin", "dots")]
    assert "in Europe/Berlin" in client.get(PAGE).content.decode()
    client.force_login(other)
    assert "in UTC" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("zone", ["Atlantis", "", "../../etc/passwd", "x" * 65])
def test_what_is_no_zone_is_told_at_its_field(browser: Client, zone: str) -> None:
    answer = browser.post(PAGE, {"time_zone": zone, "order": "iso"})
    assert answer.status_code == 200
    assert answer.context["form"].errors["time_zone"]
    assert not TimePreference.objects.exists()
