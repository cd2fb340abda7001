"""Checks of a desk's surroundings for `claimdesk doctor`: settings, file, disk, schema."""

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.cli import databases, shell
from service.domain.diagnosis import LEAST_ROOM, Finding, make_fault, make_remark

if TYPE_CHECKING:
    from service.config import Settings

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def check_settings(settings: "Settings") -> list[Finding]:
    """Check whether others can use the base URL."""
    findings = []
    parts = urlsplit(settings.base_url)
    name = "CLAIMDESK_BASE_URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        findings.append(
            make_fault(
                "base-url",
                f"{name} is {settings.base_url}, which is no address of a website.",
                f"Set it to how others reach this desk: {name}=https://desk.example.org",
            )
        )
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        findings.append(
            make_fault(
                "base-url",
                f"{name} is {settings.base_url}: passwords and keys go over the network in clear.",
                "Put a proxy with a certificate before the server, and set the address with "
                "https://",
            )
        )
    elif parts.hostname in LOOPBACK:
        findings.append(
            make_remark(
                "base-url",
                f"{name} is {settings.base_url}: links in webhooks, feeds and mail lead nowhere on "
                "other machines.",
                f"Where others use this desk: {name}=https://desk.example.org",
            )
        )
    if parts.path.endswith("/") or parts.query or parts.fragment:
        findings.append(
            make_fault(
                "base-url",
                f"{name} is {settings.base_url}: what is appended to it gives wrong links.",
                "Leave out the slash at the end, and what follows ? or #.",
            )
        )
    if settings.webhook_allow_http and parts.hostname not in LOOPBACK:
        findings.append(
            make_fault(
                "webhook-guard",
                "CLAIMDESK_WEBHOOK_ALLOW_HTTP is on: webhooks may go out in clear.",
                "It is for development: leave it out.",
            )
        )
    return findings


def check_file(path: Path) -> list[Finding]:
    """Check whether the embedded database's file is there, and who may read and write it."""
    place = path.absolute()
    if Path(f"{path}.restoring").exists():
        return [
            make_fault(
                "file", f"A restore of {place} was cut off.", "Run it again: claimdesk restore FILE"
            )
        ]
    try:
        databases.require_no_lost_database()
        databases.require_file()
    except shell.CommandError as stopped:
        fault, *rest = str(stopped).splitlines()
        return [make_fault("file", fault, " ".join(line.strip() for line in rest) or fault)]
    findings = []
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IWOTH:
        findings.append(
            make_fault(
                "file",
                f"Every account of this machine may write to {place}.",
                f"Run: chmod 600 {place}",
            )
        )
    elif mode & stat.S_IROTH:
        findings.append(
            make_remark(
                "file",
                f"Every account of this machine may read {place}, with the webhooks' secrets.",
                f"Run: chmod 600 {place}",
            )
        )
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        findings.append(
            make_fault(
                "file",
                f"This account may not write to {place} or its folder.",
                "Run this as the account that serves, or let this account write there.",
            )
        )
    return findings


def check_room(path: Path) -> list[Finding]:
    """Check whether the disk has room."""
    folder = path.absolute().parent
    free = shutil.disk_usage(folder).free
    size = path.stat().st_size if path.exists() else 0
    free_space = f"{free // (1024 * 1024)} MiB"
    if free < LEAST_ROOM:
        return [
            make_fault(
                "disk",
                f"{free_space} are free in {folder}: changes are refused once nothing is.",
                "Make room there.",
            )
        ]
    if free < 2 * size:
        return [
            make_remark(
                "disk",
                f"{free_space} are free in {folder}, and the database has "
                f"{size // (1024 * 1024)} MiB: a backup beside it, or a migration, may not fit.",
                "Back up to another disk, or make room.",
            )
        ]
    return []


def check_schema(settings: "Settings") -> list[Finding]:
    """Check whether the database answers, and has the schema that this version needs."""
    from service.store import migrate

    try:
        head, current = migrate.find_head(), migrate.read_current(settings)
        databases.require_known_schema(current)
    except shell.CommandError as stopped:
        fault, _, where = str(stopped).partition(": ")
        return [make_fault("schema", f"{fault}.", where)]
    if current == head:
        return []
    fault = "is empty" if current is None else f"has an older schema ({current}, needed: {head})"
    return [make_fault("schema", f"The database {fault}.", databases.UPGRADE)]
