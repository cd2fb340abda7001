"""Changes parties and speakers, and with them the claims that show them.

A party's name and root, and a speaker's name and role, are on every claim that they touch: a change
is recorded on each of those claims (`rename_batches`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, union, update
from sqlalchemy.exc import IntegrityError

from service.claims import rename_batches
from service.directory import confusable_names, party_commands
from service.domain import access, names, plain_data
from service.domain.access import Action, Actor
from service.domain.claims import Attribution
from service.domain.errors import AlreadyExists, Invalid, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.engine import clamp_now
from service.store.tables import (
    claims,
    inquiries,
    links,
    parties,
    party_versions,
    speakers,
    statements,
)


def change_party(
    connection: Connection,
    slug: str,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change a party's names, kind, country or parent, and every claim that shows it; or merge it
    into another, or separate it, with a reason (`directory_merges`).

    A new parent may make voices independent of each other, or dependent: the claims' evidence is
    counted again, and they may fall back to awaiting_confirmation.
    """
    access.require_permission(actor, Action.CHANGE_PARTIES)
    # One change of the tree at a time: two moves that are sound alone may make a circle together.
    tree = {row.slug: row for row in connection.execute(_select_locked_tree()).all()}
    if slug not in tree:
        raise NotFound(f"There is no party '{slug}'.")
    if "parent" in changes and changes["parent"] is not None:
        above = party_commands.list_ancestors(connection, changes["parent"], loc=("body", "parent"))
        if slug in above:
            raise Invalid(
                f"'{slug}' would become its own ancestor ({' → '.join(above)})",
                loc=("body", "parent"),
            )
        party_commands.require_depth(above, _measure_height(tree, slug))
    differing = {
        name: value for name, value in changes.items() if getattr(tree[slug], name) != value
    }
    if not differing:
        return
    is_merge = "merged_into" in changes
    if "name" in differing and not is_merge:
        confusable_names.require_distinct_party(
            connection, differing["name"], slug=slug, actor=actor
        )
    chain = writer.lock_chain(connection, Subject(SubjectKind.PARTY, slug))
    now = clamp_now(chain.recorded_at, now)
    connection.execute(update(parties).where(parties.c.slug == slug).values(**differing))
    same = list_merged(tree, slug) if "name" in differing else []
    chains = {
        merged_slug: writer.lock_chain(connection, _subject(merged_slug)) for merged_slug in same
    }
    if same:
        now = max(now, *(clamp_now(other.recorded_at, now) for other in chains.values()))
        rows = update(parties).where(parties.c.slug.in_(same))
        connection.execute(rows.values(name=differing["name"]))
    is_shown = bool({"name", "parent", "in_sentence"} & differing.keys())
    if is_shown:
        now = _rename_on_claims(connection, slug, actor=actor, now=now)
    draft = Draft("party.changed", dict(differing))
    if is_merge:
        was = {name: getattr(tree[slug], name) for name in ("name", "parent")}
        act = "party.merged" if changes["merged_into"] else "party.separated"
        draft = Draft(act, {**changes, "was": was, "reason": reason})
    for merged_slug, other in chains.items():
        renaming = Draft("party.changed", {"name": differing["name"]})
        writer.extend_chain(connection, other, [renaming], actor=actor, now=now)
        connection.execute(
            update(parties).where(parties.c.slug == merged_slug).values(updated_at=now)
        )
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
    connection.execute(update(parties).where(parties.c.slug == slug).values(updated_at=now))
    if not is_shown and "full_name" in differing:
        # No claim shows it, but what the party claims and says is found by it.
        subject, concerned_claims = Subject(SubjectKind.PARTY, slug), select_showing_parties([slug])
        rename_batches.begin_rename(
            connection, subject, None, concerned_claims, actor=actor, now=now
        )


def _subject(slug: str) -> Subject:
    return Subject(SubjectKind.PARTY, slug)


