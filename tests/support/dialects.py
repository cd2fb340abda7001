"""SQLAlchemy's dialects, shared by all engines of a process.

Nearly every test has engines of its own. An engine begins with nothing compiled, and asks the
server what it is: that took more time than the tests' own statements. A served desk keeps its
engines, and compiles a statement once for all requests, as is done here.
"""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

MOST_STATEMENTS = 4000
_compiled: LRUCache[Any, Any] = LRUCache(MOST_STATEMENTS)
_shared: dict[tuple[type, frozenset[str]], Any] = {}


class SharedDialect(DefaultDialect):
    """One for all engines of a process: their servers are of one version."""

    supports_statement_cache = True

    def __new__(cls, **options: Any) -> Any:
        return _shared.setdefault((cls, frozenset(options)), super().__new__(cls))

    def __init__(self, **options: Any) -> None:
        if not hasattr(self, "is_known"):
            super().__init__(**options)
            self.is_known = False

    def initialize(self, connection: Connection) -> None:
        if not self.is_known:
            super().initialize(connection)
            self.is_known = True

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine.update_execution_options(compiled_cache=_compiled)


class SharedSQLite(SharedDialect, SQLiteDialect_pysqlite):
    supports_statement_cache = True


class SharedPostgreSQL(SharedDialect, PGDialect_asyncpg):
    supports_statement_cache = True


def share_dialects() -> None:
    """Let the engines that this process creates from now on share their dialects."""
    for name, dialect in (("sqlite", SharedSQLite), ("postgresql.asyncpg", SharedPostgreSQL)):
        registry.register(name, __name__, dialect.__name__)
