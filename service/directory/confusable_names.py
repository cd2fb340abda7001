"""Keeps names from reading like others: no two parties, people or keys, and no two speakers of a
party in one role, may have names with the same skeleton (UTS 39).

Names that are there already stay, and so do those that an import brings: `claimdesk doctor` lists
them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from disarm import normalize_confusables
from sqlalchemy import Connection, func, select

from service.domain.access import Actor, Way
from service.domain.errors import AlreadyExists
from service.domain.names import normalize_spelling
from service.domain.subjects import Subject, SubjectKind
from service.record import chains
from service.store.tables import api_keys, parties, speakers, users

LIGATURES = (("rn", "m"), ("vv", "w"), ("cl", "d"))
"""Letters that together read as one, which the library's table leaves out."""
STROKES = str.maketrans({"I": "l", "1": "l", "|": "l", "0": "O"})
"""What a stroke and a ring are read as where letters keep their case."""
SMALL_STROKES = str.maketrans({"1": "l", "0": "o"})
"""The same where they do not: a small i is no stroke."""
PARTY_NAMES = Subject(SubjectKind.SETTING, "names of parties")
"""What is locked while a party gets its name: two that read alike may come at once."""


# What was merged keeps its own name here: it is still known by it.
_SELECT_PARTY_NAMES = select(
    parties.c.slug, func.coalesce(parties.c.merged_name, parties.c.name).label("name")
)
_SPEAKER_NAME = func.coalesce(speakers.c.merged_name, speakers.c.name).label("name")


@lru_cache(maxsize=8192)
def make_skeletons(name: str) -> frozenset[str]:
    """Return the skeletons of a name (UTS 39, section 4), as printed and in small letters.

    Two names read alike where they share one: case, width, look-alikes of other scripts, digits
    that pass for letters and letters that together pass for one make no difference.  NАTO with a
    Cyrillic А is NATO, and so are ＮＡＴＯ, nato and NAT0.  Курти and Kurti do not look alike, nor
    do "Office I" and "Office L".
    """
    plain = " ".join(normalize_confusables(name).split())
    return frozenset(
        {
            "as printed: " + _join_letters(plain.translate(STROKES)),
            "small: " + _join_letters(plain.casefold().translate(SMALL_STROKES)),
        }
    )


def _join_letters(skeleton: str) -> str:
    for letters, letter in LIGATURES:
        skeleton = skeleton.replace(letters, letter)
    return skeleton


def are_confusable(first: str, second: str) -> bool:
    """Whether two names would be taken for each other in print."""
    return bool(make_skeletons(first) & make_skeletons(second))


def require_distinct_party(
    connection: Connection, name: str, *, slug: str | None = None, actor: Actor
) -> None:
    """Raise AlreadyExists where another party than `slug` has a name that reads like this one."""
    if _is_import(actor):
        return
    chains.lock_chain(connection, PARTY_NAMES)
    for party in connection.execute(_SELECT_PARTY_NAMES):
        if party.slug != slug and are_confusable(party.name, name):
            raise AlreadyExists(
                f"The party '{party.slug}' is called “{party.name}”, which reads like “{name}”: "
                "two that read alike would be taken for each other in print.",
                slug=party.slug,
                errors=[
                    {"loc": ["body", "name"], "msg": f"reads like “{party.name}” ({party.slug})"}
                ],
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
    """Raise AlreadyExists where the party has another speaker than `speaker` whose name and role
    read like these."""
    if _is_import(actor):
        return
    chains.lock_chain(
        connection, Subject(SubjectKind.SETTING, f"names of speakers of {party}"[:64])
    )
    query = select(
        speakers.c.id, _SPEAKER_NAME, speakers.c.folded_name, speakers.c.folded_role
    ).where(speakers.c.party == party)
    folded_names = (normalize_spelling(name), folded_role)
    for other in connection.execute(query):
        # Somebody of the same folded name and role is the same speaker: perhaps recorded just now.
        if other.id == speaker or (other.folded_name, other.folded_role) == folded_names:
            continue
        if are_confusable(other.folded_role, folded_role) and are_confusable(other.name, name):
            raise AlreadyExists(
                f"'{party}' has a speaker called “{other.name}” in this role, which reads like "
                f"“{name}”. Use that one (id {other.id}), or correct its name.",
                id=other.id,
                errors=[{"loc": ["body", "name"], "msg": f"reads like “{other.name}”"}],
            )


def _is_import(actor: Actor) -> bool:
    return actor.means is not None and actor.means.way is Way.IMPORT


@dataclass(frozen=True, slots=True)
class ConfusableNames:
    """Things of one kind whose names read alike: the kind, the ids or slugs, and the names."""

    kind: str
    ids: tuple[str, ...]
    names: tuple[str, ...]

    def describe(self) -> str:
        pairs = zip(self.ids, self.names, strict=True)
        return ", ".join(f"{name!r} ({id})" for id, name in pairs)


def list_confusable_names(connection: Connection) -> list[ConfusableNames]:
    """Return the names that read alike: of parties; of people and active keys that belong to
    nobody; of speakers of one party and role."""
    party_names = connection.execute(_SELECT_PARTY_NAMES)
    people = connection.execute(select(users.c.id, users.c.name))
    keys = connection.execute(
        select(api_keys.c.id, api_keys.c.name).where(
            api_keys.c.revoked_at.is_(None), api_keys.c.user.is_(None)
        )
    )
    by_role: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    query = select(speakers.c.id, _SPEAKER_NAME, speakers.c.party, speakers.c.folded_role)
    for speaker in connection.execute(query.order_by(speakers.c.id)):
        for skeleton in make_skeletons(speaker.folded_role):
            by_role[speaker.party, skeleton].append((speaker.id, speaker.name))
    # Two roles may share both skeletons: their speakers are found twice.
    alike_speakers = dict.fromkeys(
        alike for named_rows in by_role.values() for alike in _group_names("speaker", named_rows)
    )
    return [
        *_group_names("party", map(tuple, party_names)),
        *_group_names("person or key", map(tuple, [*people, *keys])),
        *alike_speakers,
    ]


def _group_names(kind: str, named_rows: Iterable[tuple[str, str]]) -> list[ConfusableNames]:
    by_skeleton: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for id, name in named_rows:
        for skeleton in make_skeletons(name):
            by_skeleton[skeleton].append((id, name))
    groups = dict.fromkeys(tuple(group) for group in by_skeleton.values() if len(group) > 1)
    return [
        ConfusableNames(kind, tuple(id for id, _ in group), tuple(name for _, name in group))
        for group in groups
    ]
