"""The desk's policy: whether a second person approves what is printed.

It is kept in the database, so that it holds for every process, and changed by an event, so that
it is known who changed it and when.  A new desk begins with the setting `CLAIMDESK_FOUR_EYES`.
"""

from datetime import datetime

from sqlalchemy import Connection

from service.accounts.account_views import PolicyView
from service.domain import access
from service.domain.access import SYSTEM, Action, Actor
from service.record import audit
from service.store import installation
from service.store.installation import FOUR_EYES

ON, OFF = "on", "off"


def initialize_policy(connection: Connection, *, four_eyes: bool, now: datetime) -> bool:
    """Set the policy to `four_eyes` where the desk has none yet; return what it is."""
    if installation.read_value(connection, FOUR_EYES) is None:
        value = ON if four_eyes else OFF
        audit.record_setting(connection, FOUR_EYES, value, actor=SYSTEM, now=now)
    return needs_second_person(connection)


def needs_second_person(connection: Connection) -> bool:
    """Whether a second person approves what is printed.  Where there is no policy, one does."""
    return installation.read_value(connection, FOUR_EYES) != OFF


def read_policy(connection: Connection) -> PolicyView:
    return {"four_eyes": needs_second_person(connection)}


def change_four_eyes(connection: Connection, *, on: bool, actor: Actor, now: datetime) -> bool:
    """Set whether a second person approves what is printed; return whether that changed."""
    access.require_permission(actor, Action.MANAGE_POLICY)
    value = ON if on else OFF
    if installation.read_value(connection, FOUR_EYES) == value:
        return False
    audit.record_setting(connection, FOUR_EYES, value, actor=actor, now=now)
    return True
