"""What receivers get: the `webhooks` section of the OpenAPI document.

`claims/webhook_bodies.py` renders these; a test holds what it renders against what is said here.
"""

from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field, create_model

from service.claims.claim_views import ClaimantView, SpeakerNameView
from service.domain.claims import (
    Basis,
    Cause,
    DecisionKind,
    Finding,
    Kind,
    Precision,
    Scope,
    Stance,
    Status,
)
from service.domain.webhooks import EventType
from service.views import Moment, Uuid

T = TypeVar("T", bound=BaseModel)


class Sent(BaseModel):
    """What is sent to others: they are to take what they know of it, for more may be added."""


class ToldClaim(Sent):
    id: Uuid
    text: str
    claimant: ClaimantView | None
    url: str


class ToldLink(Sent):
    """A linked statement in brief."""

    link: Uuid
    statement: Uuid
    party: str
    party_name: str
    root: str
    speaker: SpeakerNameView | None
    stance: Stance
    scope: Scope
    conditional: bool
    basis: Basis
    said_at: Moment
    precision: Precision
    quote: str = Field(description="Up to 500 characters of its first rendering")


class ToldOverride(Sent):
    code: str
    note: str


class ToldChanges(Sent):
    """What was amended; only what differs is there."""

    text: str | None = None
    tags: list[str] | None = None
    finding: Finding | None = None
    material: bool | None = None


class About(Sent):
    """What every event about a claim says."""

    claim: ToldClaim
    version: int = Field(description="The claim's version that this event made: its ETag")
    by: str | None = Field(description="Who acted; null: a rule")
    occurred_at: Moment


class Created(About):
    kind: Kind
    status: Status
    claimed_at: Moment
    precision: Precision
    story: str | None
    tags: list[str]
    part_of: Uuid | None
    print_line: str


class StatusChanged(About):
    previous_status: Status
    status: Status
    reason: str
    cause: Cause
    cites: list[ToldLink]
    override: ToldOverride | None
    decided_by: str | None
    approved_by: str | None
    sequence: int = Field(description="1, 2, 3 … for each claim, without gaps")
    print_line: str


class Amended(About):
    changes: ToldChanges
    revision: int
    print_line: str


class FindingChanged(About):
    previous: Finding | None
    finding: Finding | None = Field(description="null: nothing is found any more")
    reason: str
    cites: list[ToldLink]
    status: Status
    decided_by: str | None
    approved_by: str | None
    print_line: str


class Merged(About):
    into: Uuid = Field(description="The claim that took its place")


class WithdrawnWhen(About):
    said_at: Moment | None = Field(None, description="When the world heard of it")
    precision: Precision | None = None
    source: Uuid | None = Field(None, description="Where it was read")


class Withdrawn(WithdrawnWhen):
    reason: str
    status: Status
    print_line: str


class Linked(About):
    link: ToldLink
    print_line: str


class Retracted(Linked):
    reason: str


class StatementWithdrawn(WithdrawnWhen):
    statement: Uuid
    reason: str
    links: list[ToldLink]
    print_line: str


class Proposed(About):
    decision: Uuid
    kind: DecisionKind = Field(description="What it changes once it is approved")
    status: Status
    to: Status
    reason: str
    cites: list[ToldLink]
    override: ToldOverride | None
    proposed_by: str


class Rejected(About):
    decision: Uuid
    status: Status
    comment: str


class Ping(Sent):
    webhook: Uuid
    from_: str = Field(alias="from", description="How this service is reached")


class Told(Sent, Generic[T]):
    """Standard Webhooks 1.0."""

    type: str
    timestamp: Moment = Field(description="When the event was recorded")
    data: T


