"""How events are served: who acted, what changed, and the hashes that prove it."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.history import EVENT_TYPES
from service.views import Moment, Uuid, view


@view
class PersonView(TypedDict):
    """A person or a key, with the name it had."""

    id: str
    name: str


@view
class ActorView(TypedDict):
    """Who acted, and by what means; events of before this was kept have `id` and `name` alone."""

    id: str
    name: str
    means: NotRequired[Literal["session", "key", "console", "import"]]
    key: NotRequired[PersonView]
    made_by: NotRequired[
        Annotated[
            list[str],
            Field(
                description="The ids of whoever made the key, or the sign-in link or password that "
                "began the session, where that was neither its owner nor the command line"
            ),
        ]
    ]


@view
class RuleView(TypedDict):
    """A rule that acted by itself."""

    rule: str


class EventContent(TypedDict):
    """What is served of an event, but for its number."""

    type: Literal[EVENT_TYPES]  # type: ignore[valid-type]
    recorded_at: Moment
    actor: ActorView | RuleView | None
    data: Annotated[dict[str, Any] | None, Field(description="null where withheld")]
    previous_hash: Annotated[str | None, Field(description="null where it covers what is withheld")]
    hash: Annotated[str | None, Field(description="null where it covers what is withheld")]
    commitments: Annotated[
        dict[str, str],
        Field(
            description="By place (`data.link.note`): what stands in the hash for what is withheld"
        ),
    ]
    salts: Annotated[
        dict[str, str],
        Field(
            description="By place: what is hashed there is SHA-256 of `{salt, value}`, not the "
            "value"
        ),
    ]


class _ClaimNumber(TypedDict):
    seq: Annotated[int, Field(description="1, 2, 3 … within the claim")]


@view
class EventView(_ClaimNumber, EventContent):
    """An event in the record of its claim."""


class _RecordNumber(TypedDict):
    seq: Annotated[int, Field(description="Rises over all claims, with gaps; go on from the last")]
    number: Annotated[int, Field(description="1, 2, 3 … within the claim")]
    claim: Uuid
    story: Annotated[str | None, Field(description="The claim's")]


@view
class TailEventView(_RecordNumber, EventContent):
    """An event among those of all claims."""


@view
class EventPageView(TypedDict):
    """A page of the events of all claims."""

    items: list[TailEventView]
    next_after: Annotated[int | str, Field(description="Ask on with ?after= this")]
