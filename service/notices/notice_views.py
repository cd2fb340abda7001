"""How follows and notices are served."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.notice_times import MailMode
from service.domain.notices import NoticeKind
from service.domain.webhooks import EndpointState, Format
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
class KindView(TypedDict):
    """Where notices of a kind go besides the inbox."""

    mail: MailMode
    chat: bool


@view
class ChatView(TypedDict):
    """A chat in which somebody is told."""

    format: Format
    host: Annotated[str, Field(description="Of its address; the rest is a secret")]
    state: EndpointState
    last_error: str | None


@view
class NoticeSettingsView(TypedDict):
    """Where and when a person is told, besides their inbox."""

    kinds: Annotated[dict[str, KindView], Field(description="By kind of notice")]
    digest_hour: int
    time_zone: str
    quiet_from: str | None
    quiet_until: str | None
    mail: Annotated[str, Field(description="The address of the account, to which mails go")]
    chat: ChatView | None


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
