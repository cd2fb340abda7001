"""A generated desk in the service's tables is one that the service could have written itself."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from service.domain import amendments, plain_data
from tests.bench import desk, generate, places, service_rows
from tests.bench.service_load import sqlite_path
from tests.support import postgres

TOTAL = 2_000


def verify_desk(url: str) -> dict[str, object]:
    """What `claimdesk verify` says of the desk at `url`."""
    process = subprocess.run(
        [sys.executable, "-m", "service.cli", "verify", "--json"],
        env=os.environ | {"CLAIMDESK_DATABASE_URL": url},
        cwd=places.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return dict(json.loads(process.stdout))


def test_verify_proves_a_loaded_desk_on_sqlite(tmp_path: Path) -> None:
    """Hashes, states, documents, versions, links, tags and decisions, and every reference."""
    url = f"sqlite:///{tmp_path}/desk.db"
    drawn_sample = desk.fill(TOTAL, {"sqlite": url}, seed=1)
    assert verify_desk(url)["claims"] == TOTAL
    connection = sqlite3.connect(sqlite_path(url))
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    indexes = "SELECT count(*) FROM sqlite_master WHERE type IN ('index', 'trigger')"
    assert connection.execute(indexes).fetchone()[0] > 40
    sql = "SELECT count(*) FROM claims WHERE id = ? AND status = 'asserted'"
    for key in drawn_sample.moving[:100]:
        assert connection.execute(sql, (key.hex,)).fetchone() == (1,)
    connection.close()


def test_verify_proves_a_desk_made_of_copies(tmp_path: Path) -> None:
    """Their chains are their own, and the sample is of all of them."""
    url = f"sqlite:///{tmp_path}/desk.db"
    sample_of_copies = desk.fill(TOTAL, {"sqlite": url}, seed=1, made_copies=5)
    assert verify_desk(url)["claims"] == TOTAL
    connection = sqlite3.connect(sqlite_path(url))
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    texts = "SELECT count(*), count(DISTINCT document) FROM claims"
    assert connection.execute(texts).fetchone() == (TOTAL, TOTAL)
    for key in sample_of_copies.read[:100]:
        sql = "SELECT count(*) FROM claims WHERE id = ?"
        assert connection.execute(sql, (key.hex,)).fetchone() == (1,)
    connection.close()


def test_verify_proves_a_loaded_desk_on_postgresql() -> None:
    """The same, with every key and index back in its place."""
    server = postgres.provide_server()
    try:
        loaded_url, migrated_url = server.create_database(), server.create_database()
        desk.fill(TOTAL, {"postgresql": loaded_url}, seed=1)
        assert verify_desk(loaded_url)["claims"] == TOTAL
        subprocess.run(
            [sys.executable, "-m", "service.cli", "db", "upgrade"],
            env=os.environ | {"CLAIMDESK_DATABASE_URL": migrated_url},
            cwd=places.ROOT,
            check=True,
        )
        assert _parts(loaded_url) == _parts(migrated_url)
    finally:
        server.stop()


def _parts(url: str) -> list[str]:
    """The definitions of all keys and indexes of the service's tables."""
    part_names = asyncio.run(
        desk.execute(
            url,
            """SELECT json_agg(d ORDER BY d) FROM (
                SELECT conrelid::regclass::text || conname || pg_get_constraintdef(oid) AS d
                FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                UNION SELECT indexdef FROM pg_indexes WHERE schemaname = 'public') AS parts
                WHERE d NOT LIKE '%ref\\_%'""",
        )
    )
    return list(json.loads(part_names))


def test_a_link_is_drafted_as_the_rulebook_drafts_it() -> None:
    """`Teller.draft_link` is a quicker way to the same event."""
    world = generate.world()
    claims = list(generate.chunk(world, 300, 0))
    teller = service_rows.Teller(world, 0)
    rows = teller.tell(claims)
    check_count = 0
    for row in rows["claims"]:
        state = plain_data.read_state(
            json.loads(row[service_rows.columns("claims").index("state")])
        )
        for link in state.links:
            expected = {**amendments.describe_link(link), "note": None}
            assert teller.draft_link(link).data == {"link": expected}
            check_count += 1
    assert check_count > 300


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_guards_let_every_generated_history_pass(seed: int) -> None:
    """`Teller` asks the rulebook for each event; several seeds meet its rarer edges."""
    world = generate.world(seed)
    rows = service_rows.Teller(world, 0).tell(list(generate.chunk(world, 3_000, 0, seed)))
    places = service_rows.columns("links"), service_rows.columns("claim_versions")
    assert {row[places[0].index("stance")] for row in rows["links"]} == {
        "supports",
        "contradicts",
        "requests_confirmation",
        "comments",
    }
    assert {row[places[1].index("status")] for row in rows["claim_versions"]} == {
        "asserted",
        "awaiting_confirmation",
        "confirmed",
        "disputed",
    }
