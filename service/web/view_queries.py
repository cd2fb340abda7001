"""The one spelling of a query of the list of claims, in which it is saved."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import QueryParams

from service.claims.claim_queries import Filters
from service.domain.claims import format_instant
from service.domain.errors import Invalid
from service.notices import followed_searches
from service.search.index import query_parser
from service.web import claim_requests
from service.web.calls import Call

UNFOLLOWED = ("limit", "cursor", "as_of", "sort", "lang", "facets")
"""What is of a page of a list, and says nothing of what is found."""
UNSAVED = ("limit", "cursor", "lang", "facets")
"""Parameters of a page of the list, which say nothing of what is in it."""


async def normalize_query(call: Call, text: str) -> str:
    """Return the one spelling of a query, as an address has it.

    Raises Invalid for what the list would refuse, and Forbidden where the caller may not ask so.
    """
    try:
        query, _ = await _parse_checked(call, text, UNSAVED)
    except Invalid as error:
        raise Invalid(f"the list refuses this: {error.detail}", loc=("body", "query")) from None
    return format_query(query)


async def _parse_checked(
    call: Call, text: str, left_out: Collection[str]
) -> tuple[claim_requests.ListQuery, Filters]:
    """Parse a query without the parameters `left_out`.  Raises Invalid where the list would refuse
    it, and Forbidden where the caller may not ask so."""
    pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True)
    kept_pairs = [(name, value) for name, value in pairs if value and name not in left_out]
    query = claim_requests.parse_list_query(QueryParams(kept_pairs))
    if query.q is not None:
        query_parser.parse_query(query.q)
    filters = claim_requests.build_filters(query, call)
    for name in ("claimant", "party"):
        await claim_requests.find_family(call, getattr(filters, name), name, filters.as_of)
    return query, filters


def format_query(query: claim_requests.ListQuery) -> str:
    """Return the filters, the words and the order of a query, in one order and spelling."""
    pairs: list[tuple[str, str]] = []
    for name, field in claim_requests.ListQuery.model_fields.items():
        value = getattr(query, name)
        if name in UNSAVED or value == field.default:
            continue
        if name == "status":
            pairs += [(name, status.value) for status in sorted(set(value))]
        elif isinstance(value, datetime):
            pairs.append((name, format_instant(value)))
        elif isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        else:
            pairs.append((name, value.value if isinstance(value, StrEnum) else str(value)))
    return urlencode(pairs)


async def parse_followed_search(call: Call, text: str) -> str:
    """Return the one text for a search that was sent as an address has it.  Raises Invalid, and
    Forbidden where the caller may not see assignees."""
    try:
        query, filters = await _parse_checked(call, text, UNFOLLOWED)
    except Invalid as error:
        raise Invalid(
            f"this search finds nothing: {error.detail}", loc=("body", "search")
        ) from None
    if filters.overdue:
        raise Invalid(
            "nothing changes when a claim becomes overdue: follow the others of its filters",
            loc=("body", "search"),
        )
    search = followed_searches.format_search(query.q, filters)
    if not search:
        raise Invalid("this search has no filters: follow something in it", loc=("body", "search"))
    return search
