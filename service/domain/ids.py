"""Identifiers.

Ids are UUIDv7 (RFC 9562) made in Python, so that they sort by age and exist before the row does.
They are written in lower case.  Things that are imported repeatedly have an id made of their name.
"""

import os
import re
import time
from hashlib import sha256

UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def make_id() -> str:
    """Return a new UUIDv7: 48 bits of Unix milliseconds, then 74 random bits (RFC 9562, 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return _format(value)


def _format(value: int) -> str:
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def derive_id(*names: str) -> str:
    """Return the id of the thing with these names: a UUIDv8 (RFC 9562, 5.8) of their SHA-256."""
    digest = sha256("".join(f"{len(name)}:{name}" for name in names).encode()).digest()
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return _format(value)


def parse_id(text: str) -> str | None:
    """Return the id in lower case, or None if `text` is no UUID of 36 characters."""
    return text.lower() if UUID_PATTERN.fullmatch(text) else None
