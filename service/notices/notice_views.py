"""How follows and notices are served."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.notices import NoticeKind
from service.views import Moment, Uuid, view


@view
class FollowView(TypedDict):
    """Something that a person follows: one of claim, story, party, tag and search is set."""

    id: Uuid
    claim: Uuid | None
    story: str | None
    party: str | None
    tag: str | None
    search: Annotated[str | None, Field(description="Filters of `/v1/claims`, as in its address")]
    automatic: Annotated[
        bool, Field(description="By what the person did: recorded, proposed, was assigned")
    ]
    created_at: Moment


@view
class FeedView(TypedDict):
    """A private address of a feed: what its owner follows, or a story."""

    id: Uuid
    follows: bool
    story: str | None
    url: Annotated[
        str | None,
        Field(description="Shown once: ends in `.atom`, and is served as `.json` too"),
    ]
    created_at: Moment
    last_used_at: Moment | None


@view
class NoticeView(TypedDict):
    """Something that a person is told."""

    id: Uuid
    kind: NoticeKind
    claim: Uuid | None
    summary: Annotated[str, Field(description="A sentence, of data alone")]
    at: Annotated[Moment, Field(description="When it happened")]
    read: bool


@view
class InboxView(TypedDict):
    """A page of a person's notices, the newest first."""

    items: list[NoticeView]
    next_cursor: str | None
    unread: Annotated[int, Field(description="Of all kinds; 1000 stands for as many or more")]


@view
class ReadingView(TypedDict):
    """What marking as read has changed."""

    marked: Annotated[int, Field(description="How many were unread before")]
    unread: Annotated[int, Field(description="How many are now; 1000 for as many or more")]
