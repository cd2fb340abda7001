"""What is answered of claims that may be the same; see `shapes.py`."""

from pydantic import Field

from service.api.shapes import Claimant, ClaimOut, Listed, Moment, Uuid
from service.domain.claims import Kind, Lifecycle, Precision, Status
from service.web.fields import Out


class SimilarOut(Out):
    """Another claim, and why it may be the same."""

    id: Uuid
    text: str
    kind: Kind
    claimant: Claimant | None
    claimed_at: Moment
    precision: Precision
    status: Status
    lifecycle: Lifecycle
    score: float = Field(ge=0, le=1, description="Two decimals; 1: the same words")
    probably_same: bool
    shares: list[str] = Field(description="What both say, in words")
    differs: list[str] = Field(description="What sets them apart, in words")


class ClaimRecorded(ClaimOut):
    similar: list[SimilarOut] = Field(description="Recorded before, likeliest first")


class ClaimPreview(ClaimRecorded):
    """What would be recorded: nothing is kept, so it has no id."""

    id: None  # type: ignore[assignment]


class Similar(Listed):
    items: list[SimilarOut]
