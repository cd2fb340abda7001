"""Requests to correct: anybody may ask, and the desk answers with a decision and a sentence.

What strangers write is no part of the record.  An answer is, where the asker wants it public and
the desk agrees: it is shown on the claim's page.
"""

from datetime import datetime
from enum import StrEnum

from service.domain.claims import format_instant
from service.domain.history import Draft

ANSWERED = "correction_request.answered"
"""The type of event of a public answer."""


class RequestOutcome(StrEnum):
    """What the desk decided about a request to correct."""

    CORRECTED = "corrected"
    NOT_CORRECTED = "not_corrected"


def draft_public_answer(
    request_id: str, *, outcome: RequestOutcome, answer: str, received_at: datetime
) -> Draft:
    """Draft the answer to a request, for everybody to read."""
    data = {
        "request": request_id,
        "received_at": format_instant(received_at),
        "outcome": outcome.value,
        "answer": answer,
    }
    return Draft(ANSWERED, data)
