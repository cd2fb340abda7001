"""The `webhooks` section of the OpenAPI document: what receivers get, with an example of each."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from typing_extensions import TypedDict, get_type_hints

from service.claims.webhook_body_views import BODY_VIEWS, AboutView
from service.domain.webhooks import EventType
from service.webhooks.webhook_views import MessageView, PingView

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

EXAMPLE_DATA: dict[EventType, dict[str, object]] = {
    EventType.CLAIM_CREATED: {
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
    EventType.CLAIM_STATUS_CHANGED: {
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
    EventType.CLAIM_AMENDED: {"changes": {"tags": ["troops"]}, "revision": 1, "print_line": LINE},
    EventType.FINDING_CHANGED: {
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
    EventType.CLAIM_MERGED: {"into": "01970000-0000-7000-8000-000000000005"},
    EventType.CLAIM_WITHDRAWN: {
        "reason": "The ministry corrected itself",
        "said_at": "2023-10-04T00:00:00Z",
        "precision": "day",
        "source": "01970000-0000-7000-8000-000000000007",
        "status": "awaiting_confirmation",
        "print_line": f"{LINE} The claimant has withdrawn it.",
    },
    EventType.LINK_CREATED: {"link": LINK, "print_line": LINE},
    EventType.LINK_RETRACTED: {"link": LINK, "reason": "Linked by mistake", "print_line": LINE},
    EventType.STATEMENT_WITHDRAWN: {
        "statement": LINK["statement"],
        "reason": "The spokesman corrected himself",
        "said_at": None,
        "precision": None,
        "source": None,
        "links": [LINK],
        "print_line": LINE,
    },
    EventType.DECISION_PROPOSED: {
        "decision": DECISION,
        "kind": "status",
        "status": "awaiting_confirmation",
        "to": "confirmed",
        "reason": "KFOR saw it",
        "cites": [],
        "override": None,
        "proposed_by": "Ana",
    },
    EventType.DECISION_REJECTED: {
        "decision": DECISION,
        "status": "awaiting_confirmation",
        "comment": "The photograph is from September.",
    },
    EventType.PING: {
        "webhook": "01970000-0000-7000-8000-000000000006",
        "from": "https://claimdesk.example.org",
    },
}

"""What each example adds to what every event about a claim says."""

build_typed_dict: Any = TypedDict
"""For names and fields that are known when the service runs only."""
router = APIRouter(tags=["webhook events"])


def build_name(kind: EventType) -> str:
    """Build the name of this type's body in the document."""
    return f"Webhook{''.join(part.title() for part in kind.replace('_', '.').split('.'))}"


def summarize(kind: EventType) -> str:
    """Say what happened when an event of this type is sent."""
    view = PingView if kind is EventType.PING else BODY_VIEWS[kind]
    return (view.__doc__ or "").rstrip(".")


def build_body_view(kind: EventType) -> Any:
    """Build the view of this type's body: the envelope with the type's data."""
    name = build_name(kind)
    fields = get_type_hints(PingView, include_extras=True)
    if kind is not EventType.PING:
        fields = get_type_hints(AboutView, include_extras=True)
        fields |= get_type_hints(BODY_VIEWS[kind], include_extras=True)
    envelope = get_type_hints(MessageView, include_extras=True)
    envelope |= {"type": Literal[kind.value], "data": build_typed_dict(f"{name}Data", fields)}
    view = build_typed_dict(name, envelope)
    view.__doc__ = f"{summarize(kind)}."
    return view


def _build_example(kind: EventType) -> dict[str, object]:
    moment = "2023-10-03T18:00:00Z"
    data = EXAMPLE_DATA[kind]
    if kind is not EventType.PING:
        by = "Ana" if kind is not EventType.CLAIM_STATUS_CHANGED else None
        data = {"claim": CLAIM, "version": 3, "by": by, "occurred_at": moment, **data}
    return {"type": kind.value, "timestamp": moment, "data": data}


EXAMPLES = {build_name(kind): _build_example(kind) for kind in EventType}
"""An example of each body by its name in the document."""


def _build_receiver(view: Any) -> Callable[..., Any]:
    """Build the handler by which FastAPI documents what a receiver gets."""

    async def receive(
        body: view,
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

    return receive


for _kind in EventType:
    router.post(
        _kind.value,
        summary=summarize(_kind),
        operation_id=f"receive_{_kind.replace('.', '_')}",
        status_code=204,
        response_description="Taken",
    )(_build_receiver(build_body_view(_kind)))
