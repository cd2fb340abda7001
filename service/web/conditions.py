"""Conditional requests (RFC 9110, 13): entity tags are versions."""

import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from service.domain.errors import BadRequest, PreconditionRequired

TAG = re.compile(r'\s*(W/)?"([^"]*)"\s*')


def etag(version: int) -> str:
    return f'"{version}"'


def named_versions(header: str) -> frozenset[int] | None:
    """The versions an If-Match names, None for `*`.  Weak tags never match (RFC 9110, 8.8.3.2).

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


def unchanged(request: Request, version: int) -> bool:
    """Whether If-None-Match names `version`: weak comparison, as RFC 9110, 13.1.2 has it."""
    header = request.headers.get("if-none-match")
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(
        match is not None and match.group(2) == str(version)
        for match in map(TAG.fullmatch, header.split(","))
    )


async def _required(
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
    return named_versions(if_match)


async def _optional(
    if_match: Annotated[
        str | None, Header(description="The version you read, if it matters to you")
    ] = None,
) -> frozenset[int] | None:
    return None if if_match is None else named_versions(if_match)


IfMatch = Annotated[frozenset[int] | None, Depends(_required)]
OptionalIfMatch = Annotated[frozenset[int] | None, Depends(_optional)]
