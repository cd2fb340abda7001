"""How uses are served."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.claims import Status
from service.domain.uses import ContactState, UseClass, UseState
from service.views import Moment, Uuid, view


@view
class RefusedMailView(TypedDict):
    """The latest mail to a contact, which did not arrive."""

    at: Moment
    reason: Annotated[str, Field(description="What the mail server answered")]


_UseView = TypedDict(
    "_UseView",
    {
        "id": Uuid,
        "claim": Uuid,
        "version": Annotated[int, Field(description="Of the claim, when it was printed")],
        "status": Status,
        "print_line": Annotated[str, Field(description="What might be printed of it then")],
        "state": UseState,
        "class": UseClass | None,
        "url": str | None,
        "where": str | None,
        "title": str | None,
        "published_at": Moment | None,
        "wording": str | None,
        "contact": Annotated[
            str | None, Field(description="For the desk and for whoever recorded it; else null")
        ],
        "contact_state": Annotated[
            ContactState | None,
            Field(
                description="Of a contact that is an address of mail, for whoever sees it: whether "
                "somebody confirmed there that mail is wanted"
            ),
        ],
        "contact_refusal": Annotated[
            RefusedMailView | None,
            Field(
                description="For whoever sees the contact: the latest mail there, where the mail "
                "server refused it or was not reached; null once another arrives"
            ),
        ],
        "language": str | None,
        "recorded_at": Moment,
        "recorded_by": str,
        "outdated_at": Moment | None,
        "outdated_version": Annotated[
            int | None, Field(description="Of the claim: the event that says what changed")
        ],
        "acknowledged_at": Moment | None,
        "acknowledged_by": str | None,
        "note": str | None,
        "corrected_url": str | None,
        "retired_at": Moment | None,
    },
)


@view
class UseView(_UseView):
    """Where a claim was printed, what was printed of it, and what has become of that."""
