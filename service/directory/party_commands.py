"""Parties and speakers: who speaks, recorded and found by their names."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from service.directory import confusable_names
from service.domain import access, ids, names
from service.domain.access import Action, Actor
from service.domain.claims import Speaker, Voice
from service.domain.errors import AlreadyExists, Invalid
from service.domain.history import Draft
from service.domain.inputs import NewSpeaker
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.record.writer import Line
from service.store.compiled_statements import CompiledStatement, insert_or_ignore
from service.store.tables import (
    parties,
    party_versions,
    speakers,
)
from service.store.types import id_text

MAX_DEPTH = 8

_root = parties.alias("root")
VOICE = CompiledStatement(
    select(parties.c.slug, parties.c.name, parties.c.root, _root.c.name.label("root_name"))
    .join(_root, _root.c.slug == parties.c.root)
    .where(parties.c.slug == bindparam("party"))
    # Keeps a party from moving under another until this transaction has linked or claimed.
    .with_for_update(read=True, key_share=True)
)
HOLD = (
    select(parties.c.slug, parties.c.parent)
    .where(parties.c.slug == bindparam("party"))
    .with_for_update(read=True, key_share=True)
)
# Speakers are held likewise, against a change of name.
SPEAKER = (
    select(speakers)
    .where(speakers.c.id == bindparam("speaker"))
    .with_for_update(read=True, key_share=True)
)
NAMESAKE = CompiledStatement(
    select(speakers.c.id, speakers.c.name, speakers.c.role)
    .where(
        speakers.c.party == bindparam("party"),
        speakers.c.folded_name == bindparam("folded_name"),
        speakers.c.folded_role == bindparam("folded_role"),
    )
    .with_for_update(read=True, key_share=True)
)


def create_party(
    connection: Connection,
    *,
    slug: str,
    name: str,
    full_name: str | None,
    kind: str | None,
    country: str | None,
    parent: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Record a party.  Raises AlreadyExists, or Invalid for an unknown or too deep parent."""
    access.require_permission(actor, Action.RECORD)
    root = slug
    if parent is not None:
        above = list_ancestors(connection, parent, loc=("body", "parent"))
        require_room(above, 1)
        root = above[-1]
    if connection.scalar(select(parties.c.slug).where(parties.c.slug == slug)) is not None:
        raise AlreadyExists(f"There is a party '{slug}' already.", slug=slug)
    confusable_names.require_distinct_party(connection, name, actor=actor)
    row = {
        "slug": slug,
        "name": name,
        "full_name": full_name,
        "kind": kind,
        "country": country,
        "parent": parent,
        "root": root,
        "created_at": now,
        "updated_at": now,
    }
    if not insert_or_ignore(connection, parties, row):
        raise AlreadyExists(f"There is a party '{slug}' already.", slug=slug)
    connection.execute(insert(party_versions), version_row(row, now))
    named = ("name", "full_name", "kind", "country", "parent")
    draft = Draft("party.created", {name: row[name] for name in named})
    subject = Subject(SubjectKind.PARTY, slug)
    writer.write(connection, writer.begin(subject, [draft], actor=actor, now=now))


def list_ancestors(connection: Connection, slug: str, *, loc: tuple[str, ...]) -> list[str]:
    """`slug` and its ancestors, the root last, held where they are until this transaction ends.

    Raises Invalid where it is unknown.
    """
    path = [slug]
    while True:
        row = connection.execute(HOLD, {"party": path[-1]}).first()
        if row is None:
            raise Invalid(f"there is no party '{path[-1]}'", loc=loc)
        if row.parent is None:
            return path
        path.append(row.parent)


def require_room(above: list[str], levels: int) -> None:
    if len(above) + levels > MAX_DEPTH:
        raise Invalid(f"parties nest at most {MAX_DEPTH} deep", loc=("body", "parent"))


