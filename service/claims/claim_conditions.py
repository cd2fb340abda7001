"""Builds the conditions and the order of the SQL of a list of claims from its filters.

`claim_queries` reads lists with them; search and board have statements of their own.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from service.claims import former_claims, link_activity
from service.domain.claims import UNLISTED, Lifecycle
from service.search.index import index_tables, match_expressions
from service.store.tables import (
    claim_tags,
    claims,
    links,
    quotes,
    statements,
)
from service.store.types import Id, Instant

AS_OF = bindparam("as_of", type_=Instant())


CORRECTABLE = frozenset(
    {
        *("claimant", "story", "kind", "without_story", "superseded", "without_superseded"),
        *("party", "language", "claimed_since", "claimed_until"),
    }
)
"""The filters by what a correction may change."""


@dataclass(frozen=True, slots=True)
class FilterSet:
    """Which filters are set, without their values: the SQL of a list depends on nothing else."""

    names: frozenset[str]
    statuses: int
    claimants: int
    """How many slugs the claimant may be; 0 where its root is asked for."""
    parties: int
    """The same of the party that takes a stance."""
    claimants_then: int
    """How many slugs the claimant may have been at the instant asked about."""
    parties_then: int
    sort: str
    continued: bool
    lifecycle: Lifecycle | None = None
    matching: str = ""
    """The kind of database, where words are asked for too (`match`)."""

    @property
    def may_have_been_corrected(self) -> bool:
        """Whether a correction may have brought a claim into the list, out of it, or elsewhere."""
        is_restricted = bool(self.matching) or not CORRECTABLE.isdisjoint(self.names)
        return self.sort == "claimed" or is_restricted


def choose_sort_key(shape: FilterSet) -> ColumnElement[Any]:
    """Return the column by which a list of current claims is sorted first."""
    keys: dict[str, ColumnElement[Any]] = {"claimed": claims.c.claimed_end, "due": claims.c.due_at}
    return keys.get(shape.sort, claims.c.changed_at)


def order(
    shape: FilterSet, moment: ColumnElement[Any], claim_id: ColumnElement[Any]
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return the order of a list: newest first, but what is due soonest."""
    if shape.sort == "due":
        return moment.asc(), claim_id.asc()
    return moment.desc(), claim_id.desc()


def order_page(
    page: Select[Any], shape: FilterSet, moment: ColumnElement[Any], claim_id: ColumnElement[Any]
) -> Select[Any]:
    """Sort a page, from the cursor on."""
    if shape.continued:
        keys = tuple_(moment, claim_id)
        after = tuple_(bindparam("after_moment", type_=Instant()), bindparam("after_id", type_=Id))
        page = page.where(keys > after if shape.sort == "due" else keys < after)
    return page.order_by(*order(shape, moment, claim_id)).limit(bindparam("limit"))


def build_conditions(
    shape: FilterSet, row: Any, changed_at: ColumnElement[Any], content_table: Any = claims
) -> list[ColumnElement[bool]]:
    """Build the conditions: on `content_table` for what only corrections change, in `claims` or
    `former_claims`, on `row` (current or former) for the rest.

    A current row also holds for the past since it last changed: a move of its parties would have
    changed it.
    """
    names, conditions = shape.names, []
    if shape.matching:
        match = match_expressions.has_match(shape.matching, index_tables.claim_search, claims.c.id)
        if content_table is not claims:
            # The index has no words of a statement that the claim does not come from after all:
            # whoever asks for words reads the few claims of which another was believed.
            match = or_(match, content_table.c.origin_statement != claims.c.origin_statement)
        conditions.append(match)
    if shape.statuses == 1:
        conditions.append(row.c.status == bindparam("status_0"))
    elif shape.statuses:
        conditions.append(
            row.c.status.in_([bindparam(f"status_{i}") for i in range(shape.statuses)])
        )
    if "claimant" in names:
        conditions.append(
            _match_family(claims.c.claimant_root, claims.c.claimant, "claimant", shape.claimants)
            if row is claims
            else _match_slugs(content_table.c.claimant, "claimant_then", shape.claimants_then)
        )
    for name in ("story", "kind"):
        if name in names:
            conditions.append(content_table.c[name] == bindparam(name))
    if "lifecycle" in names:
        # Few are withdrawn or void: said as a constant, the index of those alone may be used.
        conditions.append(row.c.lifecycle == literal_column(f"'{shape.lifecycle}'"))
    else:
        conditions.append(is_listed(row))
    if "superseded" in names:
        conditions.append(content_table.c.superseded_since.is_not(None))
        if "as_of" in names:
            conditions.append(content_table.c.superseded_since <= AS_OF)
    if "without_superseded" in names:
        is_current: ColumnElement[bool] = content_table.c.superseded_since.is_(None)
        if "as_of" in names:
            is_current = or_(is_current, content_table.c.superseded_since > AS_OF)
        conditions.append(is_current)
    if "part_of" in names:
        conditions.append(row.c.part_of == bindparam("part_of"))
    if "assignee" in names:
        conditions.append(row.c.assignee == bindparam("assignee"))
    if "without_assignee" in names:
        conditions.append(row.c.assignee.is_(None))
    if "without_story" in names:
        conditions.append(content_table.c.story.is_(None))
    if "hold" in names:
        conditions.append(row.c.hold_since.is_not(None))
    if "hold" in names and "moment" in names:
        end = row.c.hold_until
        conditions.append(or_(end.is_(None), end > bindparam("moment", type_=Instant())))
    if shape.sort == "due" or "overdue" in names:
        conditions.append(row.c.due_at.is_not(None))
    if "overdue" in names:
        conditions.append(row.c.lifecycle == literal_column(f"'{Lifecycle.ACTIVE}'"))
        conditions.append(row.c.due_at < bindparam("moment", type_=Instant()))
    if "drift" in names:
        conditions.append(row.c.agrees.is_(False))
    if "party" in names or "stance" in names:
        conditions.append(_match_links(shape, content_table, now=row is claims))
    if "language" in names:
        conditions.append(_match_language(names, content_table))
    if "tag" in names:
        conditions.append(_match_tags(names))
    if "claimed_since" in names:
        conditions.append(content_table.c.claimed_at >= bindparam("claimed_since"))
        # Bounds what is indexed, and what the list may be in the order of.
        conditions.append(content_table.c.claimed_end >= bindparam("claimed_since"))
    if "claimed_until" in names:
        conditions.append(content_table.c.claimed_at <= bindparam("claimed_until"))
        conditions.append(content_table.c.claimed_end <= bindparam("claimed_end_until"))
    if "changed_since" in names:
        conditions.append(changed_at >= bindparam("changed_since", type_=Instant()))
    if "changed_until" in names:
        conditions.append(changed_at <= bindparam("changed_until", type_=Instant()))
    return conditions


