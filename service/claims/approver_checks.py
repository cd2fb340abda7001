"""Checks, within the transaction of an approval, that both people may still decide.

A caller is recognised before the transaction begins.  That is too early for what takes two people:
somebody may be disabled, demoted or without a key by then.  Only approvals check this: if every
change locked an account, all changes of one person would wait for each other.
"""

from sqlalchemy import Connection, select

from service.domain import ids
from service.domain.access import Actor, Role, Way
from service.domain.errors import NotAuthenticated
from service.store.tables import api_keys, users

GONE = "Your account was disabled, or your role or key changed, just now: sign in again."


def require_current_access(connection: Connection, actor: Actor) -> None:
    """Lock the actor's account and key until the transaction ends, and require that they still
    hold.

    Raises NotAuthenticated if the account is disabled or has a lesser role than `actor`, or if the
    key is revoked.  Locked before any claim, as commands on accounts do.
    """
    means = actor.means
    if means is None or means.way not in (Way.SESSION, Way.KEY):
        return
    if actor.is_person:
        row = connection.execute(
            select(users.c.role, users.c.disabled_at)
            .where(users.c.id == actor.id)
            .with_for_update(read=True)
        ).first()
        ranks = list(Role)
        if (
            row is None
            or row.disabled_at is not None
            or ranks.index(Role(row.role)) < ranks.index(actor.role)
        ):
            raise NotAuthenticated(GONE)
    if means.key_id is not None:
        revocation = connection.execute(
            select(api_keys.c.revoked_at)
            .where(api_keys.c.id == means.key_id)
            .with_for_update(read=True)
        ).first()
        if revocation is None or revocation.revoked_at is not None:
            raise NotAuthenticated(GONE)


def is_proposer_disabled(connection: Connection, proposed_by: str) -> bool:
    """Whether the person who proposed is disabled now.

    Disabling ends their proposals, except for one that is made at the same moment.
    """
    person = ids.parse_id(proposed_by)
    if person is None:  # a key that is nobody's
        return False
    disabled_user = select(users.c.id).where(users.c.id == person, users.c.disabled_at.is_not(None))
    return connection.scalar(disabled_user) is not None
