"""What one test of the fault suite works with."""

import os
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults.checker import violations
from tests.faults.child import wait_until
from tests.faults.client import Client
from tests.faults.evidence import Evidence, make_older, owed_ids, settle
from tests.faults.processes import Portal
from tests.faults.proxy import Proxy

LONG = os.environ.get("FAULTS") == "long"


def thorough(*values: Any) -> Any:
    """A case of ``parametrize`` that only ``FAULTS=long`` runs: others show the same more quickly."""
    return pytest.param(*values, marks=pytest.mark.skipif(not LONG, reason="only with FAULTS=long"))


@dataclass
class World:
    """What one test works with: a healthy portal, a client of a line that nobody used before."""

    portal: Portal
    client: Client
    proxies: list[Proxy] = field(default_factory=list)

    def telnyx_proxy(self) -> Proxy:
        """From now on, the line's requests to Telnyx pass this one."""
        proxy = Proxy(self.portal.telnyx.port)
        self.proxies.append(proxy)
        self.portal.point_at(self.client.line, proxy.port)
        return proxy

    def another_client(self) -> Client:
        """A client of a line of its own: another account."""
        return Client(self.portal, self.portal.next_line())

    def until_struck(self, left: int = 0) -> None:
        """Wait until all but so many armed failpoints have struck.

        Wake-ups are said again meanwhile: with the sweep frozen, one that met a broken connection would be missed.
        """

        def struck() -> bool:
            if self.portal.armed() > left:
                for task, ids in owed_ids(self.portal, self.client.line).items():
                    self.portal.wake(task, ids)
            return self.portal.armed() <= left

        wait_until(struck, "failpoint that struck", pause=1)

    def leases_run_out(self, seconds: float = 31) -> None:
        """As if so long had passed for what is unfinished on this line: a lease of a dead process is not waited for.

        With ``FAULTS=long`` the time passes by itself.
        """
        if not LONG:
            make_older(self.portal, self.client.line, seconds)

    def settled(self, *more: Client, seconds: float = 300) -> Evidence:
        """Wait until nothing is owed, and see that every invariant holds."""
        evidence = settle(self.portal, self.client, *more, seconds=seconds)
        assert violations(evidence) == []
        return evidence
