"""What a database knows of itself, written by several processes at once."""

import asyncio

from service.store import installation
from service.store.engine import Database


async def test_processes_can_write_a_first_value_at_the_same_time(database: Database) -> None:
    """Workers of one server start together on a new desk."""
    for name in ("one", "two", "three"):
        await asyncio.gather(
            *(database.write(installation.write_value, name, str(n)) for n in range(12))
        )
        value = await database.read(installation.read_value, name)
        assert value in {str(n) for n in range(12)}
