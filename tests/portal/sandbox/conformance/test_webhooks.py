"""Every webhook that the SDK knows is told, signed, and has the members and the values that the SDK describes."""

import pydantic
import pytest

from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.catalogue import VOICE, webhooks
from tests.portal.sandbox.conformance.play import Play
from tests.portal.sandbox.conformance.world import World


@pytest.mark.long
def test_every_webhook_is_told_as_the_sdk_says(world: World, play: Play) -> None:
    models = webhooks()
    assert len(models) >= 62
    hooks = [hook for hook in world.every_hook() if hook.headers["Content-Type"] == "application/json"]
    assert len(hooks) > 1000
    found: set[str] = {f"{event_type} is never told" for event_type in set(models) - {hook.type for hook in hooks}}
    missing: dict[str, set[str]] = {}
    for hook in hooks:
        if hook.type not in models:
            found.add(f"{hook.type} is no event of the SDK")
            continue
        model, body = models[hook.type], hook.body if "data" in models[hook.type].model_fields else hook.event
        try:
            told = model.model_validate(body)
        except pydantic.ValidationError as error:
            found |= {f"{hook.type}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()}
            continue
        found |= {f"{hook.type}: tells {one}" for one in judgement.strangers(told) if one != "meta"}
        lacking = set(judgement.untold(model, body))
        missing[hook.type] = missing.get(hook.type, lacking) & lacking  # what none of them tells
    found |= {f"{event_type}: never tells {one}" for event_type, every in missing.items() for one in every}
    judgement.compare("webhooks", found)


def test_the_sdk_verifies_every_webhook_and_knows_it_again(world: World, play: Play) -> None:
    """An event that does not fit its model is given another one by the SDK, silently."""
    confused = set()
    for hook in world.every_hook():
        if hook.headers["Content-Type"] == "application/json" and hook.type.startswith(VOICE):
            event = world.sdk.webhooks.unwrap(hook.raw.decode(), headers=dict(hook.headers))
            if not isinstance(event, webhooks()[hook.type]):
                confused.add(f"{hook.type} is read as {type(event).__name__}")
    judgement.compare("unwrapped", confused)
