"""How stories are served."""

from typing_extensions import TypedDict

from service.directory.directory_views import PartyView
from service.views import Moment, view


@view
class StoryBriefView(TypedDict):
    """A story as other answers name it."""

    slug: str
    title: str


@view
class StoryView(TypedDict):
    """A set of claims that belong together."""

    slug: str
    title: str
    description: str | None
    created_at: Moment
    updated_at: Moment


@view
class StoryWithPartiesView(StoryView):
    """A story with those who claim, or take a stance, in it."""

    parties: list[PartyView]
