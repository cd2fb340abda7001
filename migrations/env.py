"""Alembic's entry: the connection is given by `service/store/migrate.py`."""

from alembic import context

import service.search.index.fulltext
import service.store.rename_tables
import service.store.webhook_tables  # noqa: F401 -- likewise
from service.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
if connection.dialect.name == "postgresql":
    # Two processes that start together must not migrate at once.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7214390001)")
with context.begin_transaction():
    context.run_migrations()
