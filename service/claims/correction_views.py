"""How corrections are served."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from service.views import Moment, Uuid, view

CorrectionType = Literal["claim.corrected", "statement.corrected", "source.corrected"]


@view
class FieldCorrectionView(TypedDict):
    """What was recorded wrongly, what is right, and who said so, when and why."""

    type: CorrectionType
    before: Annotated[dict[str, Any], Field(description="The fields that differ, as they were")]
    after: Annotated[dict[str, Any], Field(description="The fields that differ, as they are")]
    reason: str
    material: NotRequired[
        Annotated[bool, Field(description="Of a statement: its links wanted affirming anew")]
    ]
    statement: NotRequired[Annotated[Uuid, Field(description="On a claim: what it shows")]]
    source: NotRequired[Annotated[Uuid, Field(description="On a claim: where its words are from")]]
    by: Annotated[str | None, Field(description="null where the name is not for the caller")]
    recorded_at: Moment
    number: Annotated[int, Field(description="Which event of the record it is")]
