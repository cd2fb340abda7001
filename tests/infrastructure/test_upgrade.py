"""`claimdesk db upgrade` while a server serves: the release before this one is refused its changes,
with the reason; this one goes on, or is told to stop, as the newer one says.

The release before this one comes out of git.  A clone without its commit skips that test and says
so; `tests/store/test_releases.py` has what it would be refused.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.config import Settings
from service.store import migrate, releases
from tests.faults.receiving import wait_until
from tests.faults.served import RUN_ON, Served, build_environment, run_command
from tests.faults.stage import Stage
from tests.support.desk import build_claim
from tests.support.postgres import PostgresServer

ROOT = Path(__file__).parent.parent.parent
BEFORE = "43757a5ab731fc5c9c2fabc1222125576528233e"
"""The last commit of the release before this one."""
REASON = "upgraded by a newer Claimdesk"
NEXT = '''
"""something that old code does not mind"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stories", sa.Column("something", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("stories", "something")
'''


@pytest.fixture
def empty_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without a schema."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path}/claimdesk.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


def build_prelude(folder: Path) -> str:
    """A prelude: the process runs the code that lies there."""
    return f"import sys\nsys.path.insert(0, {str(folder)!r})\n"


def call(url: str, code: str, folder: Path, *command: str) -> str:
    """A command of other code, run to its end."""
    process = subprocess.run(
        [sys.executable, "-c", code + RUN_ON, *command],
        cwd=folder,
        env=build_environment(url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The code of the release before this one."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("not run: no git here")
    archive = subprocess.run(
        [git, "archive", BEFORE, "service", "migrations"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        pytest.skip(f"not run: this clone has no commit {BEFORE[:7]} (git fetch --unshallow)")
    folder = tmp_path / "before"
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def ask(server: Served, method: str, path: str, token: str, body: object = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
    return httpx.request(method, server.url + path, json=body, headers=headers, timeout=30)


def test_older_server_is_refused_changes_after_an_upgrade(
    empty_url: str, before: Path, tmp_path: Path
) -> None:
    """Its server is at work when the database is upgraded: not one of its changes is taken, the
    reason is in its log, nothing is half written, and the new release goes on from there."""
    old = build_prelude(before)
    call(empty_url, old, tmp_path, "db", "upgrade")
    output = call(empty_url, old, tmp_path, "keys", "create", "--name", "a", "--role", "admin")
    match = re.search(r"cd_\S+", output)
    assert match is not None, output
    token = match[0]
    server = Served(empty_url, tmp_path, prelude=old, is_new=True, CLAIMDESK_LOG_LEVEL="warning")
    try:
        party = {"slug": "belgrade", "name": "Belgrade"}
        assert ask(server, "POST", "/v1/parties", token, party).status_code == 201
        creation = ask(server, "POST", "/v1/claims", token, build_claim())
        assert creation.status_code == 201, creation.text
        claim = creation.json()["id"]

        upgrade = run_command(empty_url, tmp_path, "db", "upgrade")
        assert upgrade.returncode == 0, upgrade.stdout + upgrade.stderr
        export = export_lines(empty_url, tmp_path)
        changes = (
            ("POST", "/v1/claims", build_claim(text="too late")),
            ("POST", "/v1/parties", {"slug": "nato", "name": "NATO"}),
            ("PATCH", "/v1/parties/belgrade", {"name": "Beograd"}),
            ("PATCH", f"/v1/claims/{claim}", {"tags": ["late"]}),
            (
                "POST",
                f"/v1/claims/{claim}/status-changes",
                {"to": "awaiting_confirmation", "reason": "late"},
            ),
            ("POST", "/v1/stories", {"slug": "late", "title": "Late"}),
            ("POST", "/v1/keys", {"name": "late", "role": "reader"}),
            ("POST", "/v1/webhooks", {"url": "https://hooks.example/late"}),
        )
        for method, path, body in changes:
            answer = ask(server, method, path, token, body)
            assert answer.status_code >= 500, f"{method} {path}: {answer.text}"
        assert REASON in server.output
        assert export_lines(empty_url, tmp_path) == export
    finally:
        server.kill()
    server = Served(empty_url, tmp_path)
    try:
        read = ask(server, "GET", f"/v1/claims/{claim}", token)
        assert read.json()["tags"] == []
        assert ask(server, "POST", "/v1/parties", token, changes[1][2]).status_code == 201
        assert ask(server, "GET", "/readyz", token).status_code == 200
    finally:
        server.kill()
    verification = run_command(empty_url, tmp_path, "verify")
    assert verification.returncode == 0, verification.stdout + verification.stderr


def export_lines(url: str, folder: Path) -> list[str]:
    """Everything that an export holds, without its first and last line, which have the time."""
    target = folder / f"export-{time.monotonic_ns()}"
    process = run_command(url, folder, "export", str(target))
    assert process.returncode == 0, process.stdout + process.stderr
    return target.read_text().splitlines()[1:-1]


@pytest.mark.parametrize("lets_go_on", [True, False], ids=["goes-on", "told-to-stop"])
def test_this_release_serves_while_a_newer_one_upgrades(
    database_url: str, settings: Settings, tmp_path: Path, lets_go_on: bool
) -> None:
    """The newer one is this code with another migration.  Either it lets older processes go on, and
    they do; or readiness tells them to stop, and the schema refuses their changes."""
    newer = tmp_path / "newer"
    for part in ("service", "migrations"):
        shutil.copytree(ROOT / part, newer / part)
    revision = f"{releases.find_newest_schema() + 1:04}"
    migration = NEXT.format(revision=revision, head=migrate.find_head())
    (newer / "migrations" / "versions" / f"{revision}_next.py").write_text(migration)
    if not lets_go_on:
        code = newer / "service" / "store" / "releases.py"
        code.write_text(
            code.read_text().replace(
                f"OLDEST_WRITER = {releases.OLDEST_WRITER}", f"OLDEST_WRITER = {int(revision)}"
            )
        )
    stage = Stage(database_url, tmp_path, settings)
    try:
        server = stage.serve()
        claim = stage.record_claim()
        stage.change_claim(claim)
        call(database_url, build_prelude(newer), tmp_path, "db", "upgrade")
        if lets_go_on:
            stage.change_claim(claim)
            assert stage.ask("GET", "/readyz").status_code == 200
            return
        refusal = stage.ask("PATCH", f"/v1/claims/{claim}", {"tags": ["late"]})
        assert refusal.status_code == 503
        assert REASON in refusal.json()["detail"]
        wait_until(lambda: "newer" in stage.ask("GET", "/readyz").text)
        assert stage.ask("GET", "/readyz").status_code == 503
        assert stage.call("GET", f"/v1/claims/{claim}")["tags"] == []
        assert server.alive
        second_server = Served(
            database_url,
            tmp_path,
            prelude=build_prelude(newer),
            is_new=True,
            CLAIMDESK_LOG_LEVEL="warning",
        )
        stage.started.append(second_server)
        stage.spread(second_server)
        stage.change_claim(claim)
    finally:
        stage.close()
