"""Commands about parties and speakers: recording them, and finding them by their names."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select

from service.directory import confusable_names
from service.domain import access, ids, names, plain_data
from service.domain.access import Action, Actor
from service.domain.claims import Speaker, Voice
from service.domain.errors import AlreadyExists, Invalid
from service.domain.history import Draft
from service.domain.inputs import NewSpeaker
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.compiled_statements import CompiledStatement, insert_or_ignore
from service.store.tables import parties, party_versions, speakers
from service.store.types import format_id

MAX_DEPTH = 8

_root = parties.alias("root")
LOCK_VOICE = CompiledStatement(
    select(
        parties.c.slug,
        parties.c.name,
        parties.c.root,
        _root.c.name.label("root_name"),
        parties.c.in_sentence,
        _root.c.in_sentence.label("root_in_sentence"),
    )
    .join(_root, _root.c.slug == parties.c.root)
    .where(parties.c.slug == bindparam("party"))
    # Keeps a party from moving under another until this transaction has linked or claimed.
    .with_for_update(read=True, key_share=True)
)
LOCK_PARTY: Select[Any] = (
    select(parties.c.slug, parties.c.parent)
    .where(parties.c.slug == bindparam("party"))
    .with_for_update(read=True, key_share=True)
)
# Speakers are locked likewise, against a change of name.
LOCK_SPEAKER = (
    select(speakers)
    .where(speakers.c.id == bindparam("speaker"))
    .with_for_update(read=True, key_share=True)
)
LOCK_NAMESAKE = CompiledStatement(
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
    in_sentence: str | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Record a party.  Raises AlreadyExists, or Invalid for an unknown or too deep parent."""
    access.require_permission(actor, Action.RECORD)
    root = slug
    if parent is not None:
        above = list_ancestors(connection, parent, loc=("body", "parent"))
        require_depth(above, 1)
        root = above[-1]
    conflict = AlreadyExists(f"There is a party '{slug}' already.", slug=slug)
    if connection.scalar(select(parties.c.slug).where(parties.c.slug == slug)) is not None:
        raise conflict
    confusable_names.require_distinct_party(connection, name, actor=actor)
    description = {
        "name": name,
        "full_name": full_name,
        "kind": kind,
        "country": country,
        "parent": parent,
    }
    if in_sentence is not None:
        description["in_sentence"] = in_sentence
    row = {"slug": slug, **description, "root": root, "created_at": now, "updated_at": now}
    if not insert_or_ignore(connection, parties, row):
        raise conflict
    connection.execute(insert(party_versions), build_version_row(row, now))
    draft = Draft("party.created", description)
    subject = Subject(SubjectKind.PARTY, slug)
    writer.write_lines(connection, writer.build_first_lines(subject, [draft], actor=actor, now=now))


def list_ancestors(connection: Connection, slug: str, *, loc: tuple[str, ...]) -> list[str]:
    """Return `slug` and its ancestors, the root last, locked until this transaction ends.

    Raises Invalid where it is unknown.
    """
    path = [slug]
    while (parent := _lock_party(connection, path[-1], loc).parent) is not None:
        path.append(parent)
    return path


def _lock_party(connection: Connection, slug: str, loc: tuple[str | int, ...]) -> Row[Any]:
    """Return a party's row, locked until this transaction ends.  Raises Invalid."""
    row = connection.execute(LOCK_PARTY, {"party": slug}).first()
    if row is None:
        raise Invalid(f"there is no party '{slug}'; create it with POST /v1/parties", loc=loc)
    return row


def require_depth(above: list[str], levels: int) -> None:
    """Raise Invalid where `levels` of parties below those `above` would nest too deep."""
    if len(above) + levels > MAX_DEPTH:
        raise Invalid(f"parties nest at most {MAX_DEPTH} deep", loc=("body", "parent"))


def build_version_row(party: Mapping[str, Any], at: datetime) -> dict[str, object]:
    """Return the row of `party_versions` that holds from `at` on."""
    return {
        "slug": party["slug"],
        "name": party["name"],
        "parent": party["parent"],
        "root": party["root"],
        "recorded_at": at,
    }


