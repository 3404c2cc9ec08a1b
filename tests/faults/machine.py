"""The servers and portals of a session."""

from concurrent.futures import ThreadPoolExecutor

from tests.faults.processes import Portal, Telnyx, Template
from tests.faults.servers import Postgres, RabbitMQ, Redis


class Machine:
    """Everything that runs for the session; each part starts when it is first asked for."""

    def __init__(self) -> None:
        self.postgres, self.telnyx = Postgres(), Telnyx()
        self.brokers: dict[str, RabbitMQ | Redis] = {"rabbitmq": RabbitMQ(), "redis": Redis()}
        self.portals: dict[str, Portal] = {}

    def start(self) -> None:
        """All servers at once."""
        with ThreadPoolExecutor() as pool:
            servers = (self.postgres, *self.brokers.values(), self.telnyx.child)
            for started in [pool.submit(one.start) for one in servers]:
                started.result()
        self.template = Template(self.postgres, self.telnyx)

    def portal(self, broker: str) -> Portal:
        if broker not in self.portals:
            portal = self.portals[broker] = Portal(self.postgres, self.brokers[broker], self.telnyx, self.template)
            # one beat is enough for the session; on Redis nothing is tested of it
            portal.start(*(role for role in portal.children if broker == "rabbitmq" or role != "beat"))
        return self.portals[broker]

    def close(self) -> None:
        for portal in self.portals.values():
            portal.close()
        for server in (self.telnyx, *self.brokers.values(), self.postgres):
            server.close()

    def logs(self) -> dict[str, str]:
        """The end of each log."""
        children = {server.name: server.child for server in (self.postgres, *self.brokers.values())}
        for broker, portal in self.portals.items():
            children |= {f"{role} on {broker}": child for role, child in portal.children.items()}
        children |= {"sandbox": self.telnyx.child}
        return {name: child.tail() for name, child in children.items()}
