"""Signs messages by Standard Webhooks 1.0 (symmetric, `v1`), and verifies them.

The published library signs.  The rest is what it leaves open: it takes one secret at a time, reads
any text as a secret, and says of a message only that it does not verify.
"""

import hmac
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from standardwebhooks import Webhook

from service.domain.webhooks import SECRET_PREFIX

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300


class BadSignature(Exception):
    """The message is not signed by any of the secrets, or not now."""


def sign_message(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a UTF-8 body.  Raises ValueError for what is no secret."""
    moment = datetime.fromtimestamp(timestamp, UTC)
    return _load_secret(secret).sign(message_id, moment, body.decode())


def build_headers(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers; in a rotation, spaces separate the signatures."""
    if not secrets:
        raise ValueError("a message is signed with one secret at least")
    signatures = [sign_message(secret, message_id, timestamp, body) for secret in secrets]
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def verify_message(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: int
) -> None:
    """Return if one of `secrets` signed the body within TOLERANCE_SECONDS of `now`.

    Names of headers are taken in any case; signatures of other versions are passed over.
    Raises BadSignature, which says what is wrong.
    """
    lower_headers = {name.lower(): value for name, value in headers.items()}
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not lower_headers.get(name):
            raise BadSignature(f"{name} is missing")
    timestamp = _parse_timestamp(lower_headers[TIMESTAMP], now=now)
    candidates = [candidate.encode() for candidate in lower_headers[SIGNATURE].split(" ")]
    try:
        expected_signatures = [
            sign_message(secret, lower_headers[ID], timestamp, body) for secret in secrets
        ]
    except UnicodeDecodeError as error:
        raise BadSignature("the body is not UTF-8") from error
    # Every pair is compared, in constant time each: how long it takes says nothing.
    matches = [
        hmac.compare_digest(signature.encode(), candidate)
        for signature in expected_signatures
        for candidate in candidates
    ]
    if not any(matches):
        raise BadSignature(f"no v1 signature in {SIGNATURE} matches")


def _parse_timestamp(text: str, *, now: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadSignature(f"{TIMESTAMP} is not a number of seconds")
    age = now - int(text)
    if abs(age) > TOLERANCE_SECONDS:
        when = "old" if age > 0 else "ahead"
        raise BadSignature(f"{TIMESTAMP} is {abs(age)} s {when}, {TOLERANCE_SECONDS} s allowed")
    return int(text)


@lru_cache(maxsize=4096)
def _load_secret(secret: str) -> Webhook:
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"a secret begins with {SECRET_PREFIX}")
    if not b64decode(secret[len(SECRET_PREFIX) :], validate=True):
        raise ValueError("a secret may not be empty")
    return Webhook(secret)
