"""Folds drafts of events into a claim, one after another, before anything is written."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from service.domain import history
from service.domain.access import Actor
from service.domain.claims import ClaimState
from service.domain.history import Draft, Event
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.record.writer import EventRow
from service.search.index import index_writer


class EventColumns(TypedDict):
    """The columns of `events` that a claim's event determines and no hash covers."""

    story: str | None
    said_at: datetime | None
    said_end: datetime | None


class EventSequence:
    """The events that one change appends to a claim's record, at one instant and by one actor."""

    def __init__(
        self,
        claim_id: str,
        before: ClaimState | None,
        last_hash: str,
        *,
        actor: Actor,
        at: datetime,
    ) -> None:
        self.last_hash = last_hash
        """The hash that the next event continues from."""
        self.steps: list[index_writer.Step] = []
        """Each event, with the claim before and after it."""
        self.lines: list[EventRow] = []
        """The row of each event."""
        self._subject = Subject(SubjectKind.CLAIM, claim_id)
        self._state = before
        self._actor, self._at = actor, at

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(event for _, _, event in self.steps)

    def append(self, drafts: Iterable[Draft]) -> ClaimState:
        """Append at least one event; return the claim after the last."""
        for draft in drafts:
            self._append(draft)
        assert self._state is not None, "the first event makes the claim"
        return self._state

    def _append(self, draft: Draft) -> None:
        before, claim_id = self._state, self._subject.id
        event = Event(before.version + 1 if before else 1, draft.type, self._at, draft.data)
        after = history.apply_event(before, event, claim_id=claim_id)
        columns = writer.build_line(
            self._subject,
            draft,
            number=event.number,
            previous_hash=self.last_hash,
            actor=self._actor,
            at=self._at,
        )
        self.steps.append((before, after, event))
        self.lines.append({**columns, **build_event_columns(after, event)})
        self._state, self.last_hash = after, columns["hash"]


def build_event_columns(state: ClaimState, event: Event) -> EventColumns:
    """Build the columns of an event that no hash covers; `state` is the claim after it."""
    return {
        "story": state.story,
        "said_at": history.read_said_at(event),
        "said_end": history.read_said_end(event),
    }
