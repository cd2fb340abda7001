"""Reads the addresses of brokers: where one is, the subject or stream on it, and as whom.

    nats://broker.example.org:4222/claims        tls://… with TLS
    redis://broker.example.org:6379/0?stream=claims        rediss://… with TLS

A user and a password, or a token, stand before the host.  They are kept apart from the address:
what is stored, shown and logged has `***` there.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

import httpx

PORTS = {"nats": 4222, "tls": 4222, "redis": 6379, "rediss": 6379}
"""The schemes of brokers, and the usual port of each."""
ENCRYPTED = frozenset({"tls", "rediss"})
HIDDEN = "***"
"""What stands in an address for a user and a password that are kept apart."""
NAME_LENGTH = 200

AUTHORITY = re.compile(r"([a-z]+)://([^/?#]*)", re.IGNORECASE)
SUBJECT = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""No wildcards, and nothing below `$`: there a broker listens for commands of its own."""
STREAM = re.compile(r"[A-Za-z0-9_.:-]+")
NATS_FORM = "nats://broker.example.org:4222/claims.changes"
REDIS_FORM = "redis://broker.example.org:6379/0?stream=claims"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where messages are appended.  A token for NATS is a user without a password."""

    host: str
    port: int
    is_encrypted: bool
    name: str
    """The subject, or the stream."""
    database: int
    user: str | None
    password: str | None


def is_broker(scheme: str) -> bool:
    return scheme.lower() in PORTS


def split_credentials(url: str) -> tuple[str, str | None]:
    """Return a broker's address with `***` for its user and password, and those as written; other
    addresses as they are."""
    authority = AUTHORITY.match(url)
    if authority is None or not is_broker(authority[1]) or "@" not in authority[2]:
        return url, None
    credentials, _, _ = authority[2].rpartition("@")
    return url.replace(f"{credentials}@", f"{HIDDEN}@", 1), credentials


def find_credentials(url: str) -> str | None:
    """Return a broker's user and password as written; None where there are none to be seen."""
    credentials = split_credentials(url)[1]
    return None if credentials == HIDDEN else credentials


def find_place(url: str) -> str:
    """Return scheme, host and port as written: credentials are kept while these stay."""
    authority = AUTHORITY.match(url)
    return authority[0].lower() if authority is not None else ""


def parse_address(url: httpx.URL, credentials: str | None) -> BrokerAddress:
    """Parse a broker's address, whose host and port were checked.  Raises ValueError with a
    sentence for people."""
    path, query = url.path, url.query.decode("ascii")
    database = 0
    if url.scheme in ("nats", "tls"):
        name = path.removeprefix("/")
        if query or not SUBJECT.fullmatch(name):
            raise ValueError(
                "The path of the address is the subject, without wildcards and `$`, as in "
                f"{NATS_FORM}."
            )
    else:
        number = path.removeprefix("/")
        parameter, _, name = query.partition("=")
        if parameter != "stream" or not STREAM.fullmatch(name):
            raise ValueError(f"The address names the stream, as in {REDIS_FORM}.")
        if number.strip("0123456789") or len(number) > 4:
            raise ValueError(f"The path of the address is the database's number: {REDIS_FORM}.")
        database = int(number or "0")
    if len(name) > NAME_LENGTH:
        raise ValueError(f"Subjects and streams have up to {NAME_LENGTH} characters.")
    user, password = _parse_credentials(credentials)
    if user is not None and password is None and url.scheme not in ("nats", "tls"):
        raise ValueError("A user of Redis has a password: write redis://user:password@host/…")
    return BrokerAddress(
        host=url.raw_host.decode("ascii"),
        port=url.port or PORTS[url.scheme],
        is_encrypted=url.scheme in ENCRYPTED,
        name=name,
        database=database,
        user=user,
        password=password,
    )


def _parse_credentials(credentials: str | None) -> tuple[str | None, str | None]:
    if credentials is None:
        return None, None
    user, colon, password = credentials.partition(":")
    return unquote(user) or None, unquote(password) if colon else None
