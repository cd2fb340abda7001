"""Keeps names from reading like others: no two parties, people or keys, and no two speakers of a
party in one role, whose names have the same skeleton (UTS 39).

What is there already stays, and so does what an import brings: `claimdesk doctor` lists it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from service.directory.skeletons import make_skeletons, read_alike
from service.domain.access import Actor, Way
from service.domain.errors import AlreadyExists
from service.domain.names import normalize_spelling
from service.domain.subjects import Subject, SubjectKind
from service.record import chains
from service.store.tables import api_keys, parties, speakers, users

NAMES_OF_PARTIES = Subject(SubjectKind.SETTING, "names of parties")
"""What is locked while a party gets its name: two that read alike may come at once."""


def require_distinct_party(
    connection: Connection, name: str, *, slug: str | None = None, actor: Actor
) -> None:
    """Raise AlreadyExists where another party than `slug` has a name that reads like this one."""
    if _is_import(actor):
        return
    chains.lock(connection, NAMES_OF_PARTIES)
    for row in connection.execute(select(parties.c.slug, parties.c.name)):
        if row.slug != slug and read_alike(row.name, name):
            raise AlreadyExists(
                f"The party '{row.slug}' is called “{row.name}”, which reads like “{name}”: two "
                "that read alike would be taken for each other in print.",
                slug=row.slug,
                errors=[{"loc": ["body", "name"], "msg": f"reads like “{row.name}” ({row.slug})"}],
            )


def require_distinct_speaker(
    connection: Connection,
    party: str,
    name: str,
    folded_role: str,
    *,
    speaker: str | None = None,
    actor: Actor,
) -> None:
    """Raise AlreadyExists where the party has another speaker whose name and role read like
    these."""
    if _is_import(actor):
        return
    chains.lock(connection, Subject(SubjectKind.SETTING, f"names of speakers of {party}"[:64]))
    query = select(
        speakers.c.id, speakers.c.name, speakers.c.folded_name, speakers.c.folded_role
    ).where(speakers.c.party == party)
    folded = (normalize_spelling(name), folded_role)
    for row in connection.execute(query):
        # Somebody of the same folded name and role is the same speaker: perhaps recorded just now.
        if row.id == speaker or (row.folded_name, row.folded_role) == folded:
            continue
        if read_alike(row.folded_role, folded_role) and read_alike(row.name, name):
            raise AlreadyExists(
                f"'{party}' has a speaker called “{row.name}” in this role, which reads like "
                f"“{name}”. Use that one (id {row.id}), or correct its name.",
                id=row.id,
                errors=[{"loc": ["body", "name"], "msg": f"reads like “{row.name}”"}],
            )


def _is_import(actor: Actor) -> bool:
    return actor.means is not None and actor.means.way is Way.IMPORT


@dataclass(frozen=True, slots=True)
class ReadAlike:
    """Things of one kind whose names read alike: the kind, the ids or slugs, and the names."""

    kind: str
    ids: tuple[str, ...]
    names: tuple[str, ...]

    def describe(self) -> str:
        pairs = zip(self.ids, self.names, strict=True)
        return ", ".join(f"{name!r} ({id})" for id, name in pairs)


def list_confusable_names(connection: Connection) -> list[ReadAlike]:
    """Parties; people with the keys that still open something; speakers of one party and role."""
    named_parties = connection.execute(select(parties.c.slug, parties.c.name)).all()
    people = connection.execute(select(users.c.id, users.c.name)).all()
    keys = connection.execute(
        select(api_keys.c.id, api_keys.c.name).where(
            api_keys.c.revoked_at.is_(None), api_keys.c.user.is_(None)
        )
    ).all()
    by_voice: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    spoken = select(
        speakers.c.id, speakers.c.name, speakers.c.party, speakers.c.folded_role
    ).order_by(speakers.c.id)
    for row in connection.execute(spoken):
        for skeleton in make_skeletons(row.folded_role):
            by_voice[row.party, skeleton].append((row.id, row.name))
    alike_voices = [alike for voices in by_voice.values() for alike in _group("speaker", voices)]
    return [
        *_group("party", map(tuple, named_parties)),
        *_group("person or key", map(tuple, [*people, *keys])),
        *dict.fromkeys(alike_voices),
    ]


def _group(kind: str, named: Iterable[tuple[str, str]]) -> list[ReadAlike]:
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for id, name in named:
        for skeleton in make_skeletons(name):
            groups[skeleton].append((id, name))
    distinct = {tuple(group): None for group in groups.values() if len(group) > 1}
    return [
        ReadAlike(kind, tuple(id for id, _ in group), tuple(name for _, name in group))
        for group in distinct
    ]
