"""Go on with renames that were under way where a desk was exported.

An export holds the new name of a party, and the events of the claims that the rename had come to.
The others are found by what they lack: an event since the party has its name.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, SelectBase, exists, func, select

from service.claims import party_changes, rename_batches
from service.domain import access, history, plain_data
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.store import states
from service.store.tables import claims, events, party_versions, speakers
from service.store.tables import parties as parties_table


def resume_renames(connection: Connection, *, now: datetime) -> int:
    """Go on with the renames that an import brought half done; return how many there are.

    A name that few claims show is changed at once; servers go on with the rest.
    """
    resumption_count = 0
    for subject, draft, showing, since in _list_renamed(connection):
        is_recorded = exists().where(
            events.c.claim == claims.c.id,
            events.c.type == draft.type,
            events.c.recorded_at >= since,
        )
        waiting = select(claims.c.id).where(
            claims.c.id.in_(select(showing.subquery().c[0])),
            claims.c.created_at < since,
            ~is_recorded,
        )
        stored_state = connection.scalars(waiting.with_only_columns(states.select_whole(claims)))
        if any(history.is_affected(states.parse(text), draft) for text in stored_state):
            resumption_count += 1
            rename_batches.begin_rename(
                connection, subject, draft, waiting, actor=access.IMPORTER, now=now
            )
    return resumption_count


def _list_renamed(connection: Connection) -> Iterator[tuple[Subject, Draft, SelectBase, datetime]]:
    """Yield every party and speaker that was ever renamed or moved: the event that its claims
    record, which claims show it, and since when."""
    root = parties_table.alias("root")
    renamed_claims = (
        select(party_versions.c.slug, func.max(party_versions.c.recorded_at).label("since"))
        .group_by(party_versions.c.slug)
        .having(func.count() > 1)
        .subquery()
    )
    parties = connection.execute(
        select(
            parties_table.c.slug,
            parties_table.c.name,
            parties_table.c.root,
            root.c.name.label("root_name"),
            parties_table.c.in_sentence,
            root.c.in_sentence.label("root_in_sentence"),
            renamed_claims.c.since,
        )
        .join(renamed_claims, renamed_claims.c.slug == parties_table.c.slug)
        .join(root, root.c.slug == parties_table.c.root)
        .order_by(parties_table.c.slug)
    ).all()
    for party in parties:
        voice = plain_data.describe_names(
            name=party.name,
            in_sentence=party.in_sentence,
            root=party.root,
            root_name=party.root_name,
            root_in_sentence=party.root_in_sentence,
        )
        draft = Draft("party.changed", {"party": party.slug, "parties": {party.slug: voice}})
        showing = party_changes.select_showing_parties([party.slug])
        yield Subject(SubjectKind.PARTY, party.slug), draft, showing, party.since
    changes = (
        select(events.c.subject, func.max(events.c.recorded_at).label("since"))
        .where(events.c.kind == SubjectKind.SPEAKER.value, events.c.type != "speaker.created")
        .group_by(events.c.subject)
    )
    for change in connection.execute(changes).all():
        speaker = connection.execute(select(speakers).where(speakers.c.id == change.subject)).one()
        data = {"speaker": speaker.id, "name": speaker.name, "role": speaker.role}
        showing = party_changes.select_showing_speaker(speaker.id, speaker.party)
        draft = Draft("speaker.changed", data)
        yield Subject(SubjectKind.SPEAKER, speaker.id), draft, showing, change.since
