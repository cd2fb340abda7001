"""The addresses that `serve` and `webhooks listen` listen on."""

import socket
from typing import NamedTuple

from service.cli import shell


class SocketAddress(NamedTuple):
    family: int
    address: tuple[str, int]


def resolve_address(host: str, port: int) -> SocketAddress:
    """Return the address of a host on this machine.  Raises UsageError if it has none."""
    try:
        infos = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror as error:
        raise shell.UsageError(f"--host {host}: {error.strerror}.") from error
    # `localhost` is 127.0.0.1 and ::1: the first is what everything else here takes it for.
    family, _, _, _, address = min(infos, key=lambda info: info[0] != socket.AF_INET)
    return SocketAddress(family, (str(address[0]), int(address[1])))


def explain_not_listening(host: str, port: int, command: str, error: OSError) -> str:
    """Say why the address cannot be listened on, and how to name another port."""
    return (
        f"{host}:{port} cannot be listened on: {error.strerror}.  "
        f"Another port: claimdesk {command} --port N"
    )
