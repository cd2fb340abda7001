"""Lists page by page: the part that the address asks for, and the address of the next."""

from typing import Any
from urllib.parse import urlencode

from service.store.paging import Window
from service.web.calls import Call


def window_of(call: Call, scope: str, limit: int) -> Window:
    """The part of a list that the address asks for.  Raises Invalid for no cursor of this list."""
    cursor = call.request.query_params.get("cursor") if call.request.method == "GET" else None
    after = call.services.cursors.read(cursor, scope, now=call.now) if cursor else None
    return Window(limit, after)


def following(call: Call, scope: str, last: Any, kept: dict[str, str]) -> str | None:
    """The address of the page after the row with the sort keys `last`; None where it ends."""
    if last is None:
        return None
    cursor = call.services.cursors.write(scope, last, now=call.now)
    return f"{call.request.url.path}?{urlencode(kept | {'cursor': cursor})}"
