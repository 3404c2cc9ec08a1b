"""Handlers as a Python user writes them."""

from voice.handlers import Event, Leg, command, on, step

SEEN: list[Leg] = []


@on("call.initiated", connection_id="1293384261075731499")
def greet(event: Event, call: Leg):
    SEEN.append(call)
    return [command("answer"), command("speak", {"payload": f"Hello {call.from_number}", "voice": "female"})]


@on("call.answered", direction="any")
def ask(event: Event, call: Leg):
    return [command("gather", {"maximum_digits": 1}), step("menu")]


@on("call.gather.ended")
def connect(event: Event, call: Leg):
    return command("transfer", {"to": event.payload["digits"]})


@on("call.dtmf.received")
def trip(event: Event, call: Leg):
    raise RuntimeError(f"the digit was {event.payload['digit']}")


@on("call.hangup", connection_id="another")
def elsewhere(event: Event, call: Leg):
    return [command("answer")]


@on("call.speak.ended")
def quiet(event: Event, call: Leg):
    return None
