"""Claims, one and many, now and as of an instant.

All of them read documents that were rendered when the claim changed; nothing is computed here.
The SQL of a list depends only on which filters are given, so each combination is compiled once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from service.directory import directory_queries
from service.domain.claims import Lifecycle, Precision, Stance, Status, compute_end
from service.search.index import index_tables, match_expressions
from service.store.engine import Lookup
from service.store.tables import (
    claim_tags,
    claim_versions,
    claims,
    links,
    parties,
    party_versions,
    statements,
)
from service.store.types import Id, Instant

CURRENT_CLAIM = Lookup(
    select(
        claims.c.version, claims.c.document, claims.c.assignee, cast(claims.c.merged_into, String)
    ).where(claims.c.id == bindparam("claim")),
    point=True,
)
"""version, document, assignee and merged_into of one claim."""

_as_of = bindparam("as_of", type_=Instant())

_then = (
    select(claim_versions)
    .where(
        claim_versions.c.claim == bindparam("claim", type_=claim_versions.c.claim.type),
        claim_versions.c.superseded_at > _as_of,
    )
    .order_by(claim_versions.c.superseded_at)
    .limit(1)
    .subquery("held")
)
CLAIM_AS_OF = Lookup(
    union_all(
        select(
            claims.c.version,
            claims.c.document,
            claims.c.assignee,
            cast(claims.c.merged_into, String),
        ).where(claims.c.id == bindparam("claim"), claims.c.changed_at <= _as_of),
        select(
            _then.c.version,
            _then.c.document,
            _then.c.assignee,
            # Whatever happens to a merged claim later, it was merged then too.
            case(
                (
                    _then.c.lifecycle == Lifecycle.MERGED.value,
                    cast(claims.c.merged_into, String),
                )
            ),
        )
        .join(claims, claims.c.id == _then.c.claim)
        .where(_then.c.recorded_at <= _as_of),
    ),
    point=True,
)
"""The same as the desk knew it at `as_of`: the current row, or the version that held then."""


@dataclass(frozen=True, slots=True)
class Family:
    """A party as a filter: a root stands for all below it, any other for the slugs named."""

    slug: str
    is_root: bool
    slugs: tuple[str, ...]
    then: tuple[str, ...] = ()
    """Itself and those below it at the instant asked about, if one is."""


def build_family(slug: str, rows: list[Any], earlier_rows: Sequence[Any] = ()) -> Family | None:
    """What `FAMILY` found of `slug`, and `FAMILY_AS_OF`; None where there is no such party."""
    if not rows:
        return None
    slugs, before = (tuple(str(row[0]) for row in part) for part in (rows, earlier_rows))
    return Family(slug, rows[0][1] == slug, slugs, before)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of claims is narrowed to; None and empty mean no such filter."""

    statuses: tuple[Status, ...] = ()
    claimant: str | None = None
    party: str | None = None
    stance: Stance | None = None
    story: str | None = None
    tag: str | None = None
    kind: str | None = None
    lifecycle: Lifecycle | None = None
    assignee: str | None = None
    part_of: str | None = None
    claimed_since: datetime | None = None
    claimed_until: datetime | None = None
    changed_since: datetime | None = None
    changed_until: datetime | None = None
    drift: bool = False
    as_of: datetime | None = None
    sort: str = "changed"


@dataclass(frozen=True, slots=True)
class FilterSet:
    """Which filters are given, without their values: what the SQL of a list depends on."""

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


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's prepared statement with its parameters."""

    statement: Lookup
    parameters: dict[str, Any] = field(hash=False)


def build_list_query(
    filters: Filters,
    *,
    limit: int,
    after: list[Any] | None,
    claimant: Family | None,
    party: Family | None,
) -> ListQuery:
    """The query for one page (and one row more); its columns are document, assignee and the two
    sort keys.  `claimant` and `party` are the families of the parties asked for."""
    shape, parameters = describe_filters(filters, after=after, claimant=claimant, party=party)
    return ListQuery(prepare_list(shape), parameters | {"limit": limit + 1})


