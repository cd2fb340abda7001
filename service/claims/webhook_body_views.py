"""What receivers get for each type of event about a claim: the views, with an example of each.

`webhook_bodies` renders them into the envelope of `service/webhooks/webhook_views.py`. Receivers
must accept fields that they do not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
from service.domain.print_line import HOLD_LINE, VOID_LINE
from service.domain.webhooks import EventType
from service.views import Moment, Uuid
from service.webhooks.webhook_views import PingView


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


@dataclass(frozen=True, slots=True)
class Body:
    """What a type of event adds to `AboutView`: its view, whose first line says what happened, and
    an example."""

    view: type
    example: Mapping[str, object]


LINK: Mapping[str, object] = {
    "link": "01970000-0000-7000-8000-000000000002",
    "statement": "01970000-0000-7000-8000-000000000003",
    "party": "state-department",
    "party_name": "State Department",
    "root": "washington",
    "speaker": {"name": "Matthew Miller", "role": "State Department spokesman"},
    "stance": "requests_confirmation",
    "scope": "full",
    "conditional": True,
    "basis": "unstated",
    "said_at": "2023-10-02T00:00:00Z",
    "precision": "day",
    "quote": "We are waiting to see confirmation of this. But, if true, it would be a welcome step",
}
LINE = (
    "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). Washington has asked for "
    "confirmation. No independent party has confirmed it."
)
DECISION = "01970000-0000-7000-8000-000000000004"

BODIES: dict[EventType, Body] = {
    EventType.CLAIM_CREATED: Body(
        CreatedView,
        {
            "kind": "event",
            "status": "asserted",
            "claimed_at": "2023-10-02T00:00:00Z",
            "precision": "day",
            "story": "kosovo-border-2023",
            "tags": [],
            "part_of": None,
            "print_line": "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). "
            "No independent party has confirmed it.",
        },
    ),
    EventType.CLAIM_STATUS_CHANGED: Body(
        StatusChangedView,
        {
            "previous_status": "asserted",
            "status": "awaiting_confirmation",
            "reason": "Washington asked for confirmation",
            "cause": "request",
            "cites": [LINK],
            "override": None,
            "decided_by": None,
            "approved_by": None,
            "sequence": 1,
            "print_line": LINE,
        },
    ),
    EventType.CLAIM_AMENDED: Body(
        AmendedView, {"changes": {"tags": ["troops"]}, "revision": 1, "print_line": LINE}
    ),
    EventType.FINDING_CHANGED: Body(
        FindingChangedView,
        {
            "previous": None,
            "finding": "refuted",
            "reason": "KFOR's own count contradicts it",
            "cites": [],
            "status": "disputed",
            "decided_by": "Ana",
            "approved_by": "Boris",
            "print_line": "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). Disputed "
            "by NATO. No independent party has confirmed it. The desk found it refuted.",
        },
    ),
    EventType.CLAIM_MERGED: Body(MergedView, {"into": "01970000-0000-7000-8000-000000000005"}),
    EventType.CLAIM_WITHDRAWN: Body(
        WithdrawnView,
        {
            "reason": "The ministry corrected itself",
            "said_at": "2023-10-04T00:00:00Z",
            "precision": "day",
            "source": "01970000-0000-7000-8000-000000000007",
            "status": "awaiting_confirmation",
            "print_line": f"{LINE} The claimant has withdrawn it.",
        },
    ),
    EventType.CLAIM_VOIDED: Body(
        VoidedView,
        {
            "before": {"lifecycle": "active"},
            "after": {"lifecycle": "void"},
            "reason": "Recorded from a parody account",
            "status": "awaiting_confirmation",
            "print_line": VOID_LINE,
        },
    ),
    EventType.CLAIM_RESTORED: Body(
        RestoredView,
        {
            "before": {"lifecycle": "void"},
            "after": {"lifecycle": "active"},
            "reason": "The account was the ministry's own",
            "status": "awaiting_confirmation",
            "print_line": LINE,
        },
    ),
    EventType.CLAIM_SEPARATED: Body(
        SeparatedView,
        {
            "before": {
                "lifecycle": "merged",
                "merged_into": "01970000-0000-7000-8000-000000000005",
            },
            "after": {"lifecycle": "active", "merged_into": None},
            "reason": "They speak of two days",
            "status": "awaiting_confirmation",
            "print_line": LINE,
        },
    ),
    EventType.HOLD_PLACED: Body(
        HeldView,
        {
            "reason": "The ministry has announced a correction",
            "until": "2023-10-03T18:00:00Z",
            "status": "awaiting_confirmation",
            "print_line": f"{HOLD_LINE} {LINE}",
        },
    ),
    EventType.HOLD_ENDED: Body(
        HoldEndedView,
        {
            "reason": "The ministry has announced a correction",
            "until": "2023-10-03T18:00:00Z",
            "status": "awaiting_confirmation",
            "print_line": LINE,
        },
    ),
    EventType.LINK_CREATED: Body(LinkedView, {"link": LINK, "print_line": LINE}),
    EventType.LINK_RETRACTED: Body(
        RetractedView, {"link": LINK, "reason": "Linked by mistake", "print_line": LINE}
    ),
    EventType.STATEMENT_WITHDRAWN: Body(
        StatementWithdrawnView,
        {
            "statement": LINK["statement"],
            "reason": "The spokesman corrected himself",
            "said_at": None,
            "precision": None,
            "source": None,
            "links": [LINK],
            "print_line": LINE,
        },
    ),
    EventType.DECISION_PROPOSED: Body(
        ProposedView,
        {
            "decision": DECISION,
            "kind": "status",
            "status": "awaiting_confirmation",
            "to": "confirmed",
            "reason": "KFOR saw it",
            "cites": [],
            "override": None,
            "proposed_by": "Ana",
        },
    ),
    EventType.DECISION_REJECTED: Body(
        RejectedView,
        {
            "decision": DECISION,
            "status": "awaiting_confirmation",
            "comment": "The photograph is from September.",
        },
    ),
}
"""All that outsiders may be told of a claim; `webhook_bodies` renders it."""


def summarize(kind: EventType) -> str:
    """Say what happened when an event of this type is sent."""
    view = PingView if kind is EventType.PING else BODIES[kind].view
    return (view.__doc__ or "").rstrip(".")
