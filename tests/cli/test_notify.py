"""`claimdesk notify test`: what was answered, at once, by mail and by webhook."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Run, RunJson
from tests.webhooks.mail_servers import MailServer, run_mail_server

pytestmark = pytest.mark.usefixtures("migrated_database")


@contextmanager
def serve_mail(**answers: str) -> Iterator[MailServer]:
    """A mail server in a thread: the command has a loop of its own."""
    loop = asyncio.new_event_loop()
    ready, is_done = threading.Event(), asyncio.Event()
    servers: list[MailServer] = []

    async def serve() -> None:
        async with run_mail_server(**answers) as server:  # type: ignore[arg-type]
            servers.append(server)
            ready.set()
            await is_done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield servers[0]
    finally:
        loop.call_soon_threadsafe(is_done.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def ana(run: Run, folder: Path) -> str:
    result = run(
        "users", "create", "--email", "ana@news.example", "--name", "Ana", "--role", "checker"
    )
    assert result.exit_code == 0, result.stderr
    return "ana@news.example"


def test_mail_to_a_person_is_sent_at_once(
    ana: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_mail() as server:
        monkeypatch.setenv("CLAIMDESK_SMTP_URL", f"smtp://127.0.0.1:{server.port}?starttls=off")
        monkeypatch.setenv("CLAIMDESK_MAIL_FROM", "desk@claims.example")
        result = run("notify", "test", ana)
        assert result.exit_code == 0, result.stderr
        assert result.stdout == "mailto:ana@news.example: delivered (250)\n"
        (mail,) = server.mails
        assert mail["To"] == ana
        assert mail["From"] == "desk@claims.example"
        server.rcpt = "550 5.1.1 No such user"
        refusal = run("notify", "test", ana)
        assert refusal.exit_code != 0
        assert "failed: the mail server answered 550 5.1.1 No such user" in refusal.stdout


def test_missing_mail_server_is_named(ana: str, run: Run) -> None:
    refusal = run("notify", "test", ana)
    assert refusal.exit_code != 0
    assert "CLAIMDESK_SMTP_URL" in refusal.stdout


def test_webhook_is_tried_by_its_id(
    run: Run, run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_HTTP", "on")
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_CIDRS", "127.0.0.0/8")
    webhook = run_json("webhooks", "create", "http://127.0.0.1:9")
    refusal = run("notify", "test", webhook["id"])
    assert refusal.exit_code != 0
    assert refusal.stdout == "http://127.0.0.1:9: failed: connection refused\n"
    (webhook_row,) = run_json("webhooks", "list")
    assert (webhook_row["health"]["pending"], webhook_row["health"]["failures_in_a_row"]) == (0, 0)


@pytest.mark.parametrize("whom", ["nobody@news.example", "01a22187-edda-72a0-b9e9-7a5760b83016"])
def test_nobody_is_tried_where_nobody_is_meant(run: Run, whom: str) -> None:
    refusal = run("notify", "test", whom)
    assert refusal.exit_code != 0
    assert "list" in refusal.stderr
