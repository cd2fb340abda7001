"""Views of parties, speakers and sources."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.views import Moment, Uuid, view

MergedField = Annotated[Uuid, Field(description="Only where it is merged: what took its place")]
MergedPartyField = Annotated[
    str, Field(description="Only where it is merged: the party that took its place")
]
OwnName = Annotated[str, Field(description="Only where it is merged: its own name, still known")]


@view
class PartyView(TypedDict):
    """A party: one voice in a dispute. `root` is the topmost party above it, or itself."""

    slug: str
    name: str
    full_name: str | None
    kind: str | None
    country: str | None
    parent: str | None
    root: str
    in_sentence: NotRequired[
        Annotated[str, Field(description="Its name within a sentence, where that is another")]
    ]
    merged_into: NotRequired[MergedPartyField]
    merged_name: NotRequired[OwnName]
    created_at: Moment
    updated_at: Moment


class RootPartyView(PartyView):
    """A root party with all parties of its tree but itself, by slug."""

    below: list[PartyView]


@view
class SpeakerView(TypedDict):
    """A person who speaks for a party, in one role."""

    id: Uuid
    name: str
    role: str | None
    party: str
    merged_into: NotRequired[MergedField]
    merged_name: NotRequired[OwnName]
    created_at: Moment


class ListedSpeaker(SpeakerView):
    """A speaker within a list, with the name by which the list is sorted."""

    folded_name: str


@view
class SourceView(TypedDict):
    """Where statements were read: an address, and what is known of the text there."""

    id: Uuid
    url: str
    publisher: str | None
    title: str | None
    published_at: Moment | None
    language: str | None
    archive_url: str | None
    sha256: str | None
    merged_into: NotRequired[MergedField]
    corrected_since: NotRequired[
        Annotated[Moment, Field(description="As of an instant, where it was corrected after it")]
    ]
    recorded_at: Moment
