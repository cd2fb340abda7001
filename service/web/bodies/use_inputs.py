"""What is sent of uses."""

from pydantic import Field, model_validator

from service.field_types import Headline, In, Language, LongQuote, PersonName, Reason, Url
from service.uses.use_commands import NewUse
from service.web.fields import Instant, show_example


class UseIn(In):
    """Where a claim was printed: at an address, or in words (`where`)."""

    url: Url | None = None
    where: Headline | None = Field(None, description="A page of print, a broadcast …")
    title: Headline | None = None
    published_at: Instant | None = None
    wording: LongQuote | None = Field(None, description="What was printed")
    contact: PersonName | None = Field(
        None,
        description="Whom to tell; never public. At an address of mail we ask once whether mail is "
        "wanted",
    )
    language: Language | None = None

    model_config = show_example(
        {
            "url": "https://example.org/2023/10/03/kosovo",
            "title": "Belgrade: units are back to normal",
            "published_at": "2023-10-03T18:00:00Z",
            "language": "en",
        }
    )

    @model_validator(mode="after")
    def _says_where(self) -> "UseIn":
        if self.url is None and self.where is None:
            raise ValueError("say where it was printed: url, or where in words")
        return self

    def to_command(self) -> NewUse:
        return NewUse(
            url=self.url,
            place=self.where,
            title=self.title,
            published_at=self.published_at,
            wording=self.wording,
            contact=self.contact,
            language=self.language,
        )


class AcknowledgementIn(In):
    """What was done about an outdated use, and where the corrected one stands."""

    note: Reason
    corrected_url: Url | None = None

    model_config = show_example(
        {
            "note": "Taken back at the top of the article",
            "corrected_url": "https://example.org/2023/10/03/kosovo#correction",
        }
    )
