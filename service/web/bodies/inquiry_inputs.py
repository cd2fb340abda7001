"""What is sent of requests for comment."""

from typing import cast

from pydantic import Field

from service.claims.inquiry_commands import NewInquiry
from service.domain.claims import to_utc
from service.domain.inquiries import InquiryOutcome
from service.domain.inquiry_drafts import InquiryChange
from service.field_types import FullName, In, Reason, Slug, Title
from service.web.fields import LEFT_OUT, Instant, read_sent_fields, show_example


class InquiryIn(In):
    """Whom the desk asked for comment: a party, somebody in the desk's own words, or both."""

    party: Slug | None = None
    whom: FullName | None = Field(None, description="Whom exactly; for the desk only")
    way: Title = Field(description="By which way: e-mail, telephone …; for the desk only")
    asked_at: Instant | None = Field(None, description="Left out: now")
    until: Instant = Field(description="The deadline that they were given")
    note: Reason | None = Field(None, description="For the desk only")

    model_config = show_example(
        {
            "party": "belgrade",
            "whom": "the ministry's press office",
            "way": "e-mail",
            "until": "2023-10-03T16:00:00Z",
        }
    )

    def to_command(self) -> NewInquiry:
        return {
            "party": self.party,
            "whom": self.whom,
            "way": self.way,
            "asked_at": None if self.asked_at is None else to_utc(self.asked_at),
            "until": to_utc(self.until),
            "note": self.note,
        }


class InquiryChangeIn(In):
    """What came of a request, or what was wrong in it; what is left out stays."""

    whom: FullName | None = None
    way: Title = LEFT_OUT
    asked_at: Instant = LEFT_OUT
    until: Instant = LEFT_OUT
    outcome: InquiryOutcome | None = Field(None, description="Null: it is open again")
    note: Reason | None = None

    model_config = show_example({"outcome": "answered", "note": "They sent the minutes."})

    def to_command(self) -> InquiryChange:
        sent_fields = read_sent_fields(self)
        for name in ("asked_at", "until"):
            if name in sent_fields:
                sent_fields[name] = to_utc(getattr(self, name))
        return cast(InquiryChange, sent_fields)
