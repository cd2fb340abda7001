"""Boards count claims within an index: the rows, each of some kilobytes, are not read for it."""

from sqlalchemy import Connection

from service.claims import board_queries, claim_queries
from service.claims.claim_queries import Filters
from service.store.compiled_statements import Lookup, Parameters
from service.store.engine import Database
from tests.support.desk import Desk


def explain(connection: Connection, lookup: Lookup, parameters: Parameters) -> str:
    """Return the plan of a statement, where tables are not so small that they are read whole."""
    sql, arguments = lookup.prepare(connection.dialect, parameters)
    explanation = "EXPLAIN QUERY PLAN"
    if connection.dialect.name == "postgresql":
        explanation = "EXPLAIN"
        for way in ("seqscan", "bitmapscan"):
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    rows = connection.exec_driver_sql(f"{explanation} {sql}", tuple(arguments)).all()
    return "\n".join(str(row[-1]) for row in rows)


async def explain_counts(database: Database, filters: Filters) -> str:
    shape, parameters = claim_queries.describe_filters(
        filters, after=None, claimant=None, party=None
    )
    lookup = board_queries._prepare_counts(shape)
    return await database.read(explain, lookup, parameters)


async def test_board_counts_claims_by_their_kind_or_drift_within_an_index(desk: Desk) -> None:
    for filters in (Filters(kind="prediction"), Filters(drift=True)):
        plan = await explain_counts(desk.database, filters)
        index_scans = "COVERING INDEX ix_claims_status", "Index Only Scan using ix_claims_status"
        assert sum(plan.count(words) for words in index_scans) == 4, plan
