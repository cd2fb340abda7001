"""What is answered of webhooks; for the OpenAPI document."""

from typing import Literal

from pydantic import Field

from service.api.shapes import Listed, Moment, Uuid
from service.domain.webhooks import DeliveryState, EndpointState, Ordering
from service.web.fields import Out


class Health(Out):
    failures_in_a_row: int
    failing_since: Moment | None
    breaker: Literal["open", "closed"] = Field(description="Open: one delivery at a time is tried")
    blocked_until: Moment | None
    last_success_at: Moment | None
    last_failure_at: Moment | None
    last_error: str | None
    pending: int
    dead: int


class WebhookOut(Out):
    id: Uuid
    url: str
    description: str | None
    event_types: list[str]
    story: str | None
    claim: Uuid | None
    parties: list[str]
    ordering: Ordering
    state: EndpointState
    state_reason: str | None
    max_in_flight: int
    timeout_s: float
    headers: dict[str, str]
    created_at: Moment
    created_by: str
    updated_at: Moment
    health: Health


class NewWebhookOut(WebhookOut):
    secret: str | None = Field(description="Shown once: verify with it what arrives")


class SecretOut(Out):
    secret: str
    previous_until: list[Moment] = Field(description="Until when those before it sign too")


class RotationOut(Out):
    secret: str | None = Field(description="Shown once")
    previous_until: list[Moment] = Field(description="Until when those before it sign too")


class DeliveryOut(Out):
    id: Uuid = Field(description="The event's, and what the receiver gets as webhook-id")
    webhook: Uuid
    type: str
    claim: Uuid | None
    position: int = Field(description="The event's number in the claim's record; 0: a ping")
    state: DeliveryState
    in_flight: bool
    replay: bool
    attempts: int
    next_attempt_at: Moment | None
    last_status: int | None
    last_error: str | None
    created_at: Moment
    settled_at: Moment | None


class AttemptOut(Out):
    number: int
    url: str
    started_at: Moment
    seconds: float
    outcome: Literal["delivered", "failed", "lost"]
    status: int | None
    error: str | None
    response_headers: dict[str, str]
    response_body: str


class DeliveryWithAttempts(DeliveryOut):
    body: str = Field(description="The bytes that are sent, as text")
    attempt_log: list[AttemptOut]


class Webhooks(Listed):
    items: list[WebhookOut]


class Deliveries(Listed):
    items: list[DeliveryOut]


class RecoveryOut(Out):
    recovered: int = Field(description="How many deliveries are sent again")
