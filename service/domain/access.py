"""Who may do what: one table of actions and roles.

Each action lists every role that may do it, so that the whole rule stands in one line.  An
administrator may do everything, because a one-person newsroom has one account.  The rule of the
second person, not a role, keeps people from approving their own decisions.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NotRequired, TypedDict

from service.domain.errors import Forbidden, NotAuthenticated


class Role(StrEnum):
    READER = "reader"
    CHECKER = "checker"
    EDITOR = "editor"
    ADMIN = "admin"


class Action(StrEnum):
    READ_CLAIMS = "read claims"
    READ_RECORDS = "read parties, speakers, sources and statements"
    READ_INTERNALS = "read notes, assignees and drafts of decisions"
    READ_WITHHELD = "read why a source is not named"
    RECORD = "record statements, sources, claims and links"
    AMEND = "amend, merge or withdraw claims"
    REVERSE = "correct, void, restore, reinstate or separate what was recorded"
    HOLD = "hold claims, and end that"
    RECORD_USE = "record where a claim was printed, and settle that"
    SETTLE_USE = "settle uses that others recorded"
    CHANGE_STATUS = "change a claim's status"
    APPROVE = "approve or reject a decision"
    OVERRIDE = "decide against the guards, or approve that"
    CHANGE_PARTIES = "change parties, speakers and stories"
    SHARE_VIEWS = "save views of the board for the whole desk"
    SHARE_FEEDS = "share the feed of a story by a private address"
    MERGE_DIRECTORY = "merge or separate parties, speakers and sources"
    MANAGE_KEYS = "manage API keys"
    MANAGE_USERS = "manage users"
    MANAGE_WEBHOOKS = "manage webhooks"
    MANAGE_POLICY = "change the desk's policy"
    READ_METRICS = "read the service's metrics"


READERS = frozenset({Role.READER, Role.CHECKER, Role.EDITOR, Role.ADMIN})
CHECKERS = frozenset({Role.CHECKER, Role.EDITOR, Role.ADMIN})
EDITORS = frozenset({Role.EDITOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

PERMISSIONS: dict[Action, frozenset[Role]] = {
    Action.READ_CLAIMS: READERS,
    Action.READ_RECORDS: READERS,
    Action.READ_INTERNALS: CHECKERS,
    Action.READ_WITHHELD: EDITORS,
    Action.RECORD: CHECKERS,
    Action.AMEND: CHECKERS,
    Action.REVERSE: CHECKERS,
    Action.HOLD: CHECKERS,
    Action.RECORD_USE: READERS,
    Action.SETTLE_USE: CHECKERS,
    Action.CHANGE_STATUS: CHECKERS,
    Action.APPROVE: CHECKERS,
    Action.OVERRIDE: EDITORS,
    Action.CHANGE_PARTIES: EDITORS,
    Action.SHARE_VIEWS: EDITORS,
    Action.SHARE_FEEDS: EDITORS,
    Action.MERGE_DIRECTORY: EDITORS,
    Action.MANAGE_KEYS: ADMINS,
    Action.MANAGE_USERS: ADMINS,
    Action.MANAGE_WEBHOOKS: ADMINS,
    Action.MANAGE_POLICY: ADMINS,
    Action.READ_METRICS: ADMINS,
}

PUBLIC_ACTIONS = frozenset({Action.READ_CLAIMS})
"""What everybody may do without signing in, once `CLAIMDESK_PUBLIC_READ` is on."""


class Audience(StrEnum):
    """Those who may read the same.  Each may read all that those before it may."""

    PUBLIC = "public"
    READER = "reader"
    DESK = "desk"

    def may_read(self, lowest: "Audience") -> bool:
        """Say whether this audience may read what `lowest` and those above it may read."""
        return _RANKS[self] >= _RANKS[lowest]


_RANKS = {audience: rank for rank, audience in enumerate(Audience)}


class Way(StrEnum):
    """How an actor signs in."""

    SESSION = "session"
    KEY = "key"
    CONSOLE = "console"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Means:
    """By what an actor acts: a session, a key, the command line, an import."""

    way: Way
    key_id: str | None = None
    key_name: str | None = None
    made_by: tuple[str, ...] = ()
    """The ids of those who made the key, or the sign-in link or password that began the session,
    and of those who made their means in turn; empty if the console or the owner made it."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.  The rule of the second person compares `id`: the user, or the key without user."""

    id: str
    name: str
    role: Role
    means: Means | None = None

    @property
    def is_person(self) -> bool:
        """Whether this is a person, not a key that belongs to nobody."""
        return self.means is None or self.means.key_id != self.id

    @property
    def made_by(self) -> tuple[str, ...]:
        """The ids of others who could act in this actor's name; see `Means.made_by`."""
        return () if self.means is None else self.means.made_by

    @property
    def responsible_ids(self) -> tuple[str, ...]:
        """The ids of all who answer for what it makes: its own, then those of its makers."""
        return (self.id, *(maker for maker in self.made_by if maker != self.id))


class KeyData(TypedDict):
    """The key by which somebody acted, with its name then."""

    id: str
    name: str | None


class ActorData(TypedDict):
    """An actor in the plain data of an event."""

    id: str
    name: str
    means: NotRequired[str]
    key: NotRequired[KeyData]
    made_by: NotRequired[list[str]]


SYSTEM = Actor("system", "claimdesk", Role.ADMIN, Means(Way.CONSOLE))
"""Who acts when an operator uses the command line: whoever has the shell has the database."""
IMPORTER = Actor("system", "claimdesk", Role.ADMIN, Means(Way.IMPORT))
"""Who records what an operator imports."""


def describe_actor(actor: Actor) -> ActorData:
    """Return the actor as plain data for an event: who, and by what means."""
    description: ActorData = {"id": actor.id, "name": actor.name}
    means = actor.means
    if means is not None:
        description["means"] = means.way.value
        if means.key_id is not None:
            description["key"] = {"id": means.key_id, "name": means.key_name}
        if means.made_by:
            description["made_by"] = list(means.made_by)
    return description


def is_allowed(actor: Actor | None, action: Action, *, public_read: bool = False) -> bool:
    """Say whether `actor` (None: not signed in) may do `action`."""
    if actor is None:
        return public_read and action in PUBLIC_ACTIONS
    return actor.role in PERMISSIONS[action]


def require_permission(actor: Actor | None, action: Action, *, public_read: bool = False) -> None:
    """Raise unless `actor` may do `action`.

    Raises NotAuthenticated (nobody is signed in) or Forbidden (the role does not allow it).
    """
    if is_allowed(actor, action, public_read=public_read):
        return
    if actor is None:
        raise NotAuthenticated(
            "Send an API key as 'Authorization: Bearer cd_…', or sign in at the desk."
        )
    roles = ", ".join(role for role in Role if role in PERMISSIONS[action])
    raise Forbidden(f"To {action} takes one of the roles {roles}; yours is {actor.role}.")
