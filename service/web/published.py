"""Answers for readers and machines: kept a minute by anybody where anybody may read them."""

from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

from starlette.responses import Response

from service.web.calls import PRIVATE, Call
from service.web.conditions import etag, unchanged

PUBLIC = {"Cache-Control": "public, max-age=60, must-revalidate"}
"""No status is shown that is older than a minute; not even where the cache is cut off."""
SETTLED = timedelta(minutes=1)


def digest(*parts: Any) -> str:
    """The text of a strong entity tag: other parts, another tag."""
    return sha256(repr(parts).encode()).hexdigest()[:32]


def unmodified(call: Call, tag: str, modified: datetime | None = None) -> Response | None:
    """The 304 for a caller who has this already, if so."""
    if not unchanged(call.request, tag, _dated(modified, call.now)):
        return None
    return Response(status_code=304, headers=headers(call, tag, modified))


def published(
    call: Call, body: bytes, media_type: str, more: dict[str, str] | None = None
) -> Response:
    """`body`, or 304: the tag is of the bytes themselves."""
    tag = digest(body)
    return unmodified(call, tag) or Response(
        body, headers=headers(call, tag) | (more or {}), media_type=media_type
    )


def headers(call: Call, tag: str, modified: datetime | None = None) -> dict[str, str]:
    """How long it may be kept, and by what it is asked for again."""
    found = (PUBLIC if call.caller is None else PRIVATE) | {"ETag": etag(tag)}
    last = _dated(modified, call.now)
    return found if last is None else found | {"Last-Modified": format_datetime(last, usegmt=True)}


def _dated(modified: datetime | None, now: datetime) -> datetime | None:
    """`modified` as Last-Modified has it, in whole seconds.

    None for a minute: more may come in the same second, or be recorded as of before it, and a date
    could not tell that apart (RFC 9110, 8.8.2).
    """
    if modified is None or now - modified < SETTLED:
        return None
    return modified.replace(microsecond=0)
