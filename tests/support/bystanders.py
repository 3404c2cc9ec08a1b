"""A second account, user and token beside those under test: a missing filter finds them, and shows."""

from typing import Any

from django.contrib.auth.models import User

from applications.kinds import kind_of
from applications.mirror.store import store
from portal.actors import Actor
from portal.models import ApiToken, TelnyxAccount
from tests.support.accounts import make_account


class Bystanders:
    """An account with a twin of each application, and a person with a token; nothing may happen to them."""

    def __init__(self, with_account: bool = True) -> None:
        self.account: TelnyxAccount | None = make_account("beside") if with_account else None  # nobody answers there
        self.user = User.objects.create_user("bystander", is_staff=True)
        self.token, self.token_text = ApiToken.make(self.user, "tests")
        self.twins: list[Any] = []

    def twin_of(self, row: Any) -> None:
        """An application of the same id and name at the other account; of its own are its site and its history."""
        if self.account is None:
            return
        kind = kind_of(row)
        remote = row.remote | {"anchorsite_override": "Sydney, Australia", "tags": ["twin"]}
        twin, _ = store(kind, self.account, remote, Actor("user: bystander", self.user), "made beside")
        self.twins.append(twin)

    def check(self) -> None:
        """Each is as it was made, and so are person, account and token."""
        for twin in self.twins:
            now = type(twin).objects.get(pk=twin.pk)
            columns = [field.attname for field in twin._meta.concrete_fields]
            changed = [name for name in columns if getattr(now, name) != getattr(twin, name)]
            assert (changed, now.history.count()) == ([], 1), f"something was done to the twin of {twin.telnyx_id}"
        self.user.refresh_from_db()
        token = ApiToken.find(self.token_text)
        assert (token, token and token.last_used_at) == (self.token, None)
