"""Bodies of requests about the desk's policy."""

from pydantic import Field, StrictBool

from service.field_types import In


class PolicyChange(In):
    four_eyes: StrictBool = Field(description="Whether a second person approves what is printed")
