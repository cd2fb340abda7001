"""Renames that were under way where a desk was exported: they go on where it is imported.

An export holds the new name of a party, and the events of the claims that the rename had come to.
The others are found by what they lack: an event since the party has its name.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from service.accounts import account_commands
from service.claims import party_changes, rename_batches
from service.domain import history
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.store import states
from service.store.tables import claims, events, party_versions, speakers
from service.store.tables import parties as parties_table


def resume_renames(connection: Connection, *, now: datetime) -> int:
    """Go on with the renames that an import brought half done; gives how many there are.

    What few claims show is changed at once; servers go on with the rest.
    """
    resumed = 0
    for subject, draft, shown, since in _list_renamed(connection):
        listed = shown.subquery()
        told = exists().where(
            events.c.claim == claims.c.id,
            events.c.type == draft.type,
            events.c.recorded_at >= since,
        )
        left = select(claims.c.id).where(
            claims.c.id.in_(select(listed.c[0])), claims.c.created_at < since, ~told
        )
        found = connection.scalars(left.with_only_columns(states.whole(claims)))
        if not any(history.differs(states.parse(text), draft) for text in found):
            continue
        resumed += 1
        by: dict[str, Any] = {"actor": account_commands.IMPORTER, "now": now}
        rename_batches.begin_rename(connection, subject, draft, left, **by)
    return resumed


def _list_renamed(connection: Connection) -> Iterator[tuple[Subject, Draft, Any, datetime]]:
    """What was ever renamed or moved: what its claims record, which show it, and since when."""
    root = parties_table.alias("root")
    version = party_versions
    ever = (
        select(version.c.slug, func.max(version.c.recorded_at).label("since"))
        .group_by(version.c.slug)
        .having(func.count() > 1)
        .subquery()
    )
    rows = connection.execute(
        select(
            parties_table.c.slug,
            parties_table.c.name,
            parties_table.c.root,
            root.c.name.label("root_name"),
            ever.c.since,
        )
        .join(ever, ever.c.slug == parties_table.c.slug)
        .join(root, root.c.slug == parties_table.c.root)
        .order_by(parties_table.c.slug)
    ).all()
    for row in rows:
        voice = {"name": row.name, "root": row.root, "root_name": row.root_name}
        draft = Draft("party.changed", {"party": row.slug, "parties": {row.slug: voice}})
        shown = party_changes.select_showing_parties([row.slug])
        yield Subject(SubjectKind.PARTY, row.slug), draft, shown, row.since
    changed = (
        select(events.c.subject, func.max(events.c.recorded_at).label("since"))
        .where(events.c.kind == SubjectKind.SPEAKER.value, events.c.type == "speaker.changed")
        .group_by(events.c.subject)
    )
    for told in connection.execute(changed).all():
        speaker = connection.execute(select(speakers).where(speakers.c.id == told.subject)).one()
        data = {"speaker": speaker.id, "name": speaker.name, "role": speaker.role}
        shown = party_changes.select_showing_speaker(speaker.id, speaker.party)
        draft = Draft("speaker.changed", data)
        yield Subject(SubjectKind.SPEAKER, speaker.id), draft, shown, told.since
