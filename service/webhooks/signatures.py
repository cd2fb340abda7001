"""Signatures of Standard Webhooks 1.0 (symmetric, `v1`).

The signed content is `id.timestamp.body`, the bytes that are sent; the key is what follows
`whsec_` in the secret, base64-decoded.  One signature for each secret that is valid now.
"""

import hmac
from base64 import b64decode
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from functools import lru_cache

from service.domain.webhooks import SECRET_PREFIX

VERSION = "v1,"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


class BadSignature(Exception):
    """The message is not signed by any of the secrets, or not now."""


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256.  Raises ValueError for what is no secret."""
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return VERSION + _base64(hmac.digest(_key(secret), content, "sha256"))


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; in a rotation the signatures are separated by spaces."""
    if not secrets:
        raise ValueError("a message is signed with one secret at least")
    return {
        ID: message_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: " ".join(signature(secret, message_id, timestamp, body) for secret in secrets),
    }


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: int,
    tolerance: int = 300,
) -> None:
    """Return if one of `secrets` signed it within `tolerance` seconds of `now` (Unix seconds).

    Names of headers are taken in any case; signatures of other versions are passed over.
    Raises BadSignature, which says what is wrong.
    """
    given = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not given.get(name):
            raise BadSignature(f"{name} is missing")
    timestamp = _seconds(given[TIMESTAMP])
    if abs(now - timestamp) > tolerance:
        when = "old" if timestamp < now else "ahead"
        raise BadSignature(f"{TIMESTAMP} is {abs(now - timestamp)} s {when}, {tolerance} s allowed")
    candidates = [candidate.encode() for candidate in given[SIGNATURE].split(" ")]
    matched = False
    # Every pair is compared, in constant time each: how long it takes says nothing.
    for secret in secrets:
        expected = signature(secret, given[ID], timestamp, body).encode()
        for candidate in candidates:
            matched |= hmac.compare_digest(expected, candidate)
    if not matched:
        raise BadSignature(f"no {VERSION[:-1]} signature in {SIGNATURE} matches")


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadSignature(f"{TIMESTAMP} is not a number of seconds")
    return int(text)


@lru_cache(maxsize=4096)
def _key(secret: str) -> bytes:
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret begins with {SECRET_PREFIX}")
    key = b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    if not key:
        raise ValueError("a secret may not be empty")
    return key


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()
