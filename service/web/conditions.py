"""Conditions in headers (RFC 9110): entity tags, which are a claim's versions (13), and Accept."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from service.domain.errors import BadRequest, PreconditionRequired

TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')


def format_etag(version: int | str) -> str:
    """Format a strong entity tag."""
    return f'"{version}"'


def parse_if_match(header: str) -> frozenset[int] | None:
    """Parse the versions that an If-Match names, None for `*`; weak tags never match (RFC 9110,
    8.8.3.2).

    Raises BadRequest for what is no list of entity tags.
    """
    if header.strip() == "*":
        return None
    versions = set()
    for part in header.split(","):
        match = TAG.fullmatch(part)
        if match is None:
            raise BadRequest('If-Match takes the ETag of the claim you read, such as "7".')
        weak, opaque = match.groups()
        if not weak and opaque.isascii() and opaque.isdigit() and len(opaque) < 10:
            versions.add(int(opaque))
    return frozenset(versions)


def is_unchanged(request: Request, version: int | str, modified_at: datetime | None = None) -> bool:
    """Whether the caller has it already: If-None-Match names `version` (weak comparison: RFC 9110,
    13.1.2), or, only where there is no such header, `modified_at` is not after
    If-Modified-Since (13.2.2)."""
    header = request.headers.get("if-none-match")
    if header is None:
        since = _read_modified_since(request)
        return since is not None and modified_at is not None and modified_at <= since
    if header.strip() == "*":
        return True
    return any(
        match is not None and match.group(2) == str(version)
        for match in map(TAG.fullmatch, header.split(","))
    )


def _read_modified_since(request: Request) -> datetime | None:
    """Read If-Modified-Since; it is ignored where it is no date (RFC 9110, 13.1.3)."""
    header = request.headers.get("if-modified-since")
    if header is None:
        return None
    try:
        since = parsedate_to_datetime(header)
    except ValueError:
        return None
    return since.replace(tzinfo=UTC) if since.tzinfo is None else since


async def _require_if_match(
    if_match: Annotated[
        str | None,
        Header(
            description='The version you read, as its ETag: "7"',
            # For the document: without it the answer is 428, not 422.
            json_schema_extra={"x-required": True},
        ),
    ] = None,
) -> frozenset[int] | None:
    if if_match is None:
        raise PreconditionRequired(
            'Send If-Match with the ETag of the claim you read, such as If-Match: "7".'
        )
    return parse_if_match(if_match)


async def _read_if_match(
    if_match: Annotated[
        str | None, Header(description="The version you read, if it matters to you")
    ] = None,
) -> frozenset[int] | None:
    return None if if_match is None else parse_if_match(if_match)


IfMatch = Annotated[frozenset[int] | None, Depends(_require_if_match)]
OptionalIfMatch = Annotated[frozenset[int] | None, Depends(_read_if_match)]


def accepts(request: Request, media_type: str) -> bool:
    """Whether Accept lets `media_type` through (RFC 9110, 12.5.1): its most specific range that
    fits has a weight above 0."""
    ranges = ",".join(request.headers.getlist("accept"))
    if not ranges.strip():
        return True
    kind = media_type.partition("/")[0]
    weights: dict[str, bool] = {}
    for media_range in ranges.split(","):
        name, *parameters = (part.strip().lower() for part in media_range.split(";"))
        is_refused = any(re.fullmatch(r"q=0(\.0*)?", part) for part in parameters)
        weights[name] = weights.get(name, False) or not is_refused
    for name in (media_type, f"{kind}/*", "*/*"):
        if name in weights:
            return weights[name]
    return False
