"""The instant that a page is asked about: `as_of` with its offset, or `at` as a form sends it."""

from datetime import datetime

from fastapi import Request

from service.domain.errors import Invalid
from service.web import claim_requests


def read_as_of(request: Request) -> datetime | None:
    """Read the instant that a page is to show the desk as of; None is now. Raises Invalid.

    A form without JavaScript has a field for a day and an hour, which are read as UTC.
    """
    query = request.query_params
    if at := query.get("at", "").strip():
        return parse_field(at)
    text = query.get("as_of", "").strip()
    return claim_requests.parse_instant(text) if text else None


def parse_field(text: str) -> datetime:
    """Parse `2023-10-02T18:00` as UTC. Raises Invalid."""
    try:
        return claim_requests.parse_instant(f"{text}{':00' * (2 - text.count(':'))}Z", "at")
    except Invalid:
        raise Invalid(
            "an instant is a day and an hour of UTC, such as 2023-10-02T18:00", loc=("query", "at")
        ) from None


def format_field(moment: datetime | None) -> str:
    """Format an instant as the field for a day and an hour has it."""
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S")
