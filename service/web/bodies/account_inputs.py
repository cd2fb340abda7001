"""Bodies of requests about API keys, users and sessions."""

from typing import Annotated

from pydantic import Field, StrictBool

from service.domain.access import Role
from service.domain.account_bounds import LONGEST_PASSWORD, SHORTEST_PASSWORD
from service.field_types import Email, In, Name
from service.web.fields import LEFT_OUT, Id, Instant, show_example


class KeyIn(In):
    name: Name
    role: Role
    expires_at: Instant | None = None
    user: Id | None = Field(None, description="The user as whom the key acts; null: itself")

    model_config = show_example({"name": "CMS", "role": "reader"})


Password = Annotated[
    str, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD, pattern=r"^[^\x00]*$")
]


class UserIn(In):
    email: Email
    name: Name
    role: Role
    password: Password | None = None

    model_config = show_example({"email": "ana@example.org", "name": "Ana", "role": "checker"})


class UserChange(In):
    name: Name = LEFT_OUT
    role: Role = LEFT_OUT
    password: Password = LEFT_OUT
    disabled: StrictBool = LEFT_OUT

    model_config = show_example({"role": "editor"})


class SessionIn(In):
    email: Email
    password: Annotated[str, Field(max_length=LONGEST_PASSWORD)]

    model_config = show_example({"email": "ana@example.org", "password": "correct horse battery"})
