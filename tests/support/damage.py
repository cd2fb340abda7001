"""Changes made past Claimdesk: SQL as somebody with the database's password may run it."""

import asyncio
import sqlite3
from contextlib import closing

import asyncpg


def damage(url: str, *statements: str) -> None:
    """Run the statements without a foreign key's, a trigger's or a check's say."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                connection.execute(statement)
        return
    asyncio.run(_damage_postgresql(url, statements))


async def _damage_postgresql(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)
    finally:
        await connection.close()
