"""The canonical form of an event, and the chain that binds a claim's record.

Canonical JSON here is UTF-8, object keys sorted by code point, no white space, no floats: what
RFC 8785 gives for such data.  A hash is SHA-256 over that form of
`{actor, claim, data, number, previous_hash, recorded_at, type}`, in hexadecimal.
"""

from hashlib import sha256
from typing import Any

import orjson

GENESIS = "0" * 64
"""The previous hash of a claim's first event."""


def canonical(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def event_hash(
    *,
    claim: str,
    number: int,
    type: str,
    recorded_at: str,
    actor: str,
    data: str,
    previous_hash: str,
) -> str:
    """The hash of one event; `actor` and `data` are canonical JSON text, keys in sorted order."""
    body = (
        f'{{"actor":{actor},"claim":"{claim}","data":{data},"number":{number},'
        f'"previous_hash":"{previous_hash}","recorded_at":"{recorded_at}","type":"{type}"}}'
    )
    return sha256(body.encode()).hexdigest()