def list_merged(tree: Mapping[str, Any], slug: str) -> list[str]:
    """List the parties that were merged into `slug`, and those that were into them before."""
    merged_slugs, waiting = list[str](), [slug]
    while waiting:
        into = waiting.pop()
        lower_slugs = [row.slug for row in tree.values() if row.merged_into == into]
        merged_slugs += lower_slugs
        waiting += lower_slugs
    return sorted(merged_slugs)


def _select_locked_tree() -> Any:
    return select(parties).order_by(parties.c.slug).with_for_update()


def _measure_height(tree: Mapping[str, Any], slug: str) -> int:
    """Return how many levels `slug` and the parties below it have."""
    below = [row.slug for row in tree.values() if row.parent == slug]
    return 1 + max((_measure_height(tree, child) for child in below), default=0)


def _rename_on_claims(
    connection: Connection, slug: str, *, actor: Actor, now: datetime
) -> datetime:
    """Give the claims that show `slug`, or a party below it, its new name and root.

    Returns the instant from which the party has them.
    """
    tree = {row.slug: row for row in connection.execute(select(parties)).all()}
    root = slug
    while tree[root].parent is not None:
        root = tree[root].parent
    below, waiting = [], [slug]
    while waiting:
        parent = waiting.pop()
        below.append(parent)
        waiting.extend(row.slug for row in tree.values() if row.parent == parent)
    connection.execute(update(parties).where(parties.c.slug.in_(below)).values(root=root))
    last = func.max(party_versions.c.recorded_at)
    now = clamp_now(connection.scalar(select(last).where(party_versions.c.slug.in_(below))), now)
    voices = {
        member: plain_data.describe_names(
            name=tree[member].name,
            in_sentence=tree[member].in_sentence,
            root=root,
            root_name=tree[root].name,
            root_in_sentence=tree[root].in_sentence,
        )
        for member in below
    }
    concerned_claims = select_showing_parties(below)
    draft = Draft("party.changed", {"party": slug, "parties": voices})
    subject = Subject(SubjectKind.PARTY, slug)
    at = rename_batches.begin_rename(
        connection, subject, draft, concerned_claims, actor=actor, now=now
    )
    _keep_versions(connection, [tree[member]._asdict() | {"root": root} for member in below], at)
    return at


def select_showing_parties(slugs: list[str]) -> Any:
    """Select the claims that show one of these parties."""
    return union(
        select(claims.c.id).where(claims.c.claimant.in_(slugs)),
        select(links.c.claim).where(links.c.party.in_(slugs)),
        select(inquiries.c.claim).where(inquiries.c.party.in_(slugs)),
        # A link of a source that is not named does not name its party; the statement does.
        select(links.c.claim)
        .join(statements, statements.c.id == links.c.statement)
        .where(statements.c.attribution == Attribution.UNNAMED, statements.c.party.in_(slugs)),
    )


def select_showing_speaker(speaker_id: str, party: str) -> Any:
    """Select the claims that show a speaker of this party."""
    statement_ids = select(statements.c.id).where(statements.c.speaker == speaker_id)
    return union(
        select(links.c.claim).where(links.c.statement.in_(statement_ids)),
        # A claimant's speaker may be another than the origin's: the state alone names them.
        select(claims.c.id).where(claims.c.claimant == party, claims.c.state.contains(speaker_id)),
    )


