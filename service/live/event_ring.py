"""The newest events, held and rendered once for all streams of a process."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import attrgetter

from service.domain.disclosure import Audience
from service.record.event_queries import Line, Wanted

MOST_EVENTS = 2_000
MOST_TEXT = 4 * 1024 * 1024
"""How many events are held, and characters of their actors and data."""
CHUNK = 64 * 1024
"""Bytes that a client is sent at once; more only where a single event has more."""
Render = Callable[[Line, Audience], bytes]
"""An event as an audience is shown it, as a block of a stream; empty where it is not shown."""


class Held:
    """An event, rendered for each audience when the first of it asks."""

    __slots__ = ("_blocks", "_render", "line", "weight")

    def __init__(self, line: Line, render: Render) -> None:
        self.line = line
        self.weight = len(line.actor) + len(line.data)
        self._render = render
        self._blocks: dict[Audience, bytes] = {}

    @property
    def seq(self) -> int:
        return self.line.seq

    def block(self, audience: Audience) -> bytes:
        found = self._blocks.get(audience)
        if found is None:
            found = self._blocks[audience] = self._render(self.line, audience)
        return found


class Ring:
    """All events numbered above `floor` up to `top`, in order: whoever has seen less than `floor`
    has to ask the database."""

    def __init__(self) -> None:
        self.floor = self.top = 0
        self._held: list[Held] = []
        self._text = 0

    def begin(self, held: Sequence[Held], *, floor: int, top: int) -> None:
        """Hold these and no others."""
        self._held, self._text, self.floor = [], 0, floor
        self.extend(held, top=top)

    def extend(self, held: Sequence[Held], *, top: int) -> None:
        """Hold also what comes after, and let go of the oldest where that is too much."""
        self._held += held
        self._text += sum(one.weight for one in held)
        self.top = top
        drop = 0
        while len(self._held) - drop > MOST_EVENTS or self._text > MOST_TEXT:
            self._text -= self._held[drop].weight
            drop += 1
        if drop:
            self.floor = self._held[drop - 1].seq
            del self._held[:drop]

    def take(self, position: int, wanted: Wanted, audience: Audience) -> tuple[list[Held], int]:
        """What `chunk` makes of all that is held above `position`."""
        first = bisect_right(self._held, position, key=attrgetter("seq"))
        return chunk(
            islice(self._held, first, None), wanted, audience, position=max(position, self.top)
        )


def chunk(
    held: Iterable[Held], wanted: Wanted, audience: Audience, *, position: int
) -> tuple[list[Held], int]:
    """What to send at once, and up to where that goes: `position` where nothing is left over."""
    taken: list[Held] = []
    size = 0
    for one in held:
        if wanted.fits(one.line) and one.block(audience):
            taken.append(one)
            size += len(one.block(audience))
            if size >= CHUNK:
                return taken, one.seq
    return taken, position
