"""`claimdesk doctor` names what is wrong: each fault is made for real."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.config import Settings
from service.store import migrate
from tests.cli.conftest import Run, RunJson
from tests.support.damage import damage

EMAIL = "ana@example.org"
NOBODY = "00000000000000000000000000000abc"
Examine = Callable[[], dict[str, str]]
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def seeded_desk(run: Run, migrated_database: str) -> str:
    assert run("seed").exit_code == 0
    return migrated_database


@pytest.fixture(autouse=True)
def _webhooks_stay_on_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_HTTP", "on")
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_CIDRS", "127.0.0.0/8")


@pytest.fixture
def examine(run: Run) -> Examine:
    """What the doctor finds, by check; the exit code says whether there are faults."""

    def examine() -> dict[str, str]:
        result = run("doctor", "--json")
        report = json.loads(result.stdout)
        faults = [finding for finding in report["findings"] if finding["level"] == "fault"]
        assert result.exit_code == (1 if faults else 0)
        assert report["ok"] is (not faults)
        return {finding["check"]: f"{finding['what']} {finding['advice']}" for finding in faults}

    return examine


def test_new_desk_has_no_faults(run: Run, seeded_desk: str, examine: Examine) -> None:
    assert examine() == {}
    result = run("doctor")
    assert result.exit_code == 0
    assert "Nothing is wrong" in result.stdout


@on_sqlite
def test_doctor_waits_for_no_writer_and_changes_nothing(run: Run, seeded_desk: str) -> None:
    file = Path(seeded_desk.removeprefix("sqlite:///"))
    before = {path.name: path.read_bytes() for path in file.parent.glob("claimdesk.db*")}
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert run("doctor").exit_code == 0
    after = {path.name: path.read_bytes() for path in file.parent.glob("claimdesk.db*")}
    assert after == before


def test_older_schema_is_named_and_not_migrated(
    run_json: RunJson, migrated_database: str, examine: Examine
) -> None:
    migrate.downgrade(Settings(database_url=migrated_database), "-1")
    older = run_json("db", "current")["current"]
    assert "claimdesk db upgrade" in examine()["schema"]
    assert run_json("db", "current")["current"] == older


@on_sqlite
def test_missing_file_is_named(run: Run, migrated_database: str, examine: Examine) -> None:
    Path(migrated_database.removeprefix("sqlite:///")).unlink()
    assert "There is no database yet" in examine()["file"]


@on_sqlite
def test_world_writable_file_is_named(seeded_desk: str, examine: Examine) -> None:
    os.chmod(seeded_desk.removeprefix("sqlite:///"), 0o666)  # noqa: S103 -- what is looked for
    assert "chmod 600" in examine()["file"]


@on_sqlite
def test_a_damaged_file_is_named(seeded_desk: str, examine: Examine) -> None:
    path = Path(seeded_desk.removeprefix("sqlite:///"))
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'ix_claims_changed'"
        page = connection.execute(query).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    assert "claimdesk restore FILE" in examine()["integrity"]


@on_sqlite
def test_interrupted_restore_is_named(seeded_desk: str, examine: Examine) -> None:
    Path(f"{seeded_desk.removeprefix('sqlite:///')}.restoring").touch()
    assert "cut off" in examine()["file"]


@on_sqlite
def test_a_full_disk_is_named(
    seeded_desk: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=5 * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "5 MiB are free" in examine()["disk"]


def test_clock_behind_the_record_is_named(run: Run, seeded_desk: str, examine: Examine) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S.%fZ}"
    damage(seeded_desk, f"INSERT INTO installation VALUES ('last_seen', '{later}')")
    assert "claimdesk clock accept" in examine()["clock"]
    assert run("clock", "accept").exit_code == 0
    assert examine() == {}


def test_held_webhooks_are_named(seeded_desk: str, examine: Examine) -> None:
    hold = json.dumps({"reason": "this desk was restored from x", "copy": False, "since": "today"})
    damage(seeded_desk, f"INSERT INTO installation VALUES ('webhooks_held', '{hold}')")
    assert "claimdesk webhooks release" in examine()["webhooks-held"]


def test_a_copy_is_named(seeded_desk: str, examine: Examine) -> None:
    home = json.dumps({"machine": "other", "path": "/there", "file": 1, "system": "1", "oid": 1})
    damage(seeded_desk, f"INSERT INTO installation VALUES ('home', '{home}')")
    assert "/there" in examine()["copy"]


def test_unreadable_metadata_is_named(seeded_desk: str, examine: Examine) -> None:
    damage(
        seeded_desk,
        "INSERT INTO installation VALUES ('epoch', 'half a docu')",
        "DELETE FROM installation WHERE name = 'cursor_key'",
    )
    findings = examine()
    assert "cursors" in findings["installation"]
    assert "could not be looked at" in findings["epoch"]


@pytest.mark.usefixtures("seeded_desk")
def test_desk_with_one_person_is_named(run: Run, examine: Examine) -> None:
    assert run("policy", "--four-eyes", "off").exit_code == 0
    assert "one alone" in examine()["two-people"]


@pytest.mark.parametrize(
    ("base_url", "text"),
    [
        ("http://desk.example.org", "in clear"),
        ("https://desk.example.org/", "slash at the end"),
        ("desk.example.org", "no address"),
    ],
)
@on_sqlite
def test_misleading_base_url_is_named(
    seeded_desk: str, examine: Examine, monkeypatch: pytest.MonkeyPatch, base_url: str, text: str
) -> None:
    from service.cli import shell

    monkeypatch.setenv("CLAIMDESK_BASE_URL", base_url)
    shell.load_settings.cache_clear()
    assert text in examine()["base-url"]


def test_failing_and_paused_endpoints_are_named(
    run_json: RunJson, run: Run, seeded_desk: str, examine: Examine
) -> None:
    endpoint = run_json("webhooks", "create", "http://127.0.0.1:9")
    webhook = endpoint["id"]
    assert examine() == {}
    damage(seeded_desk, "UPDATE webhooks SET failures = 3, last_error = 'HTTP 500'")
    assert "failed 3 times" in examine()["endpoints"]
    assert run("webhooks", "pause", webhook).exit_code == 0
    assert f"claimdesk webhooks activate {webhook}" in examine()["endpoints"]


def test_deliveries_without_a_dispatcher_are_named(
    run_json: RunJson, run: Run, seeded_desk: str, examine: Examine
) -> None:
    webhook = run_json("webhooks", "create", "http://127.0.0.1:9")["id"]
    assert run("webhooks", "ping", webhook).exit_code == 0
    early = "2020-01-01T00:00:00.000000Z"
    damage(seeded_desk, f"UPDATE webhook_deliveries SET visible_at = '{early}'")
    assert "claimdesk dispatch" in examine()["dispatcher"]
    damage(seeded_desk, "UPDATE webhook_deliveries SET state = 'dead'")
    assert f"claimdesk webhooks recover {webhook}" in examine()["dead-deliveries"]


REFERENCES = [
    ("links", "statement"),
    ("links", "claim"),
    ("claims", "origin_statement"),
    ("claims", "part_of"),
    ("quotes", "source"),
    ("quotes", "statement"),
    ("statements", "speaker"),
    ("events", "claim"),
    ("speakers", "party"),
    ("links", "party"),
]


@pytest.mark.parametrize(("table", "column"), REFERENCES)
def test_dangling_reference_is_named(
    seeded_desk: str, examine: Examine, table: str, column: str
) -> None:
    some = f"WHERE {column} IS NOT NULL" if table == "events" else ""
    row = f"(SELECT min(CAST(id AS VARCHAR(36))) FROM {table} {some})"
    damage(
        seeded_desk,
        f"UPDATE {table} SET {column} = '{NOBODY}' WHERE CAST(id AS VARCHAR(36)) = {row}",
    )
    assert f"{table} name a" in examine()["dangling-rows"]


@on_sqlite
@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("sources", "id", "not an id"),
        ("statements", "said_at", "yesterday"),
        ("claims", "created_at", "2023-02-31T00:00:00.000000Z"),
        ("events", "data", "{half"),
        ("claims", "state", "{half"),
    ],
)
def test_unreadable_value_is_named(
    seeded_desk: str, examine: Examine, table: str, column: str, value: str
) -> None:
    damage(
        seeded_desk,
        f"UPDATE {table} SET {column} = '{value}' WHERE rowid = (SELECT min(rowid) FROM {table})",
    )
    finding = examine()["malformed-values"]
    assert f"of {table}" in finding
    assert column in finding


def test_record_that_nobody_tells_of_is_named(run: Run, seeded_desk: str, examine: Examine) -> None:
    """Once there are people to tell, and nothing has looked at the record for minutes."""
    result = run("users", "create", "--name", "Ana", "--role", "editor", "--email", EMAIL)
    assert result.exit_code == 0
    assert "notices" not in examine()
    earlier = (datetime.now(UTC) - timedelta(hours=2)).isoformat().replace("+00:00", "Z")
    damage(seeded_desk, f"UPDATE events SET recorded_at = '{earlier}'")
    assert "120 minutes late" in examine()["notices"]


def test_two_parties_with_one_name_are_named(seeded_desk: str, examine: Examine) -> None:
    damage(seeded_desk, "UPDATE parties SET name = 'NATO' WHERE slug = 'pristina'")
    assert "read alike" in examine()["names"]
