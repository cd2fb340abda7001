"""Statements that SQLAlchemy compiles once and the driver runs.

SQLAlchemy's share of a short statement is more than the database's: it builds the statement, looks
up its compiled form and makes objects of rows.  Which way to take:

- `connection.execute`, for everything that does not run on every request.
- `CompiledStatement`, for what a frequent command or query runs in its transaction.
- `Lookup`, for a SELECT on the hot path that needs no transaction: `Database.look_up` runs it.
- `TypedLookup`, for one whose columns are not all text or whole numbers: `Database.look_up_rows`.
- `StatementBatch`, for several writes of a command that fit into one round trip.
- `insert_or_ignore`, for a row that may be there already.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    CursorResult,
    Delete,
    Insert,
    Select,
    SelectBase,
    Table,
    Update,
    bindparam,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

Statement = SelectBase | Insert | Update | Delete
R = TypeVar("R")
Parameters = Mapping[str, Any]
"""The values of a statement's bound parameters, by their names."""
Bind = tuple[str, Callable[[Any], Any] | None, Any]
"""A parameter's name, how its type turns a value into the driver's, and its literal value."""


class CompiledStatement:
    """A statement with bound parameters.  Results come as the driver gives them: untyped."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self._compiled: dict[str, tuple[str, list[Bind]]] = {}

    def prepare(self, dialect: Dialect, parameters: Parameters) -> tuple[str, list[Any]]:
        """Return the SQL text and its positional arguments."""
        if dialect.name not in self._compiled:
            self._compiled[dialect.name] = self._compile(dialect)
        sql, binds = self._compiled[dialect.name]
        read = parameters.get
        return sql, [
            process(read(name, default)) if process else read(name, default)
            for name, process, default in binds
        ]

    def run(self, connection: Connection, parameters: Parameters) -> CursorResult[*tuple[Any, ...]]:
        """Run it in the connection's transaction."""
        sql, arguments = self.prepare(connection.dialect, parameters)
        return connection.exec_driver_sql(sql, tuple(arguments))

    def run_each(self, connection: Connection, rows: Sequence[Parameters]) -> None:
        """Run it once for each of `rows`, in one round trip where the driver can."""
        if rows:
            prepared_rows = [self.prepare(connection.dialect, row) for row in rows]
            connection.exec_driver_sql(
                prepared_rows[0][0], [tuple(values) for _, values in prepared_rows]
            )

    def _compile(self, dialect: Dialect) -> tuple[str, list[Bind]]:
        compiled_statement: Any = self.statement.compile(
            dialect=dialect, compile_kwargs={"render_postcompile": True}
        )
        binds: list[Bind] = []
        # Read once: this property builds all of them each time.
        defaults = compiled_statement.params
        for name in compiled_statement.positiontup or []:
            kind = compiled_statement.binds[name].type
            process = kind.dialect_impl(dialect).bind_processor(dialect)
            binds.append((name, process, defaults.get(name)))
        return str(compiled_statement), binds


class Lookup(CompiledStatement):
    """A SELECT for the hot path.

    Its columns must be text or whole numbers: results come as the driver gives them.  `point`
    says that it reads a handful of rows by key, so that SQLite may answer on the event loop's
    own thread: that takes less time than handing it to another.
    """

    def __init__(self, statement: SelectBase, *, point: bool = False) -> None:
        super().__init__(statement)
        self.point = point


class TypedLookup(Lookup, Generic[R]):
    """A lookup whose rows are made into named tuples with the values of the columns' types."""

    def __init__(
        self, statement: SelectBase, row_class: Callable[..., R], *, point: bool = False
    ) -> None:
        super().__init__(statement, point=point)
        self._row_class = row_class
        self._processors: dict[str, list[tuple[int, Callable[[Any], Any]]]] = {}

    def read_rows(self, dialect: Dialect, rows: Sequence[Sequence[Any]]) -> list[R]:
        """Return the driver's rows with typed values."""
        if dialect.name not in self._processors:
            self._processors[dialect.name] = self._find_processors(dialect)
        processors = self._processors[dialect.name]
        typed_rows = []
        for row in rows:
            values = list(row)
            for place, process in processors:
                values[place] = process(values[place])
            typed_rows.append(self._row_class(*values))
        return typed_rows

    def _find_processors(self, dialect: Dialect) -> list[tuple[int, Callable[[Any], Any]]]:
        assert isinstance(self.statement, SelectBase)
        kinds = [column.type for column in self.statement.selected_columns]
        processors = [kind.dialect_impl(dialect).result_processor(dialect, None) for kind in kinds]
        return [(place, process) for place, process in enumerate(processors) if process is not None]


class StatementBatch:
    """Several writes in one round trip, with one set of parameters.

    PostgreSQL runs them as parts of a WITH, on one snapshot: each sees the tables as they were
    before all of them.  SQLite has no writes in WITH, and no round trips to save: there they run
    one after the other.  So a batch must mean the same both ways: a row that one statement changes
    may be read only by those before it.
    """

    def __init__(self, *statements: Insert | Update | Delete) -> None:
        combined_select: Select[Any] = select(literal(1))
        for position, statement in enumerate(statements):
            combined_select = combined_select.add_cte(statement.cte(f"step_{position}"))
        self._combined = CompiledStatement(combined_select)
        self._separate = [CompiledStatement(statement) for statement in statements]

    def run(self, connection: Connection, parameters: Parameters) -> None:
        if connection.dialect.name == "postgresql":
            self._combined.run(connection, parameters)
            return
        for statement in self._separate:
            statement.run(connection, parameters)


def bind_columns(
    table: Table, columns: Sequence[str], prefix: str
) -> dict[str, BindParameter[Any]]:
    """Return the values of a row of `table`, as parameters named `<prefix>_<column>`."""
    return {name: bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in columns}


def insert_or_ignore(connection: Connection, table: Table, row: Parameters) -> bool:
    """Insert `row` unless one with its key is there already.  Returns whether it was inserted."""
    statement = _insert_or_ignore(table, connection.dialect.name, tuple(row))
    parameters = {f"new_{name}": value for name, value in row.items()}
    return statement.run(connection, parameters).rowcount == 1


@lru_cache
def _insert_or_ignore(table: Table, dialect: str, columns: tuple[str, ...]) -> CompiledStatement:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    values = bind_columns(table, columns, "new")
    return CompiledStatement(insert(table).values(values).on_conflict_do_nothing())
