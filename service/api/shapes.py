"""What is answered: for the OpenAPI document, which tests hold the answers against.

Answers are rendered by queries and formats, not by these models; this page says what they are.
"""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field

from service.domain.access import Role
from service.record import event_views
from service.web.fields import Instant, Out

AsOf = Annotated[Instant | None, Query(description="What the desk knew at this instant")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class PartyOut(Out):
    slug: str
    name: str
    full_name: str | None
    kind: str | None
    country: str | None
    parent: str | None
    root: str
    created_at: Moment
    updated_at: Moment


class SpeakerOut(Out):
    id: Uuid
    name: str
    role: str | None
    party: str
    created_at: Moment


class SourceOut(Out):
    id: Uuid
    url: str
    publisher: str | None
    title: str | None
    published_at: Moment | None
    language: str | None
    archive_url: str | None
    sha256: str | None
    recorded_at: Moment


class Policy(Out):
    four_eyes: bool = Field(description="Whether a second person approves what is printed")


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


class KeyOut(Out):
    id: str
    name: str
    role: Role
    user: Uuid | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


class NewKeyOut(Out):
    id: str
    key: str | None = Field(description="Shown once")
    name: str
    role: Role
    expires_at: Moment | None


class UserOut(Out):
    id: Uuid
    email: str
    name: str
    role: Role
    has_password: bool
    created_at: Moment
    disabled_at: Moment | None


class Me(Out):
    id: str
    name: str
    role: Role
    actions: list[str]


class Listed(Out):
    next_cursor: str | None


class AuditEvents(Listed):
    items: list[AuditEvent]


class Parties(Listed):
    items: list[PartyOut]


class Speakers(Listed):
    items: list[SpeakerOut]


class Sources(Listed):
    items: list[SourceOut]


class Keys(Listed):
    items: list[KeyOut]


class Users(Listed):
    items: list[UserOut]


class Events(Out):
    items: list[event_views.TailEventView]
    next_after: int | str = Field(description="Ask on with ?after= this")
