"""Reports renames that have not come to all claims, for `claimdesk verify` and `doctor`."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from service.claims import rename_queue
from service.claims.rename_queue import Rename
from service.domain.diagnosis import Finding, make_remark
from service.store.rename_tables import rename_claims, renames
from service.store.tables import statements
from service.verification.breaks import DAMAGE, Remark, describe_error

GOES_ON = "A server that runs goes on with it by itself: claimdesk serve"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The claims and statements that are still found by a former name, and the remarks on them."""

    claims: frozenset[str]
    statements: frozenset[str]
    remarks: tuple[Remark, ...]


def read_unfinished(connection: Connection) -> Unfinished:
    """Return what renames under way have not come to."""
    claims: set[str] = set()
    spoken_statements: set[str] = set()
    remarks = []
    try:
        under_way = rename_queue.list_renames(connection)
    except DAMAGE as error:
        reason = describe_error(error)
        remark = Remark("renames", f"a row cannot be read: {reason}")
        return Unfinished(frozenset(), frozenset(), (remark,))
    for rename in under_way:
        if rename.draft is None:
            is_of_rename = rename_claims.c.rename == rename.id
            claims.update(connection.scalars(select(rename_claims.c.claim).where(is_of_rename)))
        query = select(statements.c.id).where(rename_queue.build_statement_condition(rename))
        if rename.last_statement is not None:
            query = query.where(statements.c.id > rename.last_statement)
        spoken_statements.update(connection.scalars(query))
        remarks.append(Remark("rename_claims", _describe(connection, rename)))
    return Unfinished(frozenset(claims), frozenset(spoken_statements), tuple(remarks))


def check_renames(connection: Connection) -> list[Finding]:
    """Return a remark on each rename that has not come to all claims."""
    return [
        make_remark("renames", _describe(connection, rename), GOES_ON)
        for rename in rename_queue.list_renames(connection)
    ]


def _describe(connection: Connection, rename: Rename) -> str:
    remaining = rename_queue.count_remaining_claims(connection, rename.id)
    total = connection.execute(
        select(renames.c.claims).where(renames.c.id == rename.id)
    ).scalar_one()
    what = "carry the change of" if rename.draft is not None else "are found by the full name of"
    kind, subject = rename.subject.kind.value, rename.subject.id
    return f"{total - remaining:,} of {total:,} claims {what} the {kind} '{subject}' so far."