def is_listed(row: FromClause) -> ColumnElement[bool]:
    """Say of rows of `claims` or `claim_versions` whether lists show them unasked: neither merged
    nor void."""
    return and_(*(row.c.lifecycle != lifecycle.value for lifecycle in UNLISTED))


def _match_family(
    root: ColumnElement[Any], party: ColumnElement[Any], name: str, slugs: int
) -> ColumnElement[bool]:
    """Match a row of the requested family, by equality if there is only one value, so that an index
    gives the rows in order."""
    return _match_slugs(party, name, slugs) if slugs else root == bindparam(name)


def _match_slugs(party: ColumnElement[Any], name: str, slugs: int) -> ColumnElement[bool]:
    if slugs == 0:
        return false()
    if slugs == 1:
        return party == bindparam(f"{name}_0")
    return party.in_([bindparam(f"{name}_{i}") for i in range(slugs)])


def _match_links(shape: FilterSet, content_table: Any, *, now: bool) -> ColumnElement[bool]:
    names = shape.names
    party = links.c.party if content_table is claims else former_claims.read_party(AS_OF)
    conditions = [links.c.claim == claims.c.id]
    if "party" in names:
        conditions.append(
            _match_family(links.c.root, links.c.party, "party", shape.parties)
            if now
            else _match_slugs(party, "party_then", shape.parties_then)
        )
    if "stance" in names:
        conditions.append(links.c.stance == bindparam("stance"))
    moment = AS_OF if "as_of" in names else None
    endings = [*link_activity.LINK_ENDINGS, *link_activity.STATEMENT_ENDINGS]
    conditions += link_activity.build_conditions(endings, moment)
    if moment is not None:
        conditions.append(links.c.recorded_at <= AS_OF)
    return exists(
        select(1)
        .select_from(links.join(statements, statements.c.id == links.c.statement))
        .where(and_(*conditions))
        .correlate(claims)
    )


def _match_language(names: frozenset[str], content_table: Any) -> ColumnElement[bool]:
    """Whether a statement that the claim comes from, or that is linked to it, is quoted in this
    language, whatever its script or country."""
    quote_language = (
        quotes.c.language if content_table is claims else former_claims.read_language(AS_OF)
    )
    language = func.lower(quote_language)
    language_matches = [
        or_(language == bindparam("language"), language.like(bindparam("language_further"))),
        *([quotes.c.recorded_at <= AS_OF] if "as_of" in names else ()),
    ]
    moment = AS_OF if "as_of" in names else None
    link_conditions = [
        links.c.claim == claims.c.id,
        *link_activity.build_conditions(link_activity.LINK_ENDINGS, moment),
        *([links.c.recorded_at <= AS_OF] if moment is not None else ()),
    ]
    origin_quotes = (
        select(1)
        .select_from(quotes)
        .where(quotes.c.statement == content_table.c.origin_statement, *language_matches)
        .correlate(claims, content_table)
    )
    linked_quotes = (
        select(1)
        .select_from(links.join(quotes, quotes.c.statement == links.c.statement))
        .where(*link_conditions, *language_matches)
        .correlate(claims)
    )
    # Asked of one claim after another: without an offset, PostgreSQL first collects every quote in
    # the language, for a page of 25.
    return or_(exists(origin_quotes.offset(0)), exists(linked_quotes.offset(0)))


def _match_tags(names: frozenset[str]) -> ColumnElement[bool]:
    conditions = [claim_tags.c.claim == claims.c.id, claim_tags.c.tag == bindparam("tag")]
    if "as_of" in names:
        conditions += [
            claim_tags.c.added_at <= AS_OF,
            or_(claim_tags.c.removed_at.is_(None), claim_tags.c.removed_at > AS_OF),
        ]
    else:
        conditions.append(claim_tags.c.removed_at.is_(None))
    return exists(select(1).select_from(claim_tags).where(and_(*conditions)).correlate(claims))
