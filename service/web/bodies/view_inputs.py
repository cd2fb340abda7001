"""What is sent of saved views."""

from typing import Annotated

from pydantic import AfterValidator, StrictBool, StringConstraints

from service.domain import texts
from service.field_types import In, Label
from service.notices.saved_views import LONGEST_QUERY
from service.web.fields import LEFT_OUT, show_example


def _clean_query(text: str) -> str:
    return texts.clean_line(text) if text else text


Query = Annotated[str, StringConstraints(max_length=LONGEST_QUERY), AfterValidator(_clean_query)]
"""Empty: the whole board."""


class ViewIn(In):
    """A named filter of the board: `query` as in the address of `/v1/claims`."""

    name: Label
    query: Query
    shared: StrictBool = False

    model_config = show_example(
        {"name": "Disputed troops", "query": "status=disputed&tag=troops", "shared": False}
    )


class ViewChange(In):
    """Only what is sent is changed."""

    name: Label = LEFT_OUT
    query: Query = LEFT_OUT
    shared: StrictBool = LEFT_OUT

    model_config = show_example({"name": "Disputed"})
