"""Bodies of requests about parties, speakers, sources and stories."""

from pydantic import Field

from service.domain.inputs import NewSource, NewSpeaker
from service.field_types import (
    Country,
    Description,
    FullName,
    Headline,
    In,
    Label,
    Language,
    Name,
    PersonName,
    Reason,
    Sha256,
    Slug,
    Title,
    Url,
)
from service.web.fields import LEFT_OUT, Id, Instant, show_example

InSentence = Field(
    None, description="What it is called within a sentence: “the Interior Ministry”; null: its name"
)


class PartyIn(In):
    slug: Slug
    name: Name
    full_name: FullName | None = None
    kind: Label | None = None
    country: Country | None = None
    parent: Slug | None = None
    in_sentence: Name | None = InSentence

    model_config = show_example(
        {
            "slug": "white-house",
            "name": "White House",
            "full_name": "Executive Office of the President",
            "kind": "government",
            "country": "US",
            "parent": "washington",
        }
    )


class PartyChange(In):
    name: Name = LEFT_OUT
    full_name: FullName | None = None
    kind: Label | None = None
    country: Country | None = None
    parent: Slug | None = None
    in_sentence: Name | None = InSentence

    model_config = show_example({"parent": "washington"})


class PartyMergeIn(In):
    """The party that takes the place of another, and why they are one."""

    into: Slug
    reason: Reason | None = None

    model_config = show_example({"into": "washington", "reason": "Two names of one government."})


class SpeakerMergeIn(In):
    """The speaker who takes the place of another, and why they are one."""

    into: Id
    reason: Reason | None = None

    model_config = show_example({"into": "01970000-0000-7000-8000-000000000000"})


class SourceMergeIn(In):
    """The source that takes the place of another, and why they are one."""

    into: Id
    reason: Reason | None = None

    model_config = show_example({"into": "01970000-0000-7000-8000-000000000000"})


class SpeakerIn(In):
    """A person to match by name and role, without diacritics, or to record."""

    name: PersonName
    role: PersonName | None = None

    def to_command(self) -> NewSpeaker:
        return NewSpeaker(self.name, self.role)


class PartySpeakerIn(SpeakerIn):
    party: Slug

    model_config = show_example(
        {
            "name": "Matthew Miller",
            "role": "State Department spokesman",
            "party": "washington",
        }
    )


class SpeakerChange(In):
    name: PersonName = LEFT_OUT
    role: PersonName | None = None

    model_config = show_example({"name": "Miloš Vučević"})


class SourceIn(In):
    url: Url
    publisher: PersonName | None = None
    title: Headline | None = None
    published_at: Instant | None = None
    language: Language | None = None
    archive_url: Url | None = None
    sha256: Sha256 | None = None

    model_config = show_example(
        {
            "url": "https://example.org/2023/10/03/kosovo",
            "publisher": "Example News",
            "title": "Serbia says troop level near Kosovo is back to normal",
            "published_at": "2023-10-03T18:00:00Z",
            "language": "en",
        }
    )

    def to_command(self) -> NewSource:
        return NewSource(**self.model_dump())


class StoryIn(In):
    slug: Slug
    title: Title
    description: Description | None = None

    model_config = show_example(
        {"slug": "kosovo-border-2023", "title": "Kosovo border, autumn 2023"}
    )


class StoryChange(In):
    title: Title = LEFT_OUT
    description: Description | None = None

    model_config = show_example({"title": "Kosovo border"})
