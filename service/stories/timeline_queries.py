"""Reads what happened in a story, by either clock, now and as of an instant."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, and_, case, or_, select, union_all

from service.claims import claim_snapshots
from service.claims.claim_views import ClaimView
from service.claims.history_queries import parse_event
from service.domain import history, plain_data
from service.domain.claims import Voice, format_instant
from service.record.event_queries import is_disclosed
from service.store.paging import Window, select_page
from service.store.snapshot import hold_snapshot
from service.store.tables import claim_versions, claims, events, links
from service.stories import corrected_entries, status_spans, timeline
from service.stories.corrected_entries import CorrectedEntry, MovedClaims
from service.stories.story_queries import find_story
from service.stories.timeline_views import Clock, EntryView, TimelineClaimView, TimelineExcerpt

LinkData = Mapping[str, Any]
"""The data of a link in the event that made it, with its claim."""
LINKING_TYPES = ("link.created", "claim.absorbed")
"""The events that links come from."""
LINK_TYPES = ("link.retracted", "link.affirmed", "link.voided", "link.restored")
STATEMENT_TYPES = (
    "statement.withdrawn",
    "statement.voided",
    "statement.restored",
    "statement.corrected",
)
"""The events about one link, and about all links of a statement."""


def read_timeline(
    connection: Connection,
    slug: str,
    *,
    clock: Clock,
    moment: datetime | None,
    window: Window,
    newest_first: bool = False,
) -> tuple[TimelineExcerpt, list[Any] | None]:
    """Read a page of the timeline with the lanes of its claims, and the sort keys of its last entry
    if another page follows.

    Oldest first unless asked otherwise; seven statements at most, however much happened.  By the
    clock `said` it has only what was said, claims and statements linked to them, in the order of
    the ends of the days or hours that are known.  What a correction moved to another story or hour
    is there.  Raises NotFound, NotYetRecorded.
    """
    with hold_snapshot(connection):
        story = find_story(connection, slug, moment)
        moved_claims = corrected_entries.select_moved_claims(slug, moment)
        corrected_entries_by_seq = corrected_entries.read_corrected_entries(
            connection, slug, moved_claims, moment
        )
        query = _select_entries(slug, moved_claims, clock, moment)
        rows = _read_rows(connection, query, clock, corrected_entries_by_seq, window, newest_first)
        more, rows = len(rows) > window.limit, rows[: window.limit]
        claim_ids = list(dict.fromkeys(row.claim for row in rows))
        briefs = _read_claims(connection, claim_ids, moment)
        all_events = [
            (
                row,
                corrected_entries_by_seq[row.seq].event
                if row.seq in corrected_entries_by_seq
                else parse_event(row),
            )
            for row in rows
        ]
        links_by_id = _read_links(connection, all_events)
        lanes = read_lanes(connection, claim_ids, moment)
    items = [_build_entry(row, each, briefs[row.claim], links_by_id) for row, each in all_events]
    excerpt: TimelineExcerpt = {
        "story": {"slug": story.slug, "title": story.title},
        "as_of": None if moment is None else format_instant(moment),
        "clock": clock,
        "items": items,
        "lanes": [timeline.build_lane(claim, lanes[claim]) for claim in claim_ids],
    }
    return excerpt, [*_read_place(rows[-1], clock, corrected_entries_by_seq)] if more else None


def _select_entries(
    slug: str, moved_claims: MovedClaims, clock: Clock, moment: datetime | None
) -> tuple[Select[Any], Select[Any]]:
    """Select the entries recorded in the story, and those that came with claims moved into it."""
    is_told = and_(events.c.type.in_(timeline.TYPES), is_disclosed())
    query = select(events)
    if clock == "said":
        query = query.where(events.c.said_end.is_not(None))
    if moment is not None:
        query = query.where(events.c.recorded_at <= moment)
    return (
        query.where(is_told, events.c.story == slug, events.c.claim.not_in(moved_claims.out)),
        # Of few claims: no index of types, which would lead through the whole record.
        query.where(
            case((is_told, 1), else_=0) == 1,
            events.c.story.is_distinct_from(slug),
            events.c.claim.in_(moved_claims.into),
        ),
    )


def _read_rows(
    connection: Connection,
    queries: tuple[Select[Any], ...],
    clock: Clock,
    corrected_entries_by_seq: Mapping[int, CorrectedEntry],
    window: Window,
    newest_first: bool,
) -> Sequence[Row[Any]]:
    """Read the page, and one row more, of what these queries select.

    By the clock `said`, what was corrected takes its place among what was not.
    """
    by = events.c.said_end if clock == "said" else events.c.recorded_at
    elsewhere = corrected_entries_by_seq if clock == "said" else {}
    pages = [
        select_page(
            query.where(events.c.seq.not_in(elsewhere)) if elsewhere else query,
            window,
            by,
            events.c.seq,
            newest_first=newest_first,
        ).subquery()
        for query in queries
    ]
    rows = [*connection.execute(union_all(*map(select, pages))).all()]
    rows += [
        entry.row
        for entry in elsewhere.values()
        if _is_in_window(
            _read_place(entry.row, clock, corrected_entries_by_seq), window, newest_first
        )
    ]
    rows.sort(
        key=lambda row: _read_place(row, clock, corrected_entries_by_seq), reverse=newest_first
    )
    return rows[: window.limit + 1]


def _is_in_window(place: tuple[datetime, int], window: Window, newest_first: bool) -> bool:
    if window.after is None:
        return True
    last = datetime.fromisoformat(window.after[0]), int(window.after[1])
    return place < last if newest_first else place > last


def _read_place(
    row: Row[Any], clock: Clock, corrected_entries_by_seq: Mapping[int, CorrectedEntry]
) -> tuple[datetime, int]:
    """Read the sort keys of an entry."""
    if clock == "recorded":
        return row.recorded_at, row.seq
    return (
        corrected_entries_by_seq[row.seq].said_end
        if row.seq in corrected_entries_by_seq
        else row.said_end
    ), row.seq


def _read_claims(
    connection: Connection, claim_ids: Collection[str], moment: datetime | None
) -> dict[str, TimelineClaimView]:
    """Read claims in brief as they are, or as they were at `moment`; merged ones too."""
    query: Any = select(claims.c.id, claims.c.document).where(claims.c.id.in_(claim_ids))
    if moment is not None:
        versions, ended_at = claim_versions, claim_snapshots.select_end_of_version(moment)
        query = union_all(
            query.where(claims.c.changed_at <= moment),
            select(claims.c.id, versions.c.document)
            .select_from(claims)
            .join(
                versions,
                and_(versions.c.claim == claims.c.id, versions.c.superseded_at == ended_at),
            )
            .where(claims.c.id.in_(claim_ids), claims.c.changed_at > moment),
        )
    claims_by_id: dict[str, TimelineClaimView] = {}
    for row in connection.execute(query).all():
        claim: ClaimView = orjson.loads(row.document)
        claims_by_id[row.id] = {
            "id": claim["id"],
            "text": claim["text"],
            "kind": claim["kind"],
            "claimant": claim["claimant"],
            "status": claim["status"],
            "lifecycle": claim["lifecycle"],
            "merged_into": claim["merged_into"],
            "part_of": claim["part_of"],
        }
    return claims_by_id


def _read_links(
    connection: Connection, rows: Sequence[tuple[Row[Any], history.Event]]
) -> dict[str, LinkData]:
    """Read the links that these events cite or end, by id, as they were when they were made."""
    cited_ids = {link for _, each in rows for link in _list_cited_links(each)}
    withdrawals = {
        (row.claim, each.data["statement"]) for row, each in rows if each.type in STATEMENT_TYPES
    }
    query = (
        select(links.c.id, links.c.claim, links.c.statement, events.c.data)
        .join(
            events,
            and_(
                # The index of types by instants: a claim's own would be read from its start, and
                # its story may have been another one then.
                events.c.type.in_(LINKING_TYPES),
                events.c.recorded_at == links.c.recorded_at,
                events.c.claim.is_not(None),
                case((events.c.claim == links.c.claim, 1), else_=0) == 1,
            ),
        )
        .where(
            or_(
                links.c.id.in_(cited_ids),
                and_(
                    links.c.claim.in_({claim for claim, _ in withdrawals}),
                    links.c.statement.in_({statement for _, statement in withdrawals}),
                ),
            )
        )
    )
    links_by_id: dict[str, LinkData] = {}
    for row in connection.execute(query).all():
        data = orjson.loads(row.data)
        for link in data["links"] if "links" in data else [data["link"]]:
            if link["id"] == row.id:
                links_by_id[row.id] = link | {"claim": row.claim}
    return links_by_id


def _list_cited_links(event: history.Event) -> list[str]:
    if event.type == "claim.status_changed":
        return list(event.data["cites"])
    return [event.data["link"]] if event.type in LINK_TYPES else []


def _build_entry(
    row: Row[Any], event: history.Event, brief: TimelineClaimView, links: Mapping[str, LinkData]
) -> EntryView:
    if event.type == "link.created":
        links_concerned = [event.data["link"]]
    elif event.type == "claim.absorbed":
        links_concerned = event.data["links"]
    elif event.type in STATEMENT_TYPES:
        links_concerned = [
            link
            for link in links.values()
            if (link["claim"], link["statement"]) == (row.claim, event.data["statement"])
        ]
    else:
        links_concerned = [links[link] for link in _list_cited_links(event)]
    sources = [plain_data.read_source(link["voice"]) for link in links_concerned]
    voices = [source for source in sources if isinstance(source, Voice)]
    if event.type == "claim.created" and event.data["claimant"]:
        voices = [plain_data.read_voice(event.data["claimant"])]
    return timeline.build_entry(
        event, seq=row.seq, claim=brief, links=links_concerned, voices=voices
    )


def read_lanes(
    connection: Connection, claim_ids: Collection[str], moment: datetime | None
) -> dict[str, status_spans.Lane]:
    """Read the lanes of claims by id, as far as the desk knew at `moment`."""
    query = select(events).where(
        events.c.claim.in_(claim_ids), events.c.type.in_(status_spans.EVENT_TYPES)
    )
    if moment is not None:
        query = query.where(events.c.recorded_at <= moment)
    rows = connection.execute(query.order_by(events.c.claim, events.c.number)).all()
    return {
        claim: status_spans.draw_lane(map(parse_event, claim_rows))
        for claim, claim_rows in groupby(rows, key=lambda row: row.claim)
    }
