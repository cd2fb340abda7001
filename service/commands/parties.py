"""Parties, speakers and stories: who speaks, and what is followed together.

A party's name and root, and a speaker's name and role, stand in every claim they touch.  Changing
one is therefore a change of those claims too, recorded on each (`rename_batches`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, union, update
from sqlalchemy.exc import IntegrityError

from service.commands import confusable, rename_batches, writer
from service.commands.inputs import NewSpeaker
from service.commands.writer import Line
from service.domain import access, ids, names
from service.domain.access import Action, Actor
from service.domain.claims import Speaker, Voice
from service.domain.errors import AlreadyExists, Invalid, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.store.engine import now_after
from service.store.prepared import Prepared
from service.store.tables import (
    claims,
    links,
    parties,
    party_versions,
    speakers,
    statements,
    stories,
)
from service.store.types import id_text
from service.store.upsert import insert_or_ignore

MAX_DEPTH = 8

_root = parties.alias("root")
VOICE = Prepared(
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
NAMESAKE = Prepared(
    select(speakers.c.id, speakers.c.name, speakers.c.role)
    .where(
        speakers.c.party == bindparam("party"),
        speakers.c.folded_name == bindparam("folded_name"),
        speakers.c.folded_role == bindparam("folded_role"),
    )
    .with_for_update(read=True, key_share=True)
)


def create(
    session: Connection,
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
    access.require(actor, Action.RECORD)
    root = slug
    if parent is not None:
        above = _ancestors(session, parent, loc=("body", "parent"))
        _require_room(above, 1)
        root = above[-1]
    if session.scalar(select(parties.c.slug).where(parties.c.slug == slug)) is not None:
        raise AlreadyExists(f"There is a party '{slug}' already.", slug=slug)
    confusable.require_distinct_party(session, name, actor=actor)
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
    if not insert_or_ignore(session, parties, row):
        raise AlreadyExists(f"There is a party '{slug}' already.", slug=slug)
    session.execute(insert(party_versions), version_row(row, now))
    named = ("name", "full_name", "kind", "country", "parent")
    draft = Draft("party.created", {name: row[name] for name in named})
    subject = Subject(SubjectKind.PARTY, slug)
    writer.write(session, writer.begin(subject, [draft], actor=actor, now=now))


def change(
    session: Connection, slug: str, changes: Mapping[str, Any], *, actor: Actor, now: datetime
) -> None:
    """Change a party's names, kind, country or parent, and every claim that shows it.

    A new parent may make voices independent of each other, or no longer: the claims concerned are
    weighed anew, and may fall back to awaiting_confirmation.
    """
    access.require(actor, Action.CHANGE_PARTIES)
    # One change of the tree at a time: two moves that are sound alone may make a circle together.
    tree = {row.slug: row for row in session.execute(_locked_tree()).all()}
    if slug not in tree:
        raise NotFound(f"There is no party '{slug}'.")
    if "parent" in changes and changes["parent"] is not None:
        above = _ancestors(session, changes["parent"], loc=("body", "parent"))
        if slug in above:
            raise Invalid(
                f"'{slug}' would become its own ancestor ({' → '.join(above)})",
                loc=("body", "parent"),
            )
        _require_room(above, _height(tree, slug))
    differing = {
        name: value for name, value in changes.items() if getattr(tree[slug], name) != value
    }
    if not differing:
        return
    if "name" in differing:
        confusable.require_distinct_party(session, differing["name"], slug=slug, actor=actor)
    chain = writer.lock_chain(session, Subject(SubjectKind.PARTY, slug))
    now = now_after(chain.recorded_at, now)
    session.execute(update(parties).where(parties.c.slug == slug).values(**differing))
    shown = bool({"name", "parent"} & differing.keys())
    if shown:
        now = _refresh(session, slug, actor=actor, now=now)
    draft = Draft("party.changed", dict(differing))
    writer.extend(session, chain, [draft], actor=actor, now=now)
    session.execute(update(parties).where(parties.c.slug == slug).values(updated_at=now))
    if not shown and "full_name" in differing:
        # No claim shows it, but what the party claims and says is found by it.
        subject, concerned = Subject(SubjectKind.PARTY, slug), select_showing_parties([slug])
        rename_batches.begin_rename(session, subject, None, concerned, actor=actor, now=now)


def _locked_tree() -> Any:
    return select(parties).order_by(parties.c.slug).with_for_update()


def _ancestors(session: Connection, slug: str, *, loc: tuple[str, ...]) -> list[str]:
    """`slug` and its ancestors, the root last, held where they are until this transaction ends.

    Raises Invalid where it is unknown.
    """
    path = [slug]
    while True:
        row = session.execute(HOLD, {"party": path[-1]}).first()
        if row is None:
            raise Invalid(f"there is no party '{path[-1]}'", loc=loc)
        if row.parent is None:
            return path
        path.append(row.parent)


def _require_room(above: list[str], levels: int) -> None:
    if len(above) + levels > MAX_DEPTH:
        raise Invalid(f"parties nest at most {MAX_DEPTH} deep", loc=("body", "parent"))


def _height(tree: Mapping[str, Any], slug: str) -> int:
    """How many levels `slug` and what is below it take."""
    below = [row.slug for row in tree.values() if row.parent == slug]
    return 1 + max((_height(tree, one) for one in below), default=0)


def _refresh(session: Connection, slug: str, *, actor: Actor, now: datetime) -> datetime:
    """Give the claims that show `slug`, or a party below it, its new name and root.

    Gives the instant from which the party has them.
    """
    tree = {row.slug: row for row in session.execute(select(parties)).all()}
    root = slug
    while tree[root].parent is not None:
        root = tree[root].parent
    below, waiting = [], [slug]
    while waiting:
        one = waiting.pop()
        below.append(one)
        waiting.extend(row.slug for row in tree.values() if row.parent == one)
    session.execute(update(parties).where(parties.c.slug.in_(below)).values(root=root))
    last = func.max(party_versions.c.recorded_at)
    now = now_after(session.scalar(select(last).where(party_versions.c.slug.in_(below))), now)
    voices = {
        one: {"name": tree[one].name, "root": root, "root_name": tree[root].name} for one in below
    }
    concerned = select_showing_parties(below)
    draft = Draft("party.changed", {"party": slug, "parties": voices})
    subject = Subject(SubjectKind.PARTY, slug)
    at = rename_batches.begin_rename(session, subject, draft, concerned, actor=actor, now=now)
    _keep_versions(session, [tree[one]._asdict() | {"root": root} for one in below], at)
    return at


def select_showing_parties(slugs: list[str]) -> Any:
    """The claims that show one of these parties."""
    return union(
        select(claims.c.id).where(claims.c.claimant.in_(slugs)),
        select(links.c.claim).where(links.c.party.in_(slugs)),
    )


def select_showing_speaker(speaker_id: str, party: str) -> Any:
    """The claims that show a speaker of this party."""
    spoken = select(statements.c.id).where(statements.c.speaker == speaker_id)
    return union(
        select(links.c.claim).where(links.c.statement.in_(spoken)),
        # A claimant's speaker may be another than the origin's: the state alone names them.
        select(claims.c.id).where(claims.c.claimant == party, claims.c.state.contains(speaker_id)),
    )


def _keep_versions(session: Connection, rows: list[dict[str, Any]], at: datetime) -> None:
    """Write down what holds of these parties from `at` on."""
    open_ones = party_versions.c.slug.in_(
        [row["slug"] for row in rows]
    ) & party_versions.c.superseded_at.is_(None)
    # What held for no time at all is not kept.
    session.execute(delete(party_versions).where(open_ones, party_versions.c.recorded_at == at))
    session.execute(update(party_versions).where(open_ones).values(superseded_at=at))
    session.execute(insert(party_versions), [version_row(row, at) for row in rows])


def version_row(party: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The row of `party_versions` that holds from `at` on."""
    kept = {name: party[name] for name in ("slug", "name", "parent", "root")}
    return kept | {"recorded_at": at}


