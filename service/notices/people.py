"""Says which person a caller is: follows, notices and private feeds belong to people."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from service.domain import ids
from service.domain.access import Action, Actor, Audience, Role, is_allowed
from service.domain.errors import KeyWithoutPerson
from service.store.tables import users


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account that is not disabled, and their role now."""

    id: str
    name: str
    role: Role

    @property
    def audience(self) -> Audience:
        """What they may read now."""
        actor = Actor(self.id, self.name, self.role)
        return Audience.DESK if is_allowed(actor, Action.READ_INTERNALS) else Audience.READER

    @property
    def is_of_desk(self) -> bool:
        """Whether they may read what is the desk's own."""
        return self.audience is Audience.DESK


def require_person(actor: Actor) -> str:
    """Return the id of the person who asks.  Raises KeyWithoutPerson."""
    if not actor.is_person or ids.parse_id(actor.id) is None:
        raise KeyWithoutPerson(
            f"The key '{actor.name}' belongs to nobody, and this belongs to a person: sign in, or "
            "ask with a person's key (claimdesk keys create --name NAME --role ROLE --user EMAIL)."
        )
    return actor.id


def read_people(connection: Connection, actor_ids: Collection[str]) -> dict[str, Person]:
    """Return those of some actors who are people with an account, by their ids."""
    valid_ids = {actor_id for actor_id in actor_ids if ids.parse_id(actor_id) is not None}
    if not valid_ids:
        return {}
    rows = connection.execute(
        select(users.c.id, users.c.name, users.c.role).where(
            users.c.id.in_(valid_ids), users.c.disabled_at.is_(None)
        )
    )
    return {row.id: Person(row.id, row.name, Role(row.role)) for row in rows}


def list_administrators(connection: Connection) -> Sequence[str]:
    """List the ids of those who are told how the desk does."""
    return connection.scalars(
        select(users.c.id).where(users.c.role == Role.ADMIN.value, users.c.disabled_at.is_(None))
    ).all()
