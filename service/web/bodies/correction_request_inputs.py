"""What is sent of requests to correct."""

from typing import Annotated

from pydantic import Field

from service.claims.correction_requests import NewRequest
from service.domain import texts
from service.domain.correction_requests import RequestOutcome
from service.field_types import Headline, In, Reason, Text, Url

Contact = Annotated[str, Text(254, texts.clean_line)]


class CorrectionRequestIn(In):
    """What somebody who need not be known asks the desk to correct."""

    text: Reason
    url: Url | None = None
    contact: Contact | None = None
    wants_publication: bool = False

    def to_command(self) -> NewRequest:
        return NewRequest(self.text, self.url, self.contact, self.wants_publication)


class RequestAnswerIn(In):
    """What the desk decided about a request, in a sentence."""

    outcome: RequestOutcome
    answer: Headline
    publish: bool = Field(False, description="Show the answer on the claim's page")
