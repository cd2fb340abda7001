"""Signs what the links in mails are for, so that whoever has one needs no account."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from sqlalchemy import Connection

from service.store import installation

MAC_BYTES = 15


def sign(connection: Connection, purpose: str) -> str:
    """Return the signature of a purpose, as addresses write it."""
    return urlsafe_b64encode(compute_mac(connection, purpose)[:MAC_BYTES]).decode()


def is_signed(connection: Connection, purpose: str, signature: str) -> bool:
    """Say whether this desk made the signature of a purpose."""
    return hmac.compare_digest(signature.encode(), sign(connection, purpose).encode())


def compute_mac(connection: Connection, text: str) -> bytes:
    """Return a mark of a text that nobody makes who has not the desk's key."""
    secret = installation.read_value(connection, installation.CURSOR_KEY)
    assert secret is not None, "every desk has one"
    return hmac.digest(bytes.fromhex(secret), text.encode(), sha256)