def describe_filters(
    filters: Filters, *, after: list[Any] | None, claimant: Family | None, party: Family | None
) -> tuple[FilterSet, dict[str, Any]]:
    """Which filters are given, and their values as parameters."""
    parameters = {
        name: value
        for name in Filters.__slots__
        if name not in ("statuses", "sort", "lifecycle")
        and (value := getattr(filters, name)) not in (None, False)
    }
    shape = FilterSet(
        names=frozenset(parameters) | ({"lifecycle"} if filters.lifecycle else frozenset()),
        statuses=len(filters.statuses),
        claimants=0 if claimant is None or claimant.is_root else len(claimant.slugs),
        parties=0 if party is None or party.is_root else len(party.slugs),
        claimants_then=len(claimant.then) if claimant else 0,
        parties_then=len(party.then) if party else 0,
        sort=filters.sort,
        continued=after is not None,
        lifecycle=filters.lifecycle,
    )
    if filters.claimed_until is not None:
        parameters["claimed_end_until"] = compute_end(filters.claimed_until, Precision.DAY)
    parameters |= {f"status_{i}": status.value for i, status in enumerate(filters.statuses)}
    for name, family in (("claimant", claimant), ("party", party)):
        if family is not None:
            parameters |= {f"{name}_{i}": slug for i, slug in enumerate(family.slugs)}
            parameters |= {f"{name}_then_{i}": slug for i, slug in enumerate(family.then)}
    if after is not None:
        moment, claim_id = after
        parameters |= {"after_moment": datetime.fromisoformat(moment), "after_id": claim_id}
    return shape, parameters


_family_tree = directory_queries.select_subtree(bindparam("party"), "family")
FAMILY = Lookup(
    select(parties.c.slug, parties.c.root)
    .where(parties.c.slug.in_(_family_tree))
    .order_by(parties.c.slug),
    point=True,
)
"""slug and root of a party and all below it."""


def _select_below_as_of() -> Select[Any]:
    """A party and all that were below it at `as_of`."""
    then = party_versions
    held = and_(
        then.c.recorded_at <= _as_of,
        or_(then.c.superseded_at.is_(None), then.c.superseded_at > _as_of),
    )
    tree = select(then.c.slug).where(then.c.slug == bindparam("party"), held)
    above = tree.cte("family", recursive=True)
    above = above.union(select(then.c.slug).join(above, then.c.parent == above.c.slug).where(held))
    return select(above.c.slug).order_by(above.c.slug)


FAMILY_AS_OF = Lookup(_select_below_as_of(), point=True)
"""slug of a party and all that were below it at `as_of`."""
_FLOOR = literal(datetime(1, 1, 2, tzinfo=UTC), Instant())


@lru_cache(maxsize=512)
def prepare_list(shape: FilterSet) -> Lookup:
    """The list's statement, prepared."""
    return Lookup(_statement(shape))


def _statement(shape: FilterSet) -> Select[Any]:
    if "as_of" not in shape.names:
        sort_key = choose_sort_key(shape)
        page = select(claims.c.document, claims.c.assignee, sort_key, claims.c.id).where(
            claims.c.lifecycle != Lifecycle.MERGED.value,
            *build_conditions(shape, claims, claims.c.changed_at),
        )
        return order_page(page, shape, sort_key, claims.c.id)
    then = claim_versions
    now_moment = choose_sort_key(shape)
    then_moment = claims.c.claimed_end if shape.sort == "claimed" else then.c.recorded_at
    current = order_page(
        select(
            claims.c.document,
            claims.c.assignee,
            now_moment.label("moment"),
            claims.c.id.label("id"),
        ).where(
            claims.c.changed_at <= _as_of,
            claims.c.lifecycle != Lifecycle.MERGED.value,
            *build_conditions(shape, claims, claims.c.changed_at),
        ),
        shape,
        now_moment,
        claims.c.id,
    ).cte("current")
    # Going back from the instant, the versions superseded before it are passed over one by one.
    # Where what has not changed since fills the page, none before the page's end can be on it.
    full = select(func.count()).select_from(current).scalar_subquery() > bindparam("limit") - 1
    end = case((full, select(func.min(current.c.moment)).scalar_subquery()), else_=_FLOOR)
    earlier = order_page(
        select(
            then.c.document,
            then.c.assignee,
            then_moment.label("moment"),
            then.c.claim.label("id"),
        )
        .join(claims, claims.c.id == then.c.claim)
        .where(
            then.c.recorded_at <= _as_of,
            then.c.superseded_at > _as_of,
            # Nothing else has a version of that instant; a list of few is driven by its claims.
            claims.c.changed_at > _as_of,
            claims.c.created_at <= _as_of,
            then_moment >= end,
            then.c.lifecycle != Lifecycle.MERGED.value,
            *build_conditions(shape, then, then.c.recorded_at),
        ),
        shape,
        then_moment,
        then.c.claim,
    )
    both = union_all(select(current), select(earlier.subquery())).subquery()
    return select(both).order_by(both.c.moment.desc(), both.c.id.desc()).limit(bindparam("limit"))


def choose_sort_key(shape: FilterSet) -> ColumnElement[Any]:
    """The first sort key of a list of claims as they are now."""
    return claims.c.claimed_end if shape.sort == "claimed" else claims.c.changed_at


