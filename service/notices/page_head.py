"""Reads what every page of the desk says on top to the person who looks at it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from service.domain import access
from service.domain.access import Action, Actor
from service.notices import endpoint_alerts, saved_views, work_queries
from service.notices.endpoint_alerts import TroubledEndpoint
from service.notices.saved_views import SavedView


@dataclass(frozen=True, slots=True)
class PageHead:
    work_count: int
    """How much waits for the person."""
    views: list[SavedView]
    """The views of the board that the menu leads to: the desk's first, each by name."""
    troubled: list[TroubledEndpoint]
    """Webhooks that fail again and again or are disabled; only administrators learn of them."""


def read_page_head(connection: Connection, *, caller: Actor) -> PageHead:
    """Read all of it in one visit to the database: every page waits for this."""
    may_manage = access.is_allowed(caller, Action.MANAGE_WEBHOOKS)
    return PageHead(
        work_queries.count_work(connection, caller=caller),
        saved_views.list_by_name(connection, caller=caller),
        endpoint_alerts.list_troubled(connection) if may_manage else [],
    )
