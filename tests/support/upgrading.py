"""Bring a database to this release, as `claimdesk db upgrade` does."""

import asyncio

from service.config import Settings
from service.search.index import index_rebuild
from service.store import migrate
from service.store.engine import Database


async def upgrade_desk(settings: Settings) -> None:
    """Upgrade the schema, and build the search index again."""
    await asyncio.to_thread(migrate.upgrade, settings)
    database = Database(settings)
    await database.start()
    try:
        await index_rebuild.bring_up_to_date(database)
    finally:
        await database.stop()
