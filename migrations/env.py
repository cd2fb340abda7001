"""Alembic's entry: `service/store/migrate.py` gives it the connection.

Nothing under migrations imports the service, so that a migration does for ever what it did at
its release (tests/store/test_migrations.py looks).
"""

from alembic import context
from sqlalchemy import MetaData

connection = context.config.attributes["connection"]
# How constraints are called that a migration adds without a name, or finds by its convention.
names = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
context.configure(connection=connection, target_metadata=MetaData(naming_convention=names))
if connection.dialect.name == "postgresql":
    # Two processes that start together must not migrate at once.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7214390001)")
with context.begin_transaction():
    context.run_migrations()