def _keep_versions(connection: Connection, rows: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Store what holds of these parties from `at` on."""
    open_ones = party_versions.c.slug.in_(
        [row["slug"] for row in rows]
    ) & party_versions.c.superseded_at.is_(None)
    # What held for no time at all is not kept.
    connection.execute(delete(party_versions).where(open_ones, party_versions.c.recorded_at == at))
    connection.execute(update(party_versions).where(open_ones).values(superseded_at=at))
    connection.execute(
        insert(party_versions), [party_commands.build_version_row(row, at) for row in rows]
    )


def lock_voices(connection: Connection, claim_ids: Sequence[str]) -> None:
    """Lock the parties and speakers of these claims until this transaction ends.

    For commands that copy voices from one claim to another: a concurrent rename would not see the
    copy, and leave the former name there.
    """
    is_linked = links.c.claim.in_(claim_ids)
    lock_queries = [
        select(parties.c.slug)
        .where(
            parties.c.slug.in_(
                select(statements.c.party)
                .join(links, links.c.statement == statements.c.id)
                .where(is_linked)
            )
        )
        .order_by(parties.c.slug),
        select(speakers.c.id)
        .where(
            speakers.c.id.in_(
                select(statements.c.speaker)
                .join(links, links.c.statement == statements.c.id)
                .where(is_linked)
            )
        )
        .order_by(speakers.c.id),
    ]
    for query in lock_queries:
        connection.execute(query.with_for_update(read=True, key_share=True))


def change_speaker(
    connection: Connection,
    speaker_id: str,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Correct a speaker's name or role, and every claim that shows it; or merge the speaker into
    another, or separate them, with a reason (`directory_merges`)."""
    access.require_permission(actor, Action.CHANGE_PARTIES)
    row = connection.execute(
        select(speakers).where(speakers.c.id == speaker_id).with_for_update()
    ).first()
    if row is None:
        raise NotFound("There is no speaker with this id.")
    name, role = changes.get("name", row.name), changes.get("role", row.role)
    is_merge = "merged_into" in changes
    if (name, role) == (row.name, row.role) and not is_merge:
        return
    if is_merge:
        act = "speaker.merged" if changes["merged_into"] else "speaker.separated"
        was = {"name": row.name, "role": row.role}
        draft = Draft(act, {**changes, "was": was, "reason": reason})
        _record_speaker(connection, row, changes, draft, actor=actor, now=now)
    else:
        folded_name = names.normalize_speaker(name, role)
        _require_own_name(connection, row, name, folded_name, actor=actor)
        draft = Draft("speaker.changed", {"name": name, "role": role})
        values = {"name": name, "role": role, **folded_name}
        _record_speaker(connection, row, values, draft, actor=actor, now=now)
    for other in list_merged_speakers(connection, speaker_id):
        # Those who were merged into this one are shown as this one is.
        values = {"name": name, "role": role}
        draft = Draft("speaker.changed", values)
        _record_speaker(connection, other, values, draft, actor=actor, now=now)


def list_merged_speakers(connection: Connection, speaker_id: str) -> list[Row[Any]]:
    """List the speakers who were merged into this one, and those who were into them before."""
    merged_speakers, waiting = list[Row[Any]](), [speaker_id]
    while waiting:
        merged_rows = connection.execute(
            select(speakers).where(speakers.c.merged_into.in_(waiting)).order_by(speakers.c.id)
        ).all()
        merged_speakers += merged_rows
        waiting = [row.id for row in merged_rows]
    return merged_speakers


def _require_own_name(
    connection: Connection, row: Any, name: str, folded_name: Mapping[str, str], *, actor: Actor
) -> None:
    """Raise AlreadyExists where another speaker of the party has the name and role."""
    namesake = connection.scalar(
        select(speakers.c.id)
        .filter_by(party=row.party, **folded_name)
        .where(speakers.c.id != row.id)
    )
    if namesake is not None:
        raise AlreadyExists("The party has a speaker of this name and role.", id=namesake)
    confusable_names.require_distinct_speaker(
        connection, row.party, name, folded_name["folded_role"], speaker=row.id, actor=actor
    )


def _record_speaker(
    connection: Connection,
    row: Any,
    values: Mapping[str, Any],
    draft: Draft,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Change a speaker's row, and what the claims say that show the speaker."""
    subject = Subject(SubjectKind.SPEAKER, row.id)
    chain = writer.lock_chain(connection, subject)
    now = clamp_now(chain.recorded_at, now)
    try:
        connection.execute(update(speakers).where(speakers.c.id == row.id).values(**values))
    except IntegrityError as error:
        raise AlreadyExists("The party has a speaker of this name and role by now.") from error
    concerned_claims = select_showing_speaker(row.id, row.party)
    change = {
        "speaker": row.id,
        "name": values.get("name", row.name),
        "role": values.get("role", row.role),
    }
    rename = Draft("speaker.changed", change)
    now = rename_batches.begin_rename(
        connection, subject, rename, concerned_claims, actor=actor, now=now
    )
    writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
