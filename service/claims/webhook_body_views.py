"""The views of what receivers get for each type of event about a claim; `webhook_examples` has an
example of each.

`webhook_bodies` renders them into the envelope of `service/webhooks/webhook_views.py`. Receivers
must accept fields that they do not know.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.claims.claim_views import ClaimantView, SpeakerNameView
from service.domain.claims import (
    Attribution,
    Basis,
    Cause,
    DecisionKind,
    Finding,
    Kind,
    Lifecycle,
    Precision,
    Scope,
    Stance,
    Status,
)
from service.domain.uses import UseClass
from service.views import Moment, Uuid


class BodyClaimView(TypedDict):
    """The claim that an event is about."""

    id: Uuid
    text: str
    claimant: ClaimantView | None
    url: str


class BodyLinkView(TypedDict):
    """A linked statement in brief."""

    link: Uuid
    statement: Uuid
    party: str | None
    party_name: str | None
    root: Annotated[str | None, Field(description="null: a source that is not named")]
    speaker: SpeakerNameView | None
    stance: Stance
    scope: Scope
    conditional: bool
    basis: Basis
    said_at: Moment
    precision: Precision
    quote: Annotated[str, Field(description="Up to 500 characters of its first rendering")]
    attribution: NotRequired[Literal[Attribution.UNNAMED]]
    description: NotRequired[Annotated[str, Field(description="Of a source that is not named")]]


class BodyOverrideView(TypedDict):
    """Why a decision goes against the guards."""

    code: str
    note: str


class BodyChangesView(TypedDict):
    """What was amended; only what differs is there."""

    text: NotRequired[str | None]
    tags: NotRequired[list[str] | None]
    finding: NotRequired[Finding | None]
    material: NotRequired[bool | None]


class AboutView(TypedDict):
    """What every event about a claim says."""

    claim: BodyClaimView
    version: Annotated[int, Field(description="The claim's version that this event made: its ETag")]
    by: Annotated[str | None, Field(description="Who acted; null: a rule")]
    occurred_at: Moment


class CreatedView(TypedDict):
    """A claim was recorded."""

    kind: Kind
    status: Status
    claimed_at: Moment
    precision: Precision
    story: str | None
    tags: list[str]
    part_of: Uuid | None
    print_line: str


class StatusChangedView(TypedDict):
    """A claim's status changed."""

    previous_status: Status
    status: Status
    reason: str
    cause: Cause
    cites: list[BodyLinkView]
    override: BodyOverrideView | None
    decided_by: str | None
    approved_by: str | None
    sequence: Annotated[int, Field(description="1, 2, 3 … for each claim, without gaps")]
    print_line: str


class AmendedView(TypedDict):
    """A claim's text or tags changed."""

    changes: BodyChangesView
    revision: int
    print_line: str


class FindingChangedView(TypedDict):
    """What the desk concludes beyond the status changed."""

    previous: Finding | None
    finding: Annotated[Finding | None, Field(description="null: nothing is found any more")]
    reason: str
    cites: list[BodyLinkView]
    status: Status
    decided_by: str | None
    approved_by: str | None
    print_line: str


class MergedView(TypedDict):
    """A claim was merged into another."""

    into: Annotated[Uuid, Field(description="The claim that took its place")]


class WithdrawalReadView(TypedDict):
    """When and where a withdrawal was read, as far as that is known."""

    said_at: NotRequired[Annotated[Moment | None, Field(description="When the world heard of it")]]
    precision: NotRequired[Precision | None]
    source: NotRequired[Annotated[Uuid | None, Field(description="Where it was read")]]


class WithdrawnView(WithdrawalReadView):
    """The claimant took a claim back."""

    reason: str
    status: Status
    print_line: str


class LifecycleView(TypedDict):
    """Whether a claim is in force, and if not, why."""

    lifecycle: Lifecycle
    merged_into: NotRequired[
        Annotated[Uuid | None, Field(description="Of a merge: the claim that took its place")]
    ]


class LifecycleChangedView(TypedDict):
    """What every void of a claim and every way back says."""

    before: LifecycleView
    after: LifecycleView
    reason: str
    status: Status
    print_line: str


class VoidedView(LifecycleChangedView):
    """A claim was recorded by mistake: nobody may use it."""


class RestoredView(LifecycleChangedView):
    """A void or a withdrawal of a claim was taken back."""


class SeparatedView(LifecycleChangedView):
    """A merged claim was made a claim of its own again."""


class ClaimCorrectedView(TypedDict):
    """Something of a claim was recorded wrongly."""

    before: dict[str, object]
    after: dict[str, object]
    reason: str
    status: Status
    print_line: str


class StatementCorrectedView(ClaimCorrectedView):
    """A statement that is linked to a claim, or that it comes from, was recorded wrongly."""

    statement: str
    material: bool
    links: list[BodyLinkView]


class HoldChangedView(TypedDict):
    """What a hold and its end say."""

    reason: Annotated[str, Field(description="Why it is, or was, on hold")]
    until: Annotated[Moment | None, Field(description="When it ends by itself; null: it does not")]
    status: Status
    print_line: str


class HeldView(HoldChangedView):
    """A claim is on hold: nobody is to use it while the desk checks."""


class HoldEndedView(HoldChangedView):
    """A claim is no longer on hold."""


BodyUseView = TypedDict(
    "BodyUseView",
    {
        "id": Uuid,
        "url": str | None,
        "where": str | None,
        "title": str | None,
        "published_at": Moment | None,
        "language": str | None,
        "version": int,
        "status": Status,
        "print_line": str,
        "class": UseClass,
    },
)
"""A use of the claim: where it was printed, and what was printed of it."""

UseOutdatedView = TypedDict(
    "UseOutdatedView",
    {
        "class": UseClass,
        "uses": Annotated[list[BodyUseView], Field(description="At most 100, oldest first")],
        "count": Annotated[int, Field(description="How many there are")],
        "status": Status,
        "print_line": str,
    },
)
UseOutdatedView.__doc__ = "What was printed of a claim is outdated."


class LinkedView(TypedDict):
    """A statement was linked to a claim."""

    link: BodyLinkView
    print_line: str


class RetractedView(LinkedView):
    """A link was retracted."""

    reason: str


class StatementWithdrawnView(WithdrawalReadView):
    """A statement linked to a claim was withdrawn."""

    statement: Uuid
    reason: str
    links: list[BodyLinkView]
    print_line: str


class ProposedView(TypedDict):
    """A decision waits for a second person."""

    decision: Uuid
    kind: Annotated[DecisionKind, Field(description="What it changes once it is approved")]
    status: Status
    to: Status
    reason: str
    cites: list[BodyLinkView]
    override: BodyOverrideView | None
    proposed_by: str


class RejectedView(TypedDict):
    """A second person rejected a decision."""

    decision: Uuid
    status: Status
    comment: str
