"""How requests for comment are served."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.claims import format_instant
from service.domain.inquiries import Inquiry, InquiryOutcome
from service.views import Moment, Uuid, view


@view
class InquiryView(TypedDict):
    """A request for comment: whom the desk asked, until when, and what came of it."""

    id: Uuid
    claim: Uuid
    party: Annotated[str | None, Field(description="Null: the desk names nobody but in words")]
    name: Annotated[str | None, Field(description="The party's")]
    asked_at: Moment
    until: Moment
    outcome: InquiryOutcome | None
    unanswered: Annotated[
        bool, Field(description="The deadline has passed and nobody answered: this is printed")
    ]
    whom: Annotated[str | None, Field(description="Whom exactly; for the desk only")]
    way: Annotated[str | None, Field(description="By which way; for the desk only, else null")]
    note: Annotated[str | None, Field(description="For the desk only")]


def build_inquiry(claim: str, inquiry: Inquiry) -> InquiryView:
    """Build the view of a request, as the desk may read it."""
    voice = inquiry.voice
    return {
        "id": inquiry.id,
        "claim": claim,
        "party": voice.party if voice else None,
        "name": voice.name if voice else None,
        "asked_at": format_instant(inquiry.asked_at),
        "until": format_instant(inquiry.until),
        "outcome": inquiry.outcome,
        "unanswered": inquiry.is_unanswered,
        "whom": inquiry.whom,
        "way": inquiry.way,
        "note": inquiry.note,
    }


def build_inquiries(claim: str, inquiries: Iterable[Inquiry]) -> list[InquiryView]:
    return [build_inquiry(claim, inquiry) for inquiry in inquiries]
