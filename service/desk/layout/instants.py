"""The instant that a page is asked about: `as_of` with its offset, or `at` as a form sends it."""

from datetime import datetime

from fastapi import Request

from service.desk.layout import forms
from service.domain.claims import format_instant
from service.domain.errors import Invalid
from service.web import claim_requests, time_zones


def read_as_of(request: Request) -> datetime | None:
    """Read the instant that a page is to show the desk as of; None is now. Raises Invalid.

    A form without JavaScript has a field for a day and a time, in the zone that it names.
    """
    query = request.query_params
    forms.show_in_zone(query.get("zone"))
    if at := query.get("at", "").strip():
        return parse_field(at)
    text = query.get("as_of", "").strip()
    return claim_requests.parse_instant(text) if text else None


def parse_field(text: str) -> datetime:
    """Parse `2023-10-02T18:00`, in the zone that is shown. Raises Invalid."""
    try:
        if not forms.LOCAL_INSTANT.fullmatch(text):
            raise ValueError("a day alone, or no time at all")
        moment = time_zones.parse_local(text)
    except Invalid as error:
        raise Invalid(error.detail, loc=("query", "at")) from None
    except (ValueError, OverflowError):
        raise Invalid(
            "an instant is a day and a time, such as 2023-10-02T18:00", loc=("query", "at")
        ) from None
    return claim_requests.parse_instant(format_instant(moment), "at")


def format_field(moment: datetime | None) -> str:
    """Format an instant as the field for a day and an hour has it."""
    return "" if moment is None else time_zones.format_field(moment)
