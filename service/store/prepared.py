"""Statements that SQLAlchemy writes once and the driver runs.

SQLAlchemy's share of a short statement is more than the database's: building it, looking up its
compiled form, turning rows into objects.  What runs on every request is compiled once here, for
each dialect, and then given to the driver as text and arguments.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Delete, Insert, SelectBase, Update
from sqlalchemy.engine import Dialect

Statement = SelectBase | Insert | Update | Delete
Bind = tuple[str, Callable[[Any], Any] | None, Any]
"""A parameter's name, how its type turns a value into the driver's, and its literal value."""


class Prepared:
    """A statement with bound parameters.  Results come as the driver gives them: untyped."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._compiled: dict[str, tuple[str, list[Bind]]] = {}

    def prepare(self, dialect: Dialect, parameters: dict[str, Any]) -> tuple[str, list[Any]]:
        """The SQL text and its positional arguments."""
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        sql, binds = self._compiled[dialect.name]
        arguments = []
        for name, process, literal in binds:
            value = parameters.get(name, literal)
            arguments.append(process(value) if process else value)
        return sql, arguments

    def run(
        self, connection: Connection, parameters: dict[str, Any]
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run it in the connection's transaction."""
        sql, arguments = self.prepare(connection.dialect, parameters)
        return connection.exec_driver_sql(sql, tuple(arguments))

    def run_each(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Run it once for each of `rows`, in one round trip where the driver can."""
        if rows:
            prepared = [self.prepare(connection.dialect, row) for row in rows]
            connection.exec_driver_sql(prepared[0][0], [tuple(values) for _, values in prepared])

    def _compile(self, dialect: Dialect) -> tuple[str, list[Bind]]:
        compiled: Any = self.statement.compile(
            dialect=dialect, compile_kwargs={"render_postcompile": True}
        )
        binds: list[Bind] = []
        # Read once: this property builds all of them each time.
        literals = compiled.params
        for name in compiled.positiontup or []:
            kind = compiled.binds[name].type
            process = kind.dialect_impl(dialect).bind_processor(dialect)
            binds.append((name, process, literals.get(name)))
        return str(compiled), binds
