"""An example of what receivers get for each type of event about a claim, with its view."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.claims.webhook_body_views import (
    AmendedView,
    ClaimCorrectedView,
    CreatedView,
    FindingChangedView,
    HeldView,
    HoldEndedView,
    LinkedView,
    MergedView,
    ProposedView,
    RejectedView,
    RestoredView,
    RetractedView,
    SeparatedView,
    StatementCorrectedView,
    StatementWithdrawnView,
    StatusChangedView,
    UseOutdatedView,
    VoidedView,
    WithdrawnView,
)
from service.domain.print_line import HOLD_LINE, VOID_LINE
from service.domain.webhooks import EventType
from service.webhooks.webhook_views import (
    PingView,
    WebhookDisabledView,
    WebhookFailingView,
    WebhookRecoveredView,
)


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
    EventType.CLAIM_CORRECTED: Body(
        ClaimCorrectedView,
        {
            "before": {"kind": "event"},
            "after": {"kind": "figure"},
            "reason": "It says how many",
            "status": "awaiting_confirmation",
            "print_line": "Claimed by Belgrade (2 October 2023). Awaiting confirmation.",
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
    EventType.USE_OUTDATED: Body(
        UseOutdatedView,
        {
            "class": "kill",
            "uses": [
                {
                    "id": "01970000-0000-7000-8000-000000000008",
                    "url": "https://example.org/2023/10/03/kosovo",
                    "where": None,
                    "title": "Belgrade: units are back to normal",
                    "published_at": "2023-10-03T18:00:00Z",
                    "language": "en",
                    "version": 4,
                    "status": "confirmed",
                    "print_line": "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). "
                    "Independently confirmed by NATO.",
                    "class": "kill",
                }
            ],
            "count": 1,
            "status": "awaiting_confirmation",
            "print_line": LINE,
        },
    ),
    EventType.LINK_CREATED: Body(LinkedView, {"link": LINK, "print_line": LINE}),
    EventType.LINK_RETRACTED: Body(
        RetractedView, {"link": LINK, "reason": "Linked by mistake", "print_line": LINE}
    ),
    EventType.STATEMENT_CORRECTED: Body(
        StatementCorrectedView,
        {
            "before": {"basis": "unstated"},
            "after": {"basis": "documents"},
            "reason": "The report is attached",
            "status": "awaiting_confirmation",
            "print_line": "Claimed by Belgrade (2 October 2023). Awaiting confirmation.",
            "statement": "01970000-0000-7000-8000-000000000003",
            "material": False,
            "links": [LINK],
        },
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


FAILING: Mapping[str, object] = {
    "webhook": "01970000-0000-7000-8000-000000000006",
    "address": "https://cms.example.org/hook",
    "description": "The CMS",
    "format": "standard",
    "failures": 5,
    "failing_since": "2023-10-03T17:59:00Z",
    "last_event": "claim.status_changed",
    "error": "the receiver answered 503",
    "url": "https://claimdesk.example.org/admin/webhooks/01970000-0000-7000-8000-000000000006",
}
SERVICE_BODIES: dict[EventType, Body] = {
    EventType.WEBHOOK_FAILING: Body(WebhookFailingView, FAILING),
    EventType.WEBHOOK_DISABLED: Body(
        WebhookDisabledView, {**FAILING, "failures": 31, "error": "the receiver answered 410"}
    ),
    EventType.WEBHOOK_RECOVERED: Body(
        WebhookRecoveredView, {**FAILING, "failures": 0, "failing_since": None}
    ),
    EventType.PING: Body(
        PingView,
        {
            "webhook": "01970000-0000-7000-8000-000000000006",
            "from": "https://claimdesk.example.org",
        },
    ),
}
"""What is told of the service and its webhooks, and of no claim."""


def summarize(kind: EventType) -> str:
    """Say what happened when an event of this type is sent."""
    return (find_body(kind).view.__doc__ or "").rstrip(".")


def find_body(kind: EventType) -> Body:
    return SERVICE_BODIES.get(kind) or BODIES[kind]
