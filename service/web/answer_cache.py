"""What was made of the record, for as long as nothing is added to it."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

MOST = 64


class Remembered:
    """Parts of pages by what they show, each with the number of the newest event it was made of.

    Every change of a claim is an event, so what was made of all events up to a number is true until
    there is another.  Whoever asks says what the newest is: nothing here is ever older than that.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()

    def of(self, part: Hashable, newest: int) -> Any:
        """What was made of `part`, if it was made of the record up to `newest`; else None."""
        made_of, value = self._kept.get(part, (-1, None))
        if made_of != newest:
            return None
        self._kept.move_to_end(part)
        return value

    def keep(self, part: Hashable, newest: int, value: Any) -> None:
        self._kept[part] = newest, value
        self._kept.move_to_end(part)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
