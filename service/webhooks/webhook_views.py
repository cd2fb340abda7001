"""The views of webhooks: endpoints, their secrets, deliveries, attempts, and what is posted."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.claims import Kind, Status
from service.domain.uses import UseClass
from service.domain.webhooks import DeliveryState, EndpointState, Format, Ordering
from service.views import Moment, Uuid, view

PreviousUntil = Annotated[list[Moment], Field(description="Until when those before it sign too")]


@view
class HealthView(TypedDict):
    """How an endpoint does."""

    failures_in_a_row: int
    failing_since: Moment | None
    breaker: Annotated[
        Literal["open", "closed"], Field(description="Open: one delivery at a time is tried")
    ]
    blocked_until: Moment | None
    last_success_at: Moment | None
    last_failure_at: Moment | None
    last_error: str | None
    pending: int
    dead: int


@view
class PayloadView(TypedDict):
    """What an endpoint's messages have."""

    quotes: Annotated[bool, Field(description="The words of quotes, of which rights may be held")]


@view
class WebhookView(TypedDict):
    """An endpoint, without its secret."""

    id: Uuid
    format: Format
    url: Annotated[
        str,
        Field(description="With `***` for a broker's user and password, or a Telegram bot's token"),
    ]
    description: str | None
    event_types: list[str]
    story: str | None
    claim: Uuid | None
    parties: list[str]
    status_from: list[Status]
    status_to: list[Status]
    kinds: list[Kind]
    tags: list[str]
    languages: list[str]
    severity: list[UseClass]
    payload: PayloadView
    ordering: Ordering
    state: EndpointState
    state_reason: str | None
    max_in_flight: int
    timeout_s: float
    headers: dict[str, str]
    created_at: Moment
    created_by: str
    updated_at: Moment
    health: HealthView


@view
class NewWebhookView(WebhookView):
    """An endpoint that was just registered."""

    secret: Annotated[str | None, Field(description="Shown once: verify with it what arrives")]


@view
class SecretView(TypedDict):
    """What signs."""

    secret: str
    previous_until: PreviousUntil


@view
class RotationView(TypedDict):
    """The secret that was just made."""

    secret: Annotated[str | None, Field(description="Shown once")]
    previous_until: PreviousUntil


@view
class PreviousSecret(TypedDict):
    """A secret that signs beside the present one until an instant; as stored."""

    secret: str
    until: Moment


@view
class DeliveryView(TypedDict):
    """One message for one endpoint."""

    id: Annotated[Uuid, Field(description="The event's, and what the receiver gets as webhook-id")]
    webhook: Uuid
    type: str
    claim: Uuid | None
    position: Annotated[
        int, Field(description="The event's number in the claim's record; 0: a ping")
    ]
    state: DeliveryState
    in_flight: bool
    replay: bool
    attempts: int
    next_attempt_at: Moment | None
    last_status: int | None
    last_error: str | None
    created_at: Moment
    settled_at: Moment | None


@view
class AttemptView(TypedDict):
    """One attempt at a delivery, and what was answered."""

    number: int
    url: str
    started_at: Moment
    seconds: float
    outcome: Literal["delivered", "failed", "lost"]
    status: int | None
    error: str | None
    response_headers: dict[str, str]
    response_body: str


@view
class DeliveryWithAttemptsView(DeliveryView):
    """A delivery with its body and every attempt, oldest first."""

    body: Annotated[str, Field(description="The bytes that are sent, as text")]
    attempt_log: list[AttemptView]


@view
class RecoveryView(TypedDict):
    """What a recovery sends again."""

    recovered: Annotated[int, Field(description="How many deliveries are sent again")]


class MessageView(TypedDict):
    """What is posted: Standard Webhooks 1.0. Receivers must accept fields that they do not know."""

    type: str
    timestamp: Annotated[Moment, Field(description="When the event was recorded")]
    data: Mapping[str, object]


PingView = TypedDict(
    "PingView",
    {"webhook": Uuid, "from": Annotated[str, Field(description="How this service is reached")]},
)
PingView.__doc__ = "Somebody tries the webhook."


class EndpointHealthView(TypedDict):
    """What is said of an endpoint when it begins to fail, is disabled, or is well again."""

    webhook: Uuid
    address: Annotated[str, Field(description="With `***` for what it keeps secret")]
    description: str | None
    format: Format
    failures: Annotated[int, Field(description="In a row")]
    failing_since: Moment | None
    last_event: Annotated[str, Field(description="The type of the event that was last tried")]
    error: str | None
    url: Annotated[str, Field(description="Its page at the desk")]


class WebhookFailingView(EndpointHealthView):
    """A webhook fails again and again: its circuit breaker is open."""


class WebhookDisabledView(EndpointHealthView):
    """A webhook was disabled: nothing more is sent to it until somebody activates it."""


class WebhookRecoveredView(EndpointHealthView):
    """A webhook that failed again and again is well again."""


def describe_filters(webhook: WebhookView, *, name_claim: bool = True) -> str:
    """Say in words which events an endpoint gets."""
    parts = [", ".join(webhook["event_types"]) or "every event"]
    if webhook["story"]:
        parts.append(f"of the story {webhook['story']}")
    if webhook["claim"]:
        parts.append(f"of the claim {webhook['claim']}" if name_claim else "of one claim")
    if webhook["parties"]:
        parts.append(f"where {' or '.join(webhook['parties'])} speaks")
    return " ".join([*parts, *list_narrowings(webhook)])


def list_narrowings(webhook: WebhookView) -> list[str]:
    """Say in words what else narrows an endpoint, and what its messages leave out."""
    parts: list[str] = []
    for words, narrowing in (
        ("from the status {}", webhook["status_from"]),
        ("to the status {}", webhook["status_to"]),
        ("of the kind {}", webhook["kinds"]),
        ("with the tag {}", webhook["tags"]),
        ("printed in the language {}", webhook["languages"]),
        ("that asks for a {}", webhook["severity"]),
    ):
        if narrowing:
            parts.append(words.format(" or ".join(entry.replace("_", " ") for entry in narrowing)))
    if not webhook["payload"]["quotes"]:
        parts.append("without quotes")
    return parts
