"""Parts of pages that are kept for as long as no event is added to the record."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

MOST = 64


class PagePartCache:
    """Parts of pages by what they show, each with the number of the newest event when it was made.

    Every change of a claim is an event, so a part is true until there is a newer one. Whoever asks
    says which is the newest: no part is older than that.
    """

    def __init__(self) -> None:
        self._parts: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()

    def find(self, part: Hashable, newest: int) -> Any:
        """Return what was made of `part` at the event `newest`; else None."""
        made_of, value = self._parts.get(part, (-1, None))
        if made_of != newest:
            return None
        self._parts.move_to_end(part)
        return value

    def keep(self, part: Hashable, newest: int, value: Any) -> None:
        """Keep what was made of `part`, and drop the part that was used least lately."""
        self._parts[part] = newest, value
        self._parts.move_to_end(part)
        if len(self._parts) > MOST:
            self._parts.popitem(last=False)
