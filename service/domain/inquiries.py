"""Requests for comment: whom the desk asked, until when, and what came of it.

A request stands beside the evidence and counts for nothing in it.  `inquiry_steps` has what its
events do to a claim, `inquiry_drafts` what may happen to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.domain.voices import Voice


class InquiryOutcome(StrEnum):
    """What came of a request for comment."""

    ANSWERED = "answered"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request for comment on a claim."""

    id: str
    voice: Voice | None
    """The party that was asked; None where the desk names nobody but in its own words."""
    whom: str | None
    """Whom exactly, in the desk's own words."""
    way: str
    asked_at: datetime
    until: datetime
    outcome: InquiryOutcome | None = None
    note: str | None = None
    lapsed: bool = False
    """The deadline passed without an outcome."""

    @property
    def is_unanswered(self) -> bool:
        """Whether nobody answered in time."""
        return self.lapsed if self.outcome is None else self.outcome is InquiryOutcome.NO_ANSWER

    @property
    def due_at(self) -> datetime | None:
        """When the deadline passes, as long as it has not and nothing has come of the request."""
        return self.until if self.outcome is None and not self.lapsed else None


def list_silent_voices(inquiries: Iterable[Inquiry]) -> list[Voice]:
    """List the parties that did not answer, each once."""
    return [voice for voice, inquiry in _list_last_requests(inquiries) if inquiry.is_unanswered]


def list_declining_voices(inquiries: Iterable[Inquiry]) -> list[Voice]:
    """List the parties that declined to comment, each once."""
    return [
        voice
        for voice, inquiry in _list_last_requests(inquiries)
        if inquiry.outcome is InquiryOutcome.DECLINED
    ]


def print_alike(before: Iterable[Inquiry], after: Iterable[Inquiry]) -> bool:
    """Say whether the print line has the same of both."""
    former_inquiries, later = list(before), list(after)
    return all(
        {voice.party for voice in list_voices(former_inquiries)}
        == {voice.party for voice in list_voices(later)}
        for list_voices in (list_silent_voices, list_declining_voices)
    )


def _list_last_requests(inquiries: Iterable[Inquiry]) -> list[tuple[Voice, Inquiry]]:
    """List the request that each party got last, which decides: who is asked again is not silent
    meanwhile."""
    last = {
        inquiry.voice.party: (inquiry.voice, inquiry)
        for inquiry in sorted(inquiries, key=lambda inquiry: inquiry.asked_at)
        if inquiry.voice is not None
    }
    return list(last.values())
