"""Hashes and verifies passwords with argon2: in threads and few at once, so that nobody can stop
the service by guessing."""

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
MOST_TRIES = 24
"""How many tries at a password one process takes at once: about a second's work."""
RESERVED = 8
"""How many of these are kept for browsers that are known and for people who are signed in."""
FULL_COST = Argon2Hasher()
_hasher = PasswordHash((FULL_COST,))
_threads = ThreadPoolExecutor(THREADS, "claimdesk-argon2")
_tries = 0
"""How many tries are under way."""


def choose_hasher(hasher: Argon2Hasher) -> None:
    """Hash at another cost from now on: hashes made before say what they cost. For tests."""
    global _hasher
    _hasher = PasswordHash((hasher,))


@contextmanager
def admit_try(*, is_known_browser: bool) -> Iterator[None]:
    """Count one try at a password as under way, from before the database is asked.

    `known`: it comes from a browser that somebody has signed in with, or from somebody who is
    signed in.  Raises SignInBusy where too many are under way.
    """
    global _tries
    if _tries >= (MOST_TRIES if is_known_browser else MOST_TRIES - RESERVED):
        raise SignInBusy(
            "Too many people are signing in just now; nothing was tried. Wait two seconds, then "
            "send it again.",
            headers={"Retry-After": "2"},
        )
    _tries += 1
    try:
        yield
    finally:
        _tries -= 1


def hash_password(password: str) -> str:
    return _hasher.hash(password)


async def hash_in_thread(password: str) -> str:
    """Hash a password in a thread.  Raises SignInBusy."""
    with admit_try(is_known_browser=True):
        return await _run_in_thread(lambda: hash_password(password))


async def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether `password` is the one behind `password_hash`; never for None, which takes as long."""

    def verify() -> bool:
        return (
            _hasher.verify(password, password_hash or _hash_decoy()) and password_hash is not None
        )

    return await _run_in_thread(verify)


async def _run_in_thread(work: Callable[[], T]) -> T:
    # Work that nobody waits for any more leaves the queue, unless a thread has begun it.
    return await asyncio.wrap_future(_threads.submit(work))


@cache
def _hash_decoy() -> str:
    """Return the hash that is compared where there is no such user, so that the answer takes as
    long either way."""
    return hash_password(secrets.token_urlsafe())


def prepare_decoy() -> None:
    """Make the decoy in advance, so that the first unknown account takes no longer."""
    _threads.submit(_hash_decoy)
