"""Reads uses of claims."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, func, select

from service.claims import existence
from service.claims.claim_views import UseCountView
from service.domain.access import Actor, Audience
from service.domain.claims import format_instant
from service.domain.disclosure import find_audience
from service.domain.uses import ContactState, UseClass, UseState
from service.domain.webhooks import DeliveryState
from service.store.engine import Lookup
from service.store.paging import Window, select_page
from service.store.tables import claims, contact_addresses, use_contacts, uses
from service.store.types import format_optional_instant
from service.store.webhook_tables import webhook_deliveries
from service.uses.use_views import RefusedMailView, UseView


@dataclass(frozen=True, slots=True)
class UseFilters:
    """What a list of uses is restricted to; None means no filter."""

    state: UseState | None = None
    grade: UseClass | None = None
    claim: str | None = None
    story: str | None = None
    """The story of the claim."""
    takes_merged: bool = False
    """Whether uses of what was merged into `claim` are among them."""


_newest = webhook_deliveries.alias("newest")
_OUTCOME = (
    select(_newest.c.message)
    .where(
        _newest.c.webhook == contact_addresses.c.channel,
        _newest.c.state.in_([DeliveryState.DELIVERED.value, DeliveryState.DEAD.value]),
    )
    .order_by(_newest.c.settled_at.desc(), _newest.c.message.desc())
    .limit(1)
    .correlate(contact_addresses)
    .scalar_subquery()
)
"""The mail to a contact whose outcome is the latest."""
_mail = webhook_deliveries.alias("mail")
_QUERY = (
    select(
        uses,
        _mail.c.settled_at.label("refused_at"),
        _mail.c.last_error.label("refusal"),
        contact_addresses.c.address.label("contact_address"),
        contact_addresses.c.state.label("contact_state"),
    )
    .outerjoin(use_contacts, use_contacts.c.use == uses.c.id)
    .outerjoin(contact_addresses, contact_addresses.c.id == use_contacts.c.contact)
    .outerjoin(
        _mail,
        and_(
            _mail.c.webhook == contact_addresses.c.channel,
            _mail.c.message == _OUTCOME,
            _mail.c.state == DeliveryState.DEAD.value,
        ),
    )
)


def read_use(connection: Connection, use: str, *, caller: Actor | None) -> UseView | None:
    """Read a use as `caller` may see it; None if there is none with this id."""
    row = connection.execute(_QUERY.where(uses.c.id == use)).first()
    return None if row is None else _build_use(row._mapping, caller)


def list_uses(
    connection: Connection, filters: UseFilters, *, caller: Actor | None, window: Window
) -> list[UseView]:
    """List uses as `caller` may see them, one more than the limit: in the order in which they were
    recorded, but what is outdated by how long it has been open.  Raises NotFound for a claim that
    does not exist."""
    query = _QUERY
    if filters.state is not None:
        query = query.where(uses.c.state == filters.state.value)
    if filters.grade is not None:
        query = query.where(uses.c["class"] == filters.grade.value)
    if filters.claim is not None:
        query = query.where(
            uses.c.claim.in_(list_family(connection, filters.claim))
            if filters.takes_merged
            else uses.c.claim == filters.claim
        )
    if filters.story is not None:
        is_of_story = claims.c.id == uses.c.claim, claims.c.story == filters.story
        query = query.where(exists().where(*is_of_story))
    is_open = filters.state is UseState.OUTDATED
    order = (uses.c.outdated_at, uses.c.id) if is_open else (uses.c.id,)
    rows = connection.execute(select_page(query, window, *order)).all()
    if not rows and filters.claim is not None:
        existence.require_claim(connection, filters.claim)
    return [_build_use(row._mapping, caller) for row in rows]


def list_sort_keys(filters: UseFilters, use: UseView) -> list[Any]:
    """Return the sort keys of a use in the list with these filters."""
    is_open = filters.state is UseState.OUTDATED
    return [use["outdated_at"], use["id"]] if is_open else [use["id"]]


def list_family(connection: Connection, claim: str) -> list[str]:
    """List a claim, what was merged into it, and what was merged into that."""
    family, merged_claims = [claim], [claim]
    while merged_claims:
        query = select(claims.c.id).where(claims.c.merged_into.in_(merged_claims))
        merged_claims = list(connection.scalars(query))
        family += merged_claims
    return family


_count = select(uses.c.state, func.count()).where(
    uses.c.claim == bindparam("claim", type_=uses.c.claim.type)
)
COUNTS = Lookup(_count.group_by(uses.c.state), point=True)
"""state and number of the uses of one claim."""


def build_counts(rows: Iterable[Any]) -> UseCountView:
    """Build the counts of a claim's uses from the rows of `COUNTS`."""
    counts = {row[0]: row[1] for row in rows}
    return {
        "current": counts.get(UseState.CURRENT.value, 0),
        "outdated": counts.get(UseState.OUTDATED.value, 0),
    }


def _build_use(row: Mapping[Any, Any], caller: Actor | None) -> UseView:
    is_own = caller is not None and row["recorded_by"] == caller.id
    sees_contact = is_own or find_audience(caller) is Audience.DESK
    return {
        "id": row["id"],
        "claim": row["claim"],
        "version": row["version"],
        "status": row["status"],
        "print_line": row["print_line"],
        "state": row["state"],
        "class": row["class"],
        "url": row["url"],
        "where": row["place"],
        "title": row["title"],
        "published_at": format_optional_instant(row["published_at"]),
        "wording": row["wording"],
        "contact": (row["contact_address"] or row["contact"]) if sees_contact else None,
        "contact_state": ContactState(row["contact_state"])
        if sees_contact and row["contact_address"]
        else None,
        "contact_refusal": _build_refusal(row) if sees_contact else None,
        "language": row["language"],
        "recorded_at": format_instant(row["recorded_at"]),
        "recorded_by": row["recorded_by_name"],
        "outdated_at": format_optional_instant(row["outdated_at"]),
        "outdated_version": row["outdated_version"],
        "acknowledged_at": format_optional_instant(row["acknowledged_at"]),
        "acknowledged_by": row["acknowledged_by_name"],
        "note": row["note"],
        "corrected_url": row["corrected_url"],
        "retired_at": format_optional_instant(row["retired_at"]),
    }


def _build_refusal(row: Mapping[Any, Any]) -> RefusedMailView | None:
    if row["contact_address"] is None or row["refused_at"] is None:
        return None
    return {"at": format_instant(row["refused_at"]), "reason": row["refusal"] or "no answer"}
