"""A sandbox in which everything was asked once, and told."""

from collections.abc import Iterator

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.portal.sandbox.conformance.play import Play
from tests.portal.sandbox.conformance.world import World
from tests.support.clock import STANDING_STILL
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, make_texml_application
from tests.support.webhook_receiver import Receiver


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    state = tmp_path_factory.mktemp("conformance") / "state.sqlite3"
    with (
        Sandbox(state, pace=STANDING_STILL) as sandbox,
        telnyx.Telnyx(
            api_key="KEY-of-the-tests",
            base_url=sandbox.base_url,
            max_retries=0,
            public_key=sandbox.public_key,
            _strict_response_validation=True,
        ) as sdk,
        Receiver(sandbox.exchange) as receiver,
    ):
        http = Http(sandbox.port, sandbox.exchange)
        application = make_application(sdk, receiver, call_cost_in_webhooks=True)
        yield World(sdk, http, receiver, application, Account(http, make_texml_application(sdk, receiver)))


@pytest.fixture(scope="package")
def play(world: World) -> Play:
    return Play(world)
