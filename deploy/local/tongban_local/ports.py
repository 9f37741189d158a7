"""Free ports on loopback."""

import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody holds at this moment."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different TCP ports on 127.0.0.1 that nobody holds at this moment.

    Another program may take one before the caller does: whoever starts a server on it tries again with a new one.
    """
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind((LOOPBACK, 0))
            ports.append(int(probe.getsockname()[1]))
    return ports
