"""Answers for readers and machines: kept a minute by anybody where anybody may read them."""

from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

from starlette.responses import Response

from service.web.calls import PRIVATE, Call
from service.web.conditions import format_etag, is_unchanged

PUBLIC = {"Cache-Control": "public, max-age=60, must-revalidate"}
"""No status is shown that is older than a minute; not even where the cache is cut off."""
SETTLED = timedelta(minutes=1)


def compute_tag(*parts: Any) -> str:
    """Compute the text of a strong entity tag: other parts give another tag."""
    return sha256(repr(parts).encode()).hexdigest()[:32]


def answer_unmodified(call: Call, tag: str, modified_at: datetime | None = None) -> Response | None:
    """Respond 304 to a caller who has this already; None to others."""
    if not is_unchanged(call.request, tag, _date_last_change(modified_at, call.now)):
        return None
    return Response(status_code=304, headers=build_cache_headers(call, tag, modified_at))


def answer_published(
    call: Call, body: bytes, media_type: str, more: dict[str, str] | None = None
) -> Response:
    """Respond with `body`, or 304: the tag is computed of the bytes themselves."""
    tag = compute_tag(body)
    return answer_unmodified(call, tag) or Response(
        body, headers=build_cache_headers(call, tag) | (more or {}), media_type=media_type
    )


def build_cache_headers(
    call: Call, tag: str, modified_at: datetime | None = None
) -> dict[str, str]:
    """Build the headers that say how long an answer may be kept, and how to ask for it again."""
    headers = (PUBLIC if call.caller is None else PRIVATE) | {"ETag": format_etag(tag)}
    last = _date_last_change(modified_at, call.now)
    return (
        headers if last is None else headers | {"Last-Modified": format_datetime(last, usegmt=True)}
    )


def _date_last_change(modified_at: datetime | None, now: datetime) -> datetime | None:
    """Return `modified_at` as Last-Modified has it, in whole seconds.

    None for a minute: more may come in the same second, or be recorded as of before it, and a date
    could not tell that apart (RFC 9110, 8.8.2).
    """
    if modified_at is None or now - modified_at < SETTLED:
        return None
    return modified_at.replace(microsecond=0)