CLAIM = {
    "id": "01970000-0000-7000-8000-000000000001",
    "text": "Serbia has returned the operating regime of its units along the administrative line "
    "with Kosovo to normal",
    "claimant": {
        "party": "belgrade",
        "name": "Belgrade",
        "speaker": {
            "name": "Gen. Milan Mojsilović",
            "role": "chief of staff of the Serbian army",
        },
    },
    "url": "https://claimdesk.example.org/claims/01970000-0000-7000-8000-000000000001",
}
LINK = {
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

# Each type: what its data is, what it tells, and an example of what it adds to `About`.
EVENTS: dict[EventType, tuple[type[BaseModel], str, dict[str, Any]]] = {
    EventType.CLAIM_CREATED: (
        Created,
        "A claim was recorded",
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
    EventType.CLAIM_STATUS_CHANGED: (
        StatusChanged,
        "A claim's status changed",
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
    EventType.CLAIM_AMENDED: (
        Amended,
        "A claim's text or tags changed",
        {"changes": {"tags": ["troops"]}, "revision": 1, "print_line": LINE},
    ),
    EventType.FINDING_CHANGED: (
        FindingChanged,
        "What the desk concludes beyond the status changed",
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
    EventType.CLAIM_MERGED: (
        Merged,
        "A claim was merged into another",
        {"into": "01970000-0000-7000-8000-000000000005"},
    ),
    EventType.CLAIM_WITHDRAWN: (
        Withdrawn,
        "The claimant took a claim back",
        {
            "reason": "The ministry corrected itself",
            "said_at": "2023-10-04T00:00:00Z",
            "precision": "day",
            "source": "01970000-0000-7000-8000-000000000007",
            "status": "awaiting_confirmation",
            "print_line": f"{LINE} The claimant has withdrawn it.",
        },
    ),
    EventType.LINK_CREATED: (
        Linked,
        "A statement was linked to a claim",
        {"link": LINK, "print_line": LINE},
    ),
    EventType.LINK_RETRACTED: (
        Retracted,
        "A link was retracted",
        {"link": LINK, "reason": "Linked by mistake", "print_line": LINE},
    ),
    EventType.STATEMENT_WITHDRAWN: (
        StatementWithdrawn,
        "A statement linked to a claim was withdrawn",
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
    EventType.DECISION_PROPOSED: (
        Proposed,
        "A decision waits for a second person",
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
    EventType.DECISION_REJECTED: (
        Rejected,
        "A second person rejected a decision",
        {
            "decision": DECISION,
            "status": "awaiting_confirmation",
            "comment": "The photograph is from September.",
        },
    ),
    EventType.PING: (
        Ping,
        "Somebody tries the webhook",
        {
            "webhook": "01970000-0000-7000-8000-000000000006",
            "from": "https://claimdesk.example.org",
        },
    ),
}

router = APIRouter(tags=["webhook events"])


def name(kind: EventType) -> str:
    """What the document calls the body of this type."""
    return f"Webhook{''.join(part.title() for part in kind.replace('_', '.').split('.'))}"


def body(kind: EventType) -> type[BaseModel]:
    """What is sent of this type."""
    data, told, _ = EVENTS[kind]
    only: Any = Literal[kind.value]
    return create_model(
        name(kind),
        __base__=Told[data],  # type: ignore[valid-type]
        __doc__=f"{told}.",
        type=(only, ...),
    )


def _example(kind: EventType) -> dict[str, Any]:
    moment = "2023-10-03T18:00:00Z"
    ping = kind is EventType.PING
    by = "Ana" if kind is not EventType.CLAIM_STATUS_CHANGED else None
    about = {} if ping else {"claim": CLAIM, "version": 3, "by": by, "occurred_at": moment}
    return {"type": kind.value, "timestamp": moment, "data": {**about, **EVENTS[kind][2]}}


EXAMPLES = {name(kind): _example(kind) for kind in EventType}
"""An example of each body by its name in the document, which would lose the nulls of a model's."""


def _tell(kind: EventType) -> None:
    shape = body(kind)

    async def receive(
        told: shape,  # type: ignore[valid-type]
        webhook_id: Annotated[
            str, Header(description="The event's id: the same on every retry and replay")
        ],
        webhook_timestamp: Annotated[str, Header(description="Unix seconds of this attempt")],
        webhook_signature: Annotated[
            str,
            Header(
                description="`v1,<base64 HMAC-SHA256>` of `id.timestamp.body`; several in "
                "the overlap of a rotation, separated by spaces"
            ),
        ],
    ) -> None:
        """Answer with any 2xx within the time limit. Everything else is tried again for three days;
        410 disables the webhook."""

    router.post(
        kind.value,
        summary=EVENTS[kind][1],
        operation_id=f"receive_{kind.replace('.', '_')}",
        status_code=204,
        response_description="Taken",
    )(receive)


for _kind in EventType:
    _tell(_kind)
