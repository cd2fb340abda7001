"""Reads claims: one or many, now or as of an instant.

All queries return documents that were rendered when the claim changed; nothing is computed here.
The SQL of a list depends only on which filters are set, so each combination is compiled once.
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
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from service.claims import former_claims
from service.claims.claim_conditions import (
    AS_OF,
    FilterSet,
    build_conditions,
    choose_sort_key,
    order,
    order_page,
)
from service.directory import directory_queries
from service.domain.claims import Lifecycle, Precision, Stance, Status
from service.domain.instants import compute_end
from service.store import tables
from service.store.compiled_statements import Parameters
from service.store.engine import Lookup
from service.store.tables import (
    claim_versions,
    claims,
    parties,
    party_versions,
    uses,
)
from service.store.types import Instant

_current = select(
    claims.c.version,
    claims.c.document,
    claims.c.assignee,
    claims.c.due_at,
    cast(claims.c.merged_into, String),
    exists().where(uses.c.claim == claims.c.id),
).where(claims.c.id == bindparam("claim"))
CURRENT_CLAIM = Lookup(_current, point=True)
"""version, document, assignee, due_at and merged_into of one claim, and whether it has uses."""
CURRENT_STATE = Lookup(_current.add_columns(claims.c.state), point=True)
"""The same, and the state in the claim's row."""


_versions = (
    select(claim_versions)
    .where(
        claim_versions.c.claim == bindparam("claim", type_=claim_versions.c.claim.type),
        claim_versions.c.superseded_at > AS_OF,
    )
    .order_by(claim_versions.c.superseded_at)
    .limit(1)
    .subquery("held")
)
MERGED_THEN = "merged"
"""What stands for `merged_into` where the claim was merged at an instant."""
CLAIM_AS_OF = Lookup(
    union_all(
        select(
            claims.c.version,
            claims.c.document,
            claims.c.assignee,
            claims.c.due_at,
            cast(claims.c.merged_into, String),
            literal(False),
            null().label("present"),
        ).where(claims.c.id == bindparam("claim"), claims.c.changed_at <= AS_OF),
        select(
            _versions.c.version,
            _versions.c.document,
            _versions.c.assignee,
            _versions.c.due_at,
            # Which one it was, its document says: the claims may have been separated since.
            case((_versions.c.lifecycle == Lifecycle.MERGED.value, literal(MERGED_THEN))),
            literal(False),
            claims.c.document,
        )
        .join(claims, claims.c.id == _versions.c.claim)
        .where(_versions.c.recorded_at <= AS_OF),
    ),
    point=True,
)
"""The same as the desk knew it at `as_of`: the current row, or the version that held then; without
its uses, which are of today.  Last, the document of today where that is another."""


@dataclass(frozen=True, slots=True)
class Family:
    """A party as a filter: a root includes all parties below it, any other the named slugs."""

    slug: str
    is_root: bool
    slugs: tuple[str, ...]
    then: tuple[str, ...] = ()
    """Itself and those below it at the instant asked about, if one is."""


def build_family(slug: str, rows: list[Any], earlier_rows: Sequence[Any] = ()) -> Family | None:
    """Build the family from the rows that `FAMILY` or `FAMILY_AS_OF` returned for `slug`; None if
    there is no such party."""
    if not rows:
        return None
    slugs, before = (tuple(str(row[0]) for row in part) for part in (rows, earlier_rows))
    return Family(slug, rows[0][1] == slug, slugs, before)


NONE = "none"
"""Stands in an address for no story, or no assignee."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of claims is restricted to; None and empty mean no filter."""

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
    language: str | None = None
    """The primary tag, such as `sr`, of a language in which something is quoted."""
    claimed_since: datetime | None = None
    claimed_until: datetime | None = None
    changed_since: datetime | None = None
    changed_until: datetime | None = None
    drift: bool = False
    without_story: bool = False
    without_assignee: bool = False
    hold: bool = False
    """Only those on hold; where `moment` is given, without holds whose time has come."""
    overdue: bool = False
    """Only those in force that were due before `moment`."""
    moment: datetime | None = None
    """The instant asked about, where the two filters above need one."""
    superseded: bool = False
    """Only those that a later claim of the same claimant replaces."""
    without_superseded: bool = False
    as_of: datetime | None = None
    sort: str = "changed"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's prepared statement with its parameters."""

    statement: Lookup
    parameters: Parameters = field(hash=False)


def build_list_query(
    filters: Filters,
    *,
    limit: int,
    after: list[Any] | None,
    claimant: Family | None,
    party: Family | None,
) -> ListQuery:
    """Build the query for one page and one row more.

    Its columns are those of `StoredClaim`, as of an instant the present document of what may have
    been corrected since, and the two sort keys.  `claimant` and `party` are the families of the
    requested parties.
    """
    shape, parameters = describe_filters(filters, after=after, claimant=claimant, party=party)
    return ListQuery(prepare_list(shape), {**parameters, "limit": limit + 1})


