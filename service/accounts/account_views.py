"""Views of users, API keys, sessions, sign-in links and the desk's policy."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from service.domain.access import Role
from service.views import Moment, Uuid, view


@view
class UserView(TypedDict):
    """A person who may sign in."""

    id: Uuid
    email: str
    name: str
    role: Role
    has_password: bool
    created_at: Moment
    disabled_at: Moment | None


@view
class KeyView(TypedDict):
    """An API key, without its secret."""

    id: str
    name: str
    role: Role
    user: Uuid | None
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None


@view
class NewKeyView(TypedDict):
    """An API key that was made just now."""

    id: str
    key: Annotated[str | None, Field(description="Shown once")]
    name: str
    role: Role
    expires_at: Moment | None


@view
class MeView(TypedDict):
    """Whoever sends the request, and the actions that their role allows."""

    id: str
    name: str
    role: Role
    actions: list[str]


@view
class PolicyView(TypedDict):
    """The desk's policy."""

    four_eyes: Annotated[
        bool, Field(description="Whether a second person approves what is printed")
    ]


class SessionView(TypedDict):
    """Where a user is signed in."""

    name: str
    """The beginning of the hash of its token: enough to end the session, not to use it."""
    agent: str | None
    """The browser as it names itself."""
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None


class SignInLinkView(TypedDict):
    """A one-time link that signs a user in."""

    user: str
    name: str
    email: str
    made_by: str | None
    """The ids of whoever made it; None where that is its user or the command line."""
    made_by_name: str | None
    expires_at: Moment
