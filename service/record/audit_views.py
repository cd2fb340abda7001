"""The view of an audit event: what was done to an account, a key, a webhook or a setting."""

from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from service.record.event_views import ActorView, RuleView
from service.views import Moment, Uuid, view


@view
class AuditEventView(TypedDict):
    """An event of an account, a key, a webhook or a setting."""

    seq: Annotated[int, Field(description="Rises over all events, with gaps")]
    id: Uuid
    kind: Literal["person", "key", "webhook", "setting"]
    subject: Annotated[
        str, Field(description="The id of the person, key or webhook, or a setting's name")
    ]
    number: Annotated[int, Field(description="1, 2, 3 … of this subject")]
    type: str
    recorded_at: Moment
    actor: ActorView | RuleView
    data: Annotated[dict[str, Any], Field(description="What changed; secrets as digests")]
    previous_hash: str
    hash: str
