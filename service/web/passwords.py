"""Passwords: argon2, in a thread, few at once, so that nobody can stop the service by guessing."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from service.domain.errors import SignInBusy

T = TypeVar("T")
THREADS = 2
QUEUED = 24
"""Tries at a password that are under way in one process, at most: about a second's work."""
RESERVED = 8
"""Of these, kept for browsers that are known and for people who are signed in."""
_hasher = PasswordHash((Argon2Hasher(),))
_threads = ThreadPoolExecutor(THREADS, "claimdesk-argon2")


_held = 0


@contextmanager
def admit(*, known: bool) -> Iterator[None]:
    """Hold a place for one try at a password, from before the database is asked.

    `known` says that a browser which somebody has signed in with asks, or somebody who is signed
    in.  Raises SignInBusy where too many are at it already.
    """
    global _held
    if _held >= (QUEUED if known else QUEUED - RESERVED):
        raise SignInBusy(
            "Too many people are signing in just now; nothing was tried. Wait two seconds, then "
            "send it again.",
            headers={"Retry-After": "2"},
        )
    _held += 1
    try:
        yield
    finally:
        _held -= 1


def hash_password(password: str) -> str:
    return _hasher.hash(password)


async def hash_in_thread(password: str) -> str:
    """Raises SignInBusy."""
    with admit(known=True):
        return await _run(lambda: hash_password(password))


async def matches(password: str, hashed: str | None) -> bool:
    """Whether `password` is the one behind `hashed`; None is an unknown user, never a match."""

    def verify() -> bool:
        return _hasher.verify(password, hashed or _nobody()) and hashed is not None

    return await _run(verify)


async def _run(work: Callable[[], T]) -> T:
    # Whatever nobody waits for any more leaves the queue, unless a thread is at it already.
    return await asyncio.wrap_future(_threads.submit(work))


@cache
def _nobody() -> str:
    """Compared where no such user exists, so that the answer takes as long either way."""
    return hash_password(secrets.token_urlsafe())


def prepare() -> None:
    """Have what unknown accounts are compared with made, so that the first takes no longer."""
    _threads.submit(_nobody)
