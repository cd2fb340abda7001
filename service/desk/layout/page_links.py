"""Pages of a list: the part that the address asks for, and the address of the next."""

from typing import Any
from urllib.parse import urlencode

from service.store.paging import Window
from service.web.calls import Call


def read_window(call: Call, scope: str, limit: int) -> Window:
    """Read which part of a list the address asks for. Raises Invalid for a foreign cursor."""
    cursor = call.request.query_params.get("cursor") if call.request.method == "GET" else None
    after = call.cursors.read(cursor, scope, now=call.now) if cursor else None
    return Window(limit, after)


def build_next_link(call: Call, scope: str, last: Any, filters: dict[str, str]) -> str | None:
    """Build the address of the page after the row with the sort keys `last`, if one follows."""
    if last is None:
        return None
    cursor = call.cursors.write(scope, last, now=call.now)
    return f"{call.request.url.path}?{urlencode(filters | {'cursor': cursor})}"
