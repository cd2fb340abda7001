"""Read what is published of a claim beyond the claim as it is served."""

from datetime import datetime

from sqlalchemy import Connection, Select, and_, select

from service.directory import directory_queries
from service.directory.directory_queries import build_source_view
from service.directory.directory_views import SourceView
from service.publishing.claim_review import ReviewSources
from service.store.tables import claims, events, quotes, sources


def read_review_sources(
    connection: Connection, claim_id: str, as_of: datetime | None
) -> ReviewSources:
    """Return where a claim was read, and what was merged into it, now or as of an instant."""
    query = (
        select(sources)
        .select_from(
            directory_queries.join_shown_source(
                quotes.join(claims, claims.c.origin_statement == quotes.c.statement),
                quotes.c.source,
            )
        )
        .where(claims.c.id == claim_id)
        .order_by(quotes.c.position)
    )
    if as_of is not None:
        query = query.where(quotes.c.recorded_at <= as_of)
    by_id: dict[str, SourceView] = {
        row.id: build_source_view(row) for row in connection.execute(query)
    }
    return ReviewSources(
        list(by_id.values()), list(connection.scalars(_select_merged(claim_id, as_of)))
    )


def _select_merged(claim_id: str, as_of: datetime | None) -> Select[str]:
    """Select the claims merged into one, and those merged into them before."""
    merged_claims = select(claims.c.id)
    if as_of is not None:
        ending_events = events.alias()
        merged_claims = merged_claims.join(
            ending_events,
            and_(
                ending_events.c.claim == claims.c.id,
                ending_events.c.type == "claim.merged",
                ending_events.c.recorded_at <= as_of,
            ),
        )
    tree = merged_claims.where(claims.c.merged_into == claim_id).cte("merged", recursive=True)
    tree = tree.union(merged_claims.join(tree, claims.c.merged_into == tree.c.id))
    return select(tree.c.id).order_by(tree.c.id)
