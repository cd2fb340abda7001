"""Checks of a desk's own state for `claimdesk doctor`: its file, clock, epoch, people and names.

Each takes a connection and returns its findings.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from service.accounts import policy
from service.directory.confusable_names import list_confusable_names
from service.domain import clocks
from service.domain.access import Role
from service.domain.diagnosis import Finding, make_fault, make_remark
from service.operations import clock, recovery
from service.operations.recovery import Home
from service.store import installation
from service.store.installation import EPOCH, HOME, LAST_SEEN
from service.store.tables import users

LISTED = 20
"""At most so many groups of names that read alike are listed."""
RELEASE = (
    "If this is the desk: claimdesk webhooks release. If it is a copy beside the desk, leave it so."
)


def check_integrity(connection: Connection) -> list[Finding]:
    """Check the pages of an embedded database."""
    if connection.dialect.name != "sqlite":
        return []
    faults = [row[0] for row in connection.execute(text("PRAGMA quick_check(5)"))]
    if faults == ["ok"]:
        return []
    return [
        make_fault(
            "integrity",
            f"The file is damaged: {'; '.join(map(str, faults))}.",
            "Stop the server, look at the disk, and put a backup in its place: "
            "claimdesk restore FILE",
        )
    ]


def check_clock(connection: Connection, *, now: datetime, tolerance: timedelta) -> list[Finding]:
    """Check whether this machine's clock can be right."""
    reference = clock.read_clock_reference(connection, now=now)
    fault = clocks.find_clock_fault(reference, now=now, tolerance=tolerance)
    return [] if fault is None else [make_fault("clock", fault, clocks.ADVICE)]


def check_values(connection: Connection) -> list[Finding]:
    """Check whether the notes that the database keeps on itself can be read."""
    findings = []
    for name in (EPOCH, HOME, LAST_SEEN, installation.HELD, installation.CLOCK_ACCEPTED):
        try:
            value = installation.read_value(connection, name)
            if value is not None and name == LAST_SEEN:
                datetime.fromisoformat(value)
            elif value is not None:
                installation.read_document(connection, name)
        except ValueError as error:
            findings.append(
                make_fault(
                    "installation",
                    f"The database's own note '{name}' cannot be read: {error}.",
                    "Stop the server and put a backup in its place: claimdesk restore FILE",
                )
            )
    if installation.read_value(connection, "cursor_key") is None:
        findings.append(
            make_fault(
                "installation",
                "The key that signs cursors is gone: no list goes on after its first page.",
                "Stop the server and put a backup in its place: claimdesk restore FILE",
            )
        )
    return findings


def check_epoch(connection: Connection, *, home: Home | None) -> list[Finding]:
    """Check whether this is the desk, or a copy of one."""
    findings = []
    hold = recovery.read_hold(connection)
    if hold is not None:
        findings.append(
            make_fault(
                "webhooks-held",
                f"No webhook is sent since {hold.get('since')}, because {hold.get('reason')}.",
                RELEASE,
            )
        )
    before = installation.read_document(connection, HOME)
    if home is not None and before is not None and recovery.is_elsewhere(before, home):
        findings.append(
            make_fault(
                "copy",
                f"This database was served from {before.get('path')} before: it is a copy, or was "
                "put back by hand.",
                "The next server begins a new epoch of the record and holds webhooks: nothing is "
                "to be done unless that is not what you want.",
            )
        )
    epoch = installation.read_document(connection, EPOCH)
    if epoch is not None:
        findings.append(
            make_remark(
                "epoch",
                f"This is epoch {epoch.get('number')} of the record, since "
                f"{epoch.get('began_at')}: {epoch.get('reason')}.",
                "Clients that kept a place from before are told to start again (410).",
            )
        )
    return findings


def check_people(connection: Connection) -> list[Finding]:
    """Check whether decisions need a second person, and whether there are two people."""
    if not policy.needs_second_person(connection):
        return [
            make_fault(
                "two-people",
                "The desk does without a second person: one alone may have a claim confirmed.",
                "Ask for a second person again: claimdesk policy --four-eyes on",
            )
        ]
    able = (Role.CHECKER.value, Role.EDITOR.value, Role.ADMIN.value)
    count = connection.scalar(
        select(func.count())
        .select_from(users)
        .where(users.c.role.in_(able), users.c.disabled_at.is_(None))
    )
    if (count or 0) >= 2:
        return []
    return [
        make_remark(
            "two-people",
            f"{count or 'Nobody'} may check at the desk; a confirmation takes two people.",
            "Add them: claimdesk users create",
        )
    ]


def check_names(connection: Connection) -> list[Finding]:
    """List names that read alike."""
    return [
        make_fault(
            "names",
            f"{len(alike.ids)} names of one kind ({alike.kind}) read alike: {alike.describe()}.",
            "Rename all but one, so that what is printed tells them apart: "
            "PATCH /v1/parties/SLUG, /v1/speakers/ID or /v1/users/ID, or the desk.",
        )
        for alike in list_confusable_names(connection)[:LISTED]
    ]