def order_page(
    page: Select[Any], shape: FilterSet, moment: ColumnElement[Any], claim_id: ColumnElement[Any]
) -> Select[Any]:
    """Newest first from the cursor on."""
    if shape.continued:
        page = page.where(
            tuple_(moment, claim_id)
            < tuple_(bindparam("after_moment", type_=Instant()), bindparam("after_id", type_=Id))
        )
    return page.order_by(moment.desc(), claim_id.desc()).limit(bindparam("limit"))


def build_conditions(
    shape: FilterSet, row: Any, changed_at: ColumnElement[Any]
) -> list[ColumnElement[bool]]:
    """The filters, on `claims` for what never changes and on `row` (now or then) for the rest.

    What a row of now had then is what it has: a move of its parties would have been a change.
    """
    names, found = shape.names, []
    if shape.matching:
        found.append(
            match_expressions.has_match(shape.matching, index_tables.claim_search, claims.c.id)
        )
    if shape.statuses == 1:
        found.append(row.c.status == bindparam("status_0"))
    elif shape.statuses:
        found.append(row.c.status.in_([bindparam(f"status_{i}") for i in range(shape.statuses)]))
    if "claimant" in names:
        found.append(
            _match_family(claims.c.claimant_root, claims.c.claimant, "claimant", shape.claimants)
            if row is claims
            else _match_slugs(claims.c.claimant, "claimant_then", shape.claimants_then)
        )
    for name in ("story", "kind"):
        if name in names:
            found.append(claims.c[name] == bindparam(name))
    if "lifecycle" in names:
        # Few are withdrawn: said as a constant, the index of those alone may be used.
        found.append(row.c.lifecycle == literal_column(f"'{shape.lifecycle}'"))
    if "part_of" in names:
        found.append(row.c.part_of == bindparam("part_of"))
    if "assignee" in names:
        found.append(row.c.assignee == bindparam("assignee"))
    if "drift" in names:
        found.append(row.c.agrees.is_(False))
    if "party" in names or "stance" in names:
        found.append(_match_links(shape, now=row is claims))
    if "tag" in names:
        found.append(_match_tags(names))
    if "claimed_since" in names:
        found.append(claims.c.claimed_at >= bindparam("claimed_since"))
        # Bounds what is indexed, and what the list may be in the order of.
        found.append(claims.c.claimed_end >= bindparam("claimed_since"))
    if "claimed_until" in names:
        found.append(claims.c.claimed_at <= bindparam("claimed_until"))
        found.append(claims.c.claimed_end <= bindparam("claimed_end_until"))
    if "changed_since" in names:
        found.append(changed_at >= bindparam("changed_since", type_=Instant()))
    if "changed_until" in names:
        found.append(changed_at <= bindparam("changed_until", type_=Instant()))
    return found


def _match_family(
    root: ColumnElement[Any], party: ColumnElement[Any], name: str, slugs: int
) -> ColumnElement[bool]:
    """Whether a row is of the family asked for: equality wherever one value says it, so that an
    index gives the rows in order."""
    return _match_slugs(party, name, slugs) if slugs else root == bindparam(name)


def _match_slugs(party: ColumnElement[Any], name: str, slugs: int) -> ColumnElement[bool]:
    if slugs == 0:
        return false()
    if slugs == 1:
        return party == bindparam(f"{name}_0")
    return party.in_([bindparam(f"{name}_{i}") for i in range(slugs)])


def _match_links(shape: FilterSet, *, now: bool) -> ColumnElement[bool]:
    names = shape.names
    conditions = [links.c.claim == claims.c.id]
    if "party" in names:
        conditions.append(
            _match_family(links.c.root, links.c.party, "party", shape.parties)
            if now
            else _match_slugs(links.c.party, "party_then", shape.parties_then)
        )
    if "stance" in names:
        conditions.append(links.c.stance == bindparam("stance"))
    withdrawn = statements.c.withdrawn_at
    if "as_of" in names:
        conditions += [
            links.c.recorded_at <= _as_of,
            or_(links.c.retracted_at.is_(None), links.c.retracted_at > _as_of),
            or_(withdrawn.is_(None), withdrawn > _as_of),
        ]
    else:
        conditions += [links.c.retracted_at.is_(None), withdrawn.is_(None)]
    return exists(
        select(1)
        .select_from(links.join(statements, statements.c.id == links.c.statement))
        .where(and_(*conditions))
        .correlate(claims)
    )


def _match_tags(names: frozenset[str]) -> ColumnElement[bool]:
    conditions = [claim_tags.c.claim == claims.c.id, claim_tags.c.tag == bindparam("tag")]
    if "as_of" in names:
        conditions += [
            claim_tags.c.added_at <= _as_of,
            or_(claim_tags.c.removed_at.is_(None), claim_tags.c.removed_at > _as_of),
        ]
    else:
        conditions.append(claim_tags.c.removed_at.is_(None))
    return exists(select(1).select_from(claim_tags).where(and_(*conditions)).correlate(claims))