def hold_shown(session: Connection, claim_ids: Sequence[str]) -> None:
    """Keep the parties and speakers of these claims as they are until this transaction ends.

    For whoever copies voices from one claim to another: a rename that did not see the copy would
    leave the former name there.
    """
    linked = links.c.claim.in_(claim_ids)
    held = [
        select(parties.c.slug)
        .where(parties.c.slug.in_(select(links.c.party).where(linked)))
        .order_by(parties.c.slug),
        select(speakers.c.id)
        .where(
            speakers.c.id.in_(
                select(statements.c.speaker)
                .join(links, links.c.statement == statements.c.id)
                .where(linked)
            )
        )
        .order_by(speakers.c.id),
    ]
    for query in held:
        session.execute(query.with_for_update(read=True, key_share=True))


def voice(
    session: Connection,
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
        return known_voice(session, party, speaker, loc=loc, field=field)
    whole = known_voice(session, party, None, loc=loc, field=field)
    person = match_speaker(session, party, speaker, lines, actor=actor, now=now)
    return replace(whole, speaker=person)


def known_voice(
    session: Connection,
    party: str,
    speaker: str | None,
    *,
    loc: tuple[str | int, ...] = ("body",),
    field: str = "party",
) -> Voice:
    """The voice of a party, and of a speaker who is recorded already.  Raises Invalid."""
    row = _held(session, party)
    if row is None:
        raise Invalid(
            f"there is no party '{party}'; create it with POST /v1/parties", loc=(*loc, field)
        )
    person = None
    if speaker is not None:
        found = session.execute(SPEAKER, {"speaker": speaker}).first()
        if found is None:
            raise Invalid("there is no speaker with this id", loc=(*loc, "speaker"))
        if found.party != party:
            raise Invalid(
                f"{found.name} speaks for '{found.party}', not for '{party}'",
                loc=(*loc, "speaker"),
            )
        person = Speaker(found.id, found.name, found.role)
    return Voice(row.slug, row.name, row.root, row.root_name, person)


def _held(session: Connection, party: str) -> Any:
    row = VOICE.run(session, {"party": party}).first()
    if row is None and session.execute(HOLD, {"party": party}).first() is not None:
        # It got another root while we waited for its row, so the two no longer matched.
        row = VOICE.run(session, {"party": party}).first()
    return row


def match_speaker(
    session: Connection,
    party: str,
    person: NewSpeaker,
    lines: list[Line],
    *,
    actor: Actor,
    now: datetime,
) -> Speaker:
    """The speaker of this party with this name and role, recorded if new: the event is added to
    `lines`, for the caller to write."""
    spelled = names.fold_speaker(person.name, person.role)
    folded = {"party": party, "folded_name": spelled["folded_name"]}
    if person.role is None:
        found = session.execute(
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
        "id": ids.uuid7(),
        "name": person.name,
        "role": person.role,
        "created_at": now,
    }
    namesake = NAMESAKE.run(session, folded).first()
    if namesake is None:
        confusable.require_distinct_speaker(
            session, party, person.name, folded["folded_role"], actor=actor
        )
        if insert_or_ignore(session, speakers, row):
            said = {"party": party, "name": person.name, "role": person.role}
            subject = Subject(SubjectKind.SPEAKER, str(row["id"]))
            lines += writer.begin(subject, [Draft("speaker.created", said)], actor=actor, now=now)
            return Speaker(str(row["id"]), person.name, person.role)
        namesake = NAMESAKE.run(session, folded).one()
    return Speaker(id_text(namesake[0]), namesake[1], namesake[2])


def create_speaker(
    session: Connection, *, party: str, person: NewSpeaker, actor: Actor, now: datetime
) -> tuple[str, bool]:
    """The speaker's id, and whether they are new."""
    access.require(actor, Action.RECORD)
    if session.execute(HOLD, {"party": party}).first() is None:
        raise Invalid(f"there is no party '{party}'", loc=("body", "party"))
    lines: list[Line] = []
    found = match_speaker(session, party, person, lines, actor=actor, now=now)
    writer.write(session, lines)
    return found.id, bool(lines)


def change_speaker(
    session: Connection,
    speaker_id: str,
    changes: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Correct a speaker's name or role, and every claim that shows it."""
    access.require(actor, Action.CHANGE_PARTIES)
    row = session.execute(
        select(speakers).where(speakers.c.id == speaker_id).with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no speaker with this id.")
    name, role = changes.get("name", row.name), changes.get("role", row.role)
    if (name, role) == (row.name, row.role):
        return
    chain = writer.lock_chain(session, Subject(SubjectKind.SPEAKER, speaker_id))
    now = now_after(chain.recorded_at, now)
    folded = names.fold_speaker(name, role)
    namesake = session.scalar(
        select(speakers.c.id).filter_by(party=row.party, **folded).where(speakers.c.id != row.id)
    )
    if namesake is not None:
        raise AlreadyExists("The party has a speaker of this name and role.", id=namesake)
    confusable.require_distinct_speaker(
        session, row.party, name, folded["folded_role"], speaker=speaker_id, actor=actor
    )
    try:
        session.execute(
            update(speakers)
            .where(speakers.c.id == speaker_id)
            .values(name=name, role=role, **folded)
        )
    except IntegrityError as error:
        raise AlreadyExists("The party has a speaker of this name and role by now.") from error
    concerned = select_showing_speaker(speaker_id, row.party)
    draft = Draft("speaker.changed", {"speaker": speaker_id, "name": name, "role": role})
    subject = Subject(SubjectKind.SPEAKER, speaker_id)
    now = rename_batches.begin_rename(session, subject, draft, concerned, actor=actor, now=now)
    changed = Draft("speaker.changed", {"name": name, "role": role})
    writer.extend(session, chain, [changed], actor=actor, now=now)


def create_story(
    session: Connection,
    *,
    slug: str,
    title: str,
    description: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    access.require(actor, Action.RECORD)
    row = {
        "slug": slug,
        "title": title,
        "description": description,
        "created_at": now,
        "updated_at": now,
    }
    if not insert_or_ignore(session, stories, row):
        raise AlreadyExists(f"There is a story '{slug}' already.", slug=slug)
    draft = Draft("story.created", {"title": title, "description": description})
    subject = Subject(SubjectKind.STORY, slug)
    writer.write(session, writer.begin(subject, [draft], actor=actor, now=now))


def change_story(
    session: Connection, slug: str, changes: Mapping[str, Any], *, actor: Actor, now: datetime
) -> None:
    access.require(actor, Action.CHANGE_PARTIES)
    row = session.execute(select(stories).where(stories.c.slug == slug).with_for_update()).first()
    if row is None:
        raise NotFound(f"There is no story '{slug}'.")
    differing = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not differing:
        return
    chain = writer.lock_chain(session, Subject(SubjectKind.STORY, slug))
    draft = Draft("story.changed", differing)
    (event,) = writer.extend(session, chain, [draft], actor=actor, now=now)
    session.execute(
        update(stories)
        .where(stories.c.slug == slug)
        .values(**differing, updated_at=event.recorded_at)
    )
