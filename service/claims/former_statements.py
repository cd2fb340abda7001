"""Statements and their sources as the desk believed them to be before they were corrected.

Rows say what is right; the record says what was believed.  An answer as of an instant takes back
the corrections of statements and sources, and the merges of sources, that came after it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.claims.statement_views import QuoteView, SelectorView, StatementView
from service.directory.directory_queries import build_source_view
from service.domain.claims import Attribution, format_instant
from service.domain.subjects import SubjectKind
from service.store.tables import events, parties, quotes, sources, speakers

VOICE_FIELDS = frozenset({"party", "speaker", "attribution"})
NO_CONTEXT: SelectorView = {"exact": "", "prefix": "", "suffix": ""}
MERGE_TYPES = ("source.merged", "source.separated")


def restore_statements(
    connection: Connection,
    views: Sequence[StatementView],
    moment: datetime,
    *,
    with_voices: bool = True,
) -> None:
    """Give statements and their sources back what was believed of them at `moment`.

    What was corrected after it says when it last was: `corrected_since`.  Without `with_voices`,
    the caller knows already whose words they were.
    """
    statement_ids = {view["id"] for view in views}
    later = _read_events(connection, SubjectKind.STATEMENT, statement_ids, ["statement.corrected"])
    cited_sources = _read_cited_sources(connection, statement_ids)
    for row in reversed(later):
        if row.recorded_at <= moment:
            continue
        before: Mapping[str, Any] = orjson.loads(row.data)["before"]
        # A statement that was linked again is shown with each of its links.
        for view in [view for view in views if view["id"] == row.subject]:
            view.setdefault("corrected_since", format_instant(row.recorded_at))
            _restore_fields(view, before, cited_sources)
            if with_voices and not VOICE_FIELDS.isdisjoint(before):
                _restore_voice(connection, view, before)
    quotes = [quote for view in views for quote in view["quotes"]]
    _restore_sources(connection, quotes, cited_sources, moment)


def _read_events(
    connection: Connection, kind: SubjectKind, subjects: Collection[str], types: Sequence[str]
) -> Sequence[Any]:
    """Read events of these types about these subjects, each subject's oldest first."""
    return connection.execute(
        select(events.c.subject, events.c.type, events.c.recorded_at, events.c.data)
        .where(
            events.c.kind == kind.value, events.c.subject.in_(subjects), events.c.type.in_(types)
        )
        .order_by(events.c.subject, events.c.number)
    ).all()


def _read_cited_sources(connection: Connection, statements: Collection[str]) -> dict[str, str]:
    """Read which source each quote was recorded with, by the quote's id."""
    query = select(quotes.c.id, quotes.c.source).where(quotes.c.statement.in_(statements))
    return {row.id: row.source for row in connection.execute(query)}


def _restore_fields(
    view: StatementView, before: Mapping[str, Any], cited_sources: dict[str, str]
) -> None:
    view["party"] = before.get("party", view["party"])
    view["said_at"] = before.get("said_at", view["said_at"])
    view["precision"] = before.get("precision", view["precision"])
    view["basis"] = before.get("basis", view["basis"])
    view["description"] = before.get("description", view["description"])
    former_quotes = {quote["id"]: quote for quote in before.get("quotes", ())}
    for quote in view["quotes"]:
        _restore_quote(quote, former_quotes.get(quote["id"], {}), cited_sources)


def _restore_quote(
    quote: QuoteView, before: Mapping[str, Any], cited_sources: dict[str, str]
) -> None:
    quote["text"] = before.get("text", quote["text"])
    quote["language"] = before.get("language", quote["language"])
    quote["rendering"] = before.get("rendering", quote["rendering"])
    quote["selector"] = _restore_selector(quote["selector"], before)
    if "source" in before:
        cited_sources[quote["id"]] = before["source"]


def _restore_selector(
    selector: SelectorView | None, before: Mapping[str, Any]
) -> SelectorView | None:
    """Return where in its source a quote was believed to stand."""
    exact = before.get("exact", selector["exact"] if selector else None)
    if exact is None:
        return None
    context = selector or NO_CONTEXT
    return {
        "exact": exact,
        "prefix": before.get("prefix", context["prefix"]),
        "suffix": before.get("suffix", context["suffix"]),
    }


def _restore_voice(connection: Connection, view: StatementView, before: Mapping[str, Any]) -> None:
    """Say whose words they were, in the names that the directory has now."""
    root = parties.alias("root")
    party = connection.execute(
        select(parties.c.name, parties.c.root, root.c.name.label("root_name"))
        .join(root, root.c.slug == parties.c.root)
        .where(parties.c.slug == view["party"])
    ).first()
    if "attribution" in before:
        view["attribution"] = before["attribution"]
    is_unnamed = view["attribution"] == Attribution.UNNAMED
    if not is_unnamed:
        view["attribution"] = Attribution.NAMED if party else None
    view["party_name"] = party.name if party else None
    # A source that is not named is no voice of its party, and none of its evidence.
    view["root"] = party.root if party and not is_unnamed else None
    view["root_name"] = party.root_name if party and not is_unnamed else None
    if "speaker" in before:
        columns = select(speakers.c.id, speakers.c.name, speakers.c.role)
        row = connection.execute(columns.where(speakers.c.id == before["speaker"])).first()
        view["speaker"] = {"id": row.id, "name": row.name, "role": row.role} if row else None


def _restore_sources(
    connection: Connection,
    views: Sequence[QuoteView],
    cited_sources: Mapping[str, str],
    moment: datetime,
) -> None:
    """Give quotes the sources that they showed at `moment`, as those were described then."""
    sources_by_quote = {quote["id"]: cited_sources[quote["id"]] for quote in views}
    merges = _read_events(connection, SubjectKind.SOURCE, {*sources_by_quote.values()}, MERGE_TYPES)
    survivors: dict[str, str] = {}
    for row in merges:
        if row.recorded_at <= moment:
            survivors[row.subject] = orjson.loads(row.data)["merged_into"] or row.subject
    shown_sources = {
        quote: survivors.get(source, source) for quote, source in sources_by_quote.items()
    }
    present = {quote["source"]["id"]: quote["source"] for quote in views}
    missing = {*shown_sources.values()} - present.keys()
    for source in connection.execute(select(sources).where(sources.c.id.in_(missing))):
        present[source.id] = build_source_view(source)
    views_by_source = {source: present[source].copy() for source in {*shown_sources.values()}}
    for view in views_by_source.values():
        # Whether something took its place is said of the present only.
        view.pop("merged_into", None)
    for row in reversed(
        _read_events(connection, SubjectKind.SOURCE, views_by_source, ["source.corrected"])
    ):
        if row.recorded_at > moment:
            views_by_source[row.subject].setdefault(
                "corrected_since", format_instant(row.recorded_at)
            )
            views_by_source[row.subject].update(orjson.loads(row.data)["before"])
    for quote in views:
        quote["source"] = views_by_source[shown_sources[quote["id"]]]
