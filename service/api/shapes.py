"""What is answered: for the OpenAPI document, which tests hold the answers against.

Answers are rendered by queries and formats, not by these models; this page says what they are.
"""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from service.record import event_views
from service.web.fields import Instant, Out

AsOf = Annotated[Instant | None, Query(description="What the desk knew at this instant")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class AuditEvent(Out):
    seq: int = Field(description="Rises over all events, with gaps")
    id: Uuid
    kind: Literal["person", "key", "webhook", "setting"]
    subject: str = Field(description="The id of the person, key or webhook, or a setting's name")
    number: int = Field(description="1, 2, 3 … of this subject")
    type: str
    recorded_at: Moment
    actor: event_views.ActorView | event_views.RuleView
    data: dict[str, Any] = Field(description="What changed; secrets as digests")
    previous_hash: str
    hash: str


class Listed(Out):
    next_cursor: str | None


class AuditEvents(Listed):
    items: list[AuditEvent]