def describe_filters(
    filters: Filters, *, after: list[Any] | None, claimant: Family | None, party: Family | None
) -> tuple[FilterSet, Parameters]:
    """Return which filters are set, and their values as parameters."""
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
    if filters.language is not None:
        parameters["language_further"] = f"{filters.language}-%"
    if filters.claimed_until is not None:
        parameters["claimed_end_until"] = compute_end(filters.claimed_until, Precision.YEAR)
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
    """Select a party and all parties that were below it at `as_of`."""
    versions = party_versions
    was_current = and_(
        versions.c.recorded_at <= AS_OF,
        or_(versions.c.superseded_at.is_(None), versions.c.superseded_at > AS_OF),
    )
    tree = select(versions.c.slug).where(versions.c.slug == bindparam("party"), was_current)
    above = tree.cte("family", recursive=True)
    above = above.union(
        select(versions.c.slug).join(above, versions.c.parent == above.c.slug).where(was_current)
    )
    return select(above.c.slug).order_by(above.c.slug)


FAMILY_AS_OF = Lookup(_select_below_as_of(), point=True)
"""slug of a party and all that were below it at `as_of`."""
_FLOOR = literal(datetime(1, 1, 2, tzinfo=UTC), Instant())


@lru_cache(maxsize=512)
def prepare_list(shape: FilterSet) -> Lookup:
    """Return the prepared statement of the list."""
    return Lookup(_statement(shape))


def _statement(shape: FilterSet) -> Select[Any]:
    if "as_of" not in shape.names:
        sort_key = choose_sort_key(shape)
        page = select(
            claims.c.document, claims.c.assignee, claims.c.due_at, sort_key, claims.c.id
        ).where(
            *build_conditions(shape, claims, claims.c.changed_at),
        )
        return order_page(page, shape, sort_key, claims.c.id)
    now_moment = choose_sort_key(shape)
    current = order_page(
        select(
            claims.c.document,
            claims.c.assignee,
            claims.c.due_at,
            null().label("present"),
            now_moment.label("moment"),
            claims.c.id.label("id"),
        ).where(
            claims.c.changed_at <= AS_OF,
            *build_conditions(shape, claims, claims.c.changed_at),
        ),
        shape,
        now_moment,
        claims.c.id,
    ).cte("current")
    # Going back from the instant, the versions superseded before it are passed over one by one.
    # Where what has not changed since fills the page, none before the page's end can be on it.
    is_full = select(func.count()).select_from(current).scalar_subquery() > bindparam("limit") - 1
    end = case((is_full, select(func.min(current.c.moment)).scalar_subquery()), else_=_FLOOR)
    parts = [select(current)]
    if not shape.may_have_been_corrected:
        parts.append(select(_select_earlier(shape, claims, end).subquery()))
    else:
        uncorrected_page = _select_earlier(shape, claims, end, former_claims.is_uncorrected(AS_OF))
        corrected_page = _select_earlier(
            shape, tables.former_claims, end, former_claims.is_held(AS_OF)
        )
        parts += (select(uncorrected_page.subquery()), select(corrected_page.subquery()))
    every = union_all(*parts).subquery()
    page = select(every).order_by(*order(shape, every.c.moment, every.c.id))
    return page.limit(bindparam("limit"))


def _select_earlier(
    shape: FilterSet, content_table: Any, end: ColumnElement[Any], *conditions: ColumnElement[bool]
) -> Select[Any]:
    """Select a page of the versions that held at `as_of` of claims that have changed since.

    `content_table`, `claims` or `former_claims`, says what of them only corrections change.
    """
    versions = claim_versions
    moments: dict[str, ColumnElement[Any]] = {
        "claimed": content_table.c.claimed_end,
        "due": versions.c.due_at,
    }
    moment = moments.get(shape.sort, versions.c.recorded_at)
    source = versions.join(claims, claims.c.id == versions.c.claim)
    if content_table is not claims:
        source = source.join(content_table, content_table.c.claim == claims.c.id)
    page = (
        select(
            versions.c.document,
            versions.c.assignee,
            versions.c.due_at,
            # The document of today, where it tells of a correction.
            case((claims.c.document.contains('"corrected_at":'), claims.c.document)),
            moment.label("moment"),
            versions.c.claim.label("id"),
        )
        .select_from(source)
        .where(
            versions.c.recorded_at <= AS_OF,
            versions.c.superseded_at > AS_OF,
            # Nothing else has a version of that instant; a list of few is driven by its claims.
            claims.c.changed_at > AS_OF,
            claims.c.created_at <= AS_OF,
            *(() if shape.sort == "due" else (moment >= end,)),
            *build_conditions(shape, versions, versions.c.recorded_at, content_table),
            *conditions,
        )
    )
    return order_page(page, shape, moment, versions.c.claim)
