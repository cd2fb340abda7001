"""Passwords: argon2, in a thread, few at once, so that nobody can stop the service by guessing."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

_hasher = PasswordHash((Argon2Hasher(),))
_threads = ThreadPoolExecutor(2, "claimdesk-argon2")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


async def hash_in_thread(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_threads, hash_password, password)


async def matches(password: str, hashed: str | None) -> bool:
    """Whether `password` is the one behind `hashed`; None is an unknown user, never a match."""

    def verify() -> bool:
        return _hasher.verify(password, hashed or _nobody()) and hashed is not None

    return await asyncio.get_running_loop().run_in_executor(_threads, verify)


@cache
def _nobody() -> str:
    """Compared where no such user exists, so that the answer takes as long either way."""
    return hash_password(secrets.token_urlsafe())
