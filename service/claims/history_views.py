"""How changes of a claim's status and findings are served."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.claim_views import ImportedView
from service.claims.decision_views import OverrideView, SetAsideView
from service.domain.claims import Cause, Finding, Status
from service.views import Moment, Uuid, view


@view
class ImportedStatusView(ImportedView):
    """The judgement of others that an import brought."""

    finding: Finding | None


@view
class StatusChangeView(TypedDict):
    """A change of a claim's status, and on what it rests."""

    claim: Uuid
    version: int
    previous_status: Status
    status: Status
    reason: str
    cause: Cause
    cites: list[Uuid]
    set_aside: list[SetAsideView]
    override: OverrideView | None
    decision: Uuid | None
    decided_by: str | None
    approved_by: str | None
    approval_note: str | None
    sequence: int
    occurred_at: Moment
    imported: NotRequired[
        Annotated[ImportedStatusView, Field(description="With the cause import only")]
    ]


@view
class FindingChangeView(TypedDict):
    """A finding that the desk came to, or took back."""

    claim: Uuid
    version: int
    previous: Finding | None
    finding: Finding | None
    reason: str
    cites: list[Uuid]
    decision: Uuid | None
    decided_by: str | None
    approved_by: str | None
    approval_note: str | None
    occurred_at: Moment