def version_row(party: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The row of `party_versions` that holds from `at` on."""
    kept = {name: party[name] for name in ("slug", "name", "parent", "root")}
    return kept | {"recorded_at": at}


def voice(
    connection: Connection,
    party: str,
    speaker: str | NewSpeaker | None,
    lines: list[Line],
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...] = ("body",),
    field: str = "party",
) -> Voice:
    """The party's voice, and the speaker's, who is recorded if new: the event is added to `lines`,
    for the caller to write.

    People match by party, name and role, without diacritics; a new role makes a new speaker, for
    what was said before keeps the role it was said in.  A person named without a role is whoever
    of that name the party has, the latest role first.
    """
    if not isinstance(speaker, NewSpeaker):
        return known_voice(connection, party, speaker, loc=loc, field=field)
    whole = known_voice(connection, party, None, loc=loc, field=field)
    person = match_speaker(connection, party, speaker, lines, actor=actor, now=now)
    return replace(whole, speaker=person)


def known_voice(
    connection: Connection,
    party: str,
    speaker: str | None,
    *,
    loc: tuple[str | int, ...] = ("body",),
    field: str = "party",
) -> Voice:
    """The voice of a party, and of a speaker who is recorded already.  Raises Invalid."""
    row = _held(connection, party)
    if row is None:
        raise Invalid(
            f"there is no party '{party}'; create it with POST /v1/parties", loc=(*loc, field)
        )
    person = None
    if speaker is not None:
        found = connection.execute(SPEAKER, {"speaker": speaker}).first()
        if found is None:
            raise Invalid("there is no speaker with this id", loc=(*loc, "speaker"))
        if found.party != party:
            raise Invalid(
                f"{found.name} speaks for '{found.party}', not for '{party}'",
                loc=(*loc, "speaker"),
            )
        person = Speaker(found.id, found.name, found.role)
    return Voice(row.slug, row.name, row.root, row.root_name, person)


def _held(connection: Connection, party: str) -> Any:
    row = VOICE.run(connection, {"party": party}).first()
    if row is None and connection.execute(HOLD, {"party": party}).first() is not None:
        # It got another root while we waited for its row, so the two no longer matched.
        row = VOICE.run(connection, {"party": party}).first()
    return row


def match_speaker(
    connection: Connection,
    party: str,
    person: NewSpeaker,
    lines: list[Line],
    *,
    actor: Actor,
    now: datetime,
) -> Speaker:
    """The speaker of this party with this name and role, recorded if new: the event is added to
    `lines`, for the caller to write."""
    spelled = names.normalize_speaker(person.name, person.role)
    folded = {"party": party, "folded_name": spelled["folded_name"]}
    if person.role is None:
        found = connection.execute(
            select(speakers)
            .filter_by(**folded)
            .order_by(speakers.c.created_at.desc())
            .limit(1)
            .with_for_update(read=True, key_share=True)
        ).first()
        if found is not None:
            return Speaker(found.id, found.name, found.role)
    folded |= spelled
    row = folded | {
        "id": ids.make_id(),
        "name": person.name,
        "role": person.role,
        "created_at": now,
    }
    namesake = NAMESAKE.run(connection, folded).first()
    if namesake is None:
        confusable_names.require_distinct_speaker(
            connection, party, person.name, folded["folded_role"], actor=actor
        )
        if insert_or_ignore(connection, speakers, row):
            said = {"party": party, "name": person.name, "role": person.role}
            subject = Subject(SubjectKind.SPEAKER, str(row["id"]))
            lines += writer.begin(subject, [Draft("speaker.created", said)], actor=actor, now=now)
            return Speaker(str(row["id"]), person.name, person.role)
        namesake = NAMESAKE.run(connection, folded).one()
    return Speaker(id_text(namesake[0]), namesake[1], namesake[2])


def create_speaker(
    connection: Connection, *, party: str, person: NewSpeaker, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """The speaker's id, and whether they are new."""
    access.require_permission(actor, Action.RECORD)
    if connection.execute(HOLD, {"party": party}).first() is None:
        raise Invalid(f"there is no party '{party}'", loc=("body", "party"))
    lines: list[Line] = []
    found = match_speaker(connection, party, person, lines, actor=actor, now=now)
    writer.write(connection, lines)
    return found.id, bool(lines)
