"""Who may do what: one table, read by eye.

Roles are not a ladder in code.  Each action names every role that may do it, so that a reader
sees the whole rule in one line.  An administrator may do everything: a one-person newsroom has
one account; four eyes, not roles, keep a person from approving their own decision.
"""

from dataclasses import dataclass
from enum import StrEnum

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
    RECORD = "record statements, sources, claims and links"
    AMEND = "amend, merge or withdraw claims"
    CHANGE_STATUS = "change a claim's status"
    APPROVE = "approve or reject a decision"
    OVERRIDE = "decide against the guards, or approve that"
    CHANGE_PARTIES = "change parties, speakers and stories"
    MANAGE_KEYS = "manage API keys"
    MANAGE_USERS = "manage users"
    MANAGE_WEBHOOKS = "manage webhooks"
    READ_METRICS = "read the service's metrics"


READERS = frozenset({Role.READER, Role.CHECKER, Role.EDITOR, Role.ADMIN})
CHECKERS = frozenset({Role.CHECKER, Role.EDITOR, Role.ADMIN})
EDITORS = frozenset({Role.EDITOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

PERMISSIONS: dict[Action, frozenset[Role]] = {
    Action.READ_CLAIMS: READERS,
    Action.READ_RECORDS: READERS,
    Action.READ_INTERNALS: CHECKERS,
    Action.RECORD: CHECKERS,
    Action.AMEND: CHECKERS,
    Action.CHANGE_STATUS: CHECKERS,
    Action.APPROVE: CHECKERS,
    Action.OVERRIDE: EDITORS,
    Action.CHANGE_PARTIES: EDITORS,
    Action.MANAGE_KEYS: ADMINS,
    Action.MANAGE_USERS: ADMINS,
    Action.MANAGE_WEBHOOKS: ADMINS,
    Action.READ_METRICS: ADMINS,
}

PUBLIC_ACTIONS = frozenset({Action.READ_CLAIMS})
"""What nobody in particular may do once `CLAIMDESK_PUBLIC_READ` is on."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.  `id` is what four-eyes compares: the user, or the key if it has no user."""

    id: str
    name: str
    role: Role


def allowed(actor: Actor | None, action: Action, *, public_read: bool = False) -> bool:
    """Whether `actor` (None: not signed in) may do `action`."""
    if actor is None:
        return public_read and action in PUBLIC_ACTIONS
    return actor.role in PERMISSIONS[action]


def require(actor: Actor | None, action: Action, *, public_read: bool = False) -> None:
    """Raise unless `actor` may do `action`.

    Raises NotAuthenticated (nobody is signed in) or Forbidden (the role does not allow it).
    """
    if allowed(actor, action, public_read=public_read):
        return
    if actor is None:
        raise NotAuthenticated(
            "Send an API key as 'Authorization: Bearer cd_…', or sign in at the desk."
        )
    roles = ", ".join(role for role in Role if role in PERMISSIONS[action])
    raise Forbidden(f"To {action} takes one of the roles {roles}; yours is {actor.role}.")
