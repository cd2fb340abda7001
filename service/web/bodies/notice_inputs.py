"""What is sent of follows and notices."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from service.domain.notices import LONGEST_TARGET, FollowKind
from service.field_types import In, Slug, Tag
from service.web.fields import Id, Instant, show_example

MOST_IDS = 200


class FollowIn(In):
    """What to follow: one of these."""

    claim: Id | None = None
    story: Slug | None = None
    party: Slug | None = None
    tag: Tag | None = None
    search: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TARGET)] | None = (
        Field(None, description="Filters of `/v1/claims`, as in its address: `q=troops&story=x`")
    )

    model_config = show_example({"story": "kosovo-border-2023"})

    @model_validator(mode="after")
    def _names_one(self) -> "FollowIn":
        if len(self.list_named()) != 1:
            raise ValueError("name one thing to follow: claim, story, party, tag or search")
        return self

    def list_named(self) -> list[tuple[FollowKind, str]]:
        """List what is named, by its kind."""
        return [(kind, value) for kind in FollowKind if (value := getattr(self, kind)) is not None]


class FeedIn(In):
    """Of what a feed is: of what you follow, or of a story."""

    follows: Literal[True] | None = Field(None, description="Of what you follow, as it changes")
    story: Slug | None = Field(None, description="Of a story; for editors")

    model_config = show_example({"follows": True})

    @model_validator(mode="after")
    def _names_one(self) -> "FeedIn":
        if (self.follows is None) == (self.story is None):
            raise ValueError("say of what: follows, or story")
        return self


class ReadIn(In):
    """Which notices were read: those with these ids, or all up to an instant."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_IDS)] | None = None
    until: Instant | None = Field(None, description="All of what happened by then")

    model_config = show_example({"until": "2023-10-03T18:00:00Z"})

    @model_validator(mode="after")
    def _says_which(self) -> "ReadIn":
        if (self.ids is None) == (self.until is None):
            raise ValueError("say which were read: ids, or until")
        return self