def resolve_voice(
    connection: Connection,
    party: str,
    speaker: str | NewSpeaker | None,
    lines: list[writer.EventRow],
    *,
    actor: Actor,
    now: datetime,
    loc: tuple[str | int, ...] = ("body",),
    field: str = "party",
) -> Voice:
    """Return the voice of a party and a speaker, who is recorded if new: the event is added to
    `lines`, for the caller to write.

    People match by party, name and role, without diacritics.  A new role makes a new speaker, for
    what was said before keeps the role it was said in.  Without a role, the speaker is whoever of
    that name the party has, the latest role first.
    """
    if not isinstance(speaker, NewSpeaker):
        return require_voice(connection, party, speaker, loc=loc, field=field)
    voice = require_voice(connection, party, None, loc=loc, field=field)
    person = find_or_create_speaker(connection, party, speaker, lines, actor=actor, now=now)
    return replace(voice, speaker=person)


def require_voice(
    connection: Connection,
    party: str,
    speaker: str | None,
    *,
    loc: tuple[str | int, ...] = ("body",),
    field: str = "party",
) -> Voice:
    """Return the voice of a party and a speaker that are recorded already, locked until this
    transaction ends.  Raises Invalid."""
    row = LOCK_VOICE.run(connection, {"party": party}).first()
    if row is None:
        _lock_party(connection, party, (*loc, field))
        # It got another root while we waited for its row, so the two no longer matched.
        row = LOCK_VOICE.run(connection, {"party": party}).one()
    person = None
    if speaker is not None:
        speaker_row = connection.execute(LOCK_SPEAKER, {"speaker": speaker}).first()
        if speaker_row is None:
            raise Invalid("there is no speaker with this id", loc=(*loc, "speaker"))
        if speaker_row.party != party:
            raise Invalid(
                f"{speaker_row.name} speaks for '{speaker_row.party}', not for '{party}'",
                loc=(*loc, "speaker"),
            )
        person = Speaker(speaker_row.id, speaker_row.name, speaker_row.role)
    return plain_data.build_voice(row.slug, row._asdict(), person)


def find_or_create_speaker(
    connection: Connection,
    party: str,
    person: NewSpeaker,
    lines: list[writer.EventRow],
    *,
    actor: Actor,
    now: datetime,
) -> Speaker:
    """Return the speaker of this party with this name and role, recorded if new: the event is
    added to `lines`, for the caller to write."""
    folded_name = {"party": party, **names.normalize_speaker(person.name, person.role)}
    if person.role is None:
        speaker_row = connection.execute(
            select(speakers)
            .filter_by(party=party, folded_name=folded_name["folded_name"])
            .order_by(speakers.c.created_at.desc())
            .limit(1)
            .with_for_update(read=True, key_share=True)
        ).first()
        if speaker_row is not None:
            return Speaker(speaker_row.id, speaker_row.name, speaker_row.role)
    namesake = LOCK_NAMESAKE.run(connection, folded_name).first()
    if namesake is None:
        confusable_names.require_distinct_speaker(
            connection, party, person.name, folded_name["folded_role"], actor=actor
        )
        speaker = Speaker(ids.make_id(), person.name, person.role)
        row = {
            **folded_name,
            "id": speaker.id,
            "name": person.name,
            "role": person.role,
            "created_at": now,
        }
        if insert_or_ignore(connection, speakers, row):
            description = {"party": party, "name": person.name, "role": person.role}
            subject = Subject(SubjectKind.SPEAKER, speaker.id)
            draft = Draft("speaker.created", description)
            lines += writer.build_first_lines(subject, [draft], actor=actor, now=now)
            return speaker
        namesake = LOCK_NAMESAKE.run(connection, folded_name).one()
    return Speaker(format_id(namesake[0]), namesake[1], namesake[2])


def create_speaker(
    connection: Connection, *, party: str, person: NewSpeaker, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """Record a speaker; return their id, and whether they are new.  Raises Invalid."""
    access.require_permission(actor, Action.RECORD)
    _lock_party(connection, party, ("body", "party"))
    lines: list[writer.EventRow] = []
    speaker = find_or_create_speaker(connection, party, person, lines, actor=actor, now=now)
    writer.write_lines(connection, lines)
    return speaker.id, bool(lines)
