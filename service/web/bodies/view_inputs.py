"""What is sent of saved views."""

from typing import Annotated

from pydantic import StrictBool, StringConstraints

from service.field_types import In, Label
from service.notices.saved_views import LONGEST_QUERY
from service.web.fields import LEFT_OUT, show_example

Query = Annotated[str, StringConstraints(max_length=LONGEST_QUERY)]


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
