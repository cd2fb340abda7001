"""Hold the newest events, each rendered once for all streams of a process."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import attrgetter

from service.domain.access import Audience
from service.record.event_queries import EventFilter, RecordedEvent

MAX_EVENTS = 2_000
MAX_TEXT = 4 * 1024 * 1024
"""How many events are held, and characters of their actors and data."""
CHUNK_BYTES = 64 * 1024
"""Bytes that a client is sent at once; more only where a single event has more."""
Render = Callable[[RecordedEvent, Audience], bytes]
"""An event as an audience is shown it, as a block of a stream; empty where it is not shown."""


class HeldEvent:
    """An event, which is rendered for an audience when the first listener of it asks."""

    __slots__ = ("_blocks", "_render", "line", "weight")

    def __init__(self, line: RecordedEvent, render: Render) -> None:
        self.line = line
        self.weight = len(line.actor) + len(line.data)
        self._render = render
        self._blocks: dict[Audience, bytes] = {}

    @property
    def seq(self) -> int:
        return self.line.seq

    def render_for(self, audience: Audience) -> bytes:
        """Return its block of a stream."""
        block = self._blocks.get(audience)
        if block is None:
            block = self._blocks[audience] = self._render(self.line, audience)
        return block


class EventRing:
    """All events numbered above `floor` up to `top`, in order.

    A listener that has seen less than `floor` has to ask the database.
    """

    def __init__(self) -> None:
        self.floor = self.top = 0
        self._held: list[HeldEvent] = []
        self._text = 0

    def reset(self, events: Sequence[HeldEvent], *, floor: int, top: int) -> None:
        """Hold these and no others."""
        self._held, self._text, self.floor = [], 0, floor
        self.extend(events, top=top)

    def extend(self, events: Sequence[HeldEvent], *, top: int) -> None:
        """Hold also what comes after, and drop the oldest where that is too much."""
        self._held += events
        self._text += sum(event.weight for event in events)
        self.top = top
        drop = 0
        while len(self._held) - drop > MAX_EVENTS or self._text > MAX_TEXT:
            self._text -= self._held[drop].weight
            drop += 1
        if drop:
            self.floor = self._held[drop - 1].seq
            del self._held[:drop]

    def take(
        self, position: int, event_filter: EventFilter, audience: Audience
    ) -> tuple[list[HeldEvent], int]:
        """Return what `take_chunk` takes of all that is held above `position`."""
        first = bisect_right(self._held, position, key=attrgetter("seq"))
        return take_chunk(
            islice(self._held, first, None),
            event_filter,
            audience,
            position=max(position, self.top),
        )


def take_chunk(
    events: Iterable[HeldEvent], event_filter: EventFilter, audience: Audience, *, position: int
) -> tuple[list[HeldEvent], int]:
    """Return what to send at once, and up to where that goes: `position` where it is all."""
    chunk: list[HeldEvent] = []
    size = 0
    for event in events:
        if event_filter.matches(event.line) and event.render_for(audience):
            chunk.append(event)
            size += len(event.render_for(audience))
            if size >= CHUNK_BYTES:
                return chunk, event.seq
    return chunk, position
