"""`claimdesk webhooks …`, on both databases; its receiver has a file of its own."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from service.cli import databases, endpoints, shell
from service.domain import ids
from service.domain.webhooks import Format
from service.store.webhook_tables import webhooks
from tests.cli.conftest import Run, RunJson, Serve
from tests.cli.listener import Listener
from tests.support.desk import Json

pytestmark = pytest.mark.usefixtures("migrated_database")

NOBODY = ids.make_id()
URL = "http://127.0.0.1:9"
NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _on_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks may go to this machine."""
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_HTTP", "on")
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_ALLOW_CIDRS", "127.0.0.0/8")


def test_only_the_secret_goes_to_standard_output(run: Run, run_json: RunJson) -> None:
    """A shell can take the secret from standard output; what to type next is beside it, with the
    id; no list has the secret."""
    creation = run("webhooks", "create", URL)
    assert creation.stdout.startswith("whsec_")
    assert creation.stdout.count("\n") == 1
    (webhook,) = run_json("webhooks", "list")
    assert f"claimdesk webhooks ping {webhook['id']}" in creation.stderr
    assert "every event" in creation.stderr
    assert creation.stdout.strip() not in str(webhook)


def test_broker_is_registered_and_its_password_not_shown(run: Run, run_json: RunJson) -> None:
    """`--format` says that the address is a broker's."""
    webhook = run_json(
        "webhooks", "create", "nats://desk:right@127.0.0.1:4222/claims", "--format", "nats"
    )
    assert (webhook["format"], webhook["url"]) == ("nats", "nats://***@127.0.0.1:4222/claims")
    for command in (("list",), ("list", "--json"), ("pause", webhook["id"])):
        result = run("webhooks", *command)
        assert "***@127.0.0.1" in result.stdout + result.stderr
        assert "right" not in result.stdout + result.stderr


def test_every_filter_is_registered(run: Run, run_json: RunJson) -> None:
    """What --event, --story, --claim, --party and --description say is what was registered."""
    run("seed")
    options = ("--story", "kosovo-border-2023", "--party", "nato", "--party", "belgrade")
    events = ("--event", "claim.status_changed", "--event", "link.created")
    webhook = run_json("webhooks", "create", URL, *events, *options, "--description", "The CMS")
    assert webhook["secret"].startswith("whsec_")
    (webhook_row,) = run_json("webhooks", "list")
    assert webhook_row == {name: value for name, value in webhook.items() if name != "secret"}
    assert webhook_row["event_types"] == ["claim.status_changed", "link.created"]
    assert (webhook_row["story"], webhook_row["description"]) == ("kosovo-border-2023", "The CMS")
    assert webhook_row["parties"] == ["belgrade", "nato"]
    assert webhook_row["created_by"] == "claimdesk"
    heading, line = run("webhooks", "list").stdout.splitlines()
    assert heading.split("\t") == ["id", "state", "url", "told of", "health"]
    assert "kosovo-border-2023 where belgrade or nato speaks" in line


def test_every_narrowing_of_the_api_is_an_option(run: Run, run_json: RunJson) -> None:
    """Statuses, kinds, tags, classes and languages may be repeated; quotes are left out on
    request."""
    webhook = run_json(
        *("webhooks", "create", URL, "--status-from", "asserted", "--status-to", "confirmed"),
        *("--status-to", "disputed", "--kind", "figure", "--tag", "border", "--tag", "talks"),
        *("--severity", "kill", "--language", "sr-Latn", "--no-quotes"),
    )
    (webhook_row,) = run_json("webhooks", "list")
    assert webhook_row == {name: value for name, value in webhook.items() if name != "secret"}
    assert (webhook_row["status_from"], webhook_row["kinds"]) == (["asserted"], ["figure"])
    assert sorted(webhook_row["status_to"]) == ["confirmed", "disputed"]
    assert sorted(webhook_row["tags"]) == ["border", "talks"]
    assert (webhook_row["severity"], webhook_row["languages"]) == (["kill"], ["sr-latn"])
    assert webhook_row["payload"] == {"quotes": False}
    assert run_json("webhooks", "create", URL)["payload"] == {"quotes": True}


def test_help_names_every_format(run: Run) -> None:
    words = " ".join(run("webhooks", "create", "--help").stdout.split())
    explanation = words.partition("standard: posted")[2]
    for name in set(Format) - {Format.STANDARD}:
        assert name in explanation


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("https://u:p@example.org",), 2, "user name or password"),
        (("http://10.1.2.3/",), 2, "CLAIMDESK_WEBHOOK_ALLOW_CIDRS"),
        (("no address",), 2, "a text holds no U+0020 (SPACE)"),
        ((URL, "--event", "claim.invented"), 2, "claim.status_changed"),
        ((URL, "--claim", "12"), 2, "--claim 12: an id is a UUID"),
        ((URL, "--claim", NOBODY), 1, "there is no claim"),
        ((URL, "--story", "no-such"), 1, "there is no story 'no-such'"),
        ((URL, "--party", "no-such"), 1, "there is no party 'no-such'"),
        ((URL, "--party", "A B"), 2, "--party A B"),
        ((URL, "--status-to", "certain"), 2, "confirmed"),
        ((URL, "--language", "s!"), 2, "--language s!"),
        ((URL, "--description", "x" * 501), 2, "--description"),
    ],
)
def test_invalid_webhook_is_refused_with_its_option(
    run: Run, run_json: RunJson, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """A fault has its option's name, a code as for other commands, and registers nothing."""
    refusal = run("webhooks", "create", *arguments)
    assert (refusal.exit_code, refusal.stdout) == (code, "")
    assert words in refusal.stderr
    assert run_json("webhooks", "list") == []


def test_local_receiver_needs_two_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the refusal has the line to type."""
    monkeypatch.delenv("CLAIMDESK_WEBHOOK_ALLOW_HTTP")
    monkeypatch.delenv("CLAIMDESK_WEBHOOK_ALLOW_CIDRS")
    for address in (URL, "https://127.0.0.1:9"):
        refusal = run("webhooks", "create", address)
        assert refusal.exit_code == 2
        line = "export CLAIMDESK_WEBHOOK_ALLOW_HTTP=on CLAIMDESK_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8"
        assert line in refusal.stderr


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("deliveries", ()),
        ("redeliver", (NOBODY,)),
        ("recover", ("--since", "2h")),
        ("ping", ()),
        ("pause", ()),
        ("activate", ()),
        ("remove", ()),
    ],
)
def test_malformed_and_unknown_webhook_ids_are_distinguished(
    run: Run, command: str, options: tuple[str, ...]
) -> None:
    """What is no id, and whose it is nobody's, are told apart; both say where ids are listed."""
    refusal = run("webhooks", command, "nope", *options)
    assert (refusal.exit_code, refusal.stdout) == (2, "")
    assert refusal.stderr == "error: 'nope' is no webhook's id.  See: claimdesk webhooks list\n"
    missing = run("webhooks", command, NOBODY, *options)
    assert (missing.exit_code, missing.stdout) == (1, "")
    line = "error: There is no webhook with this id.  See: claimdesk webhooks list\n"
    assert missing.stderr == line


def test_ping_is_listed_and_names_the_command_that_lists_it(run: Run, run_json: RunJson) -> None:
    """A ping is due at once, listed by state, type and time, and says which command lists it."""
    webhook = run_json("webhooks", "create", URL)["id"]
    ping = run("webhooks", "ping", webhook)
    assert ping.exit_code == 0
    assert "within a second if a dispatcher is at work" in ping.stderr
    assert f"claimdesk webhooks deliveries {webhook}" in ping.stderr
    (delivery,) = run_json("webhooks", "deliveries", webhook)
    assert (delivery["type"], delivery["state"]) == ("webhook.ping", "pending")
    assert delivery["id"] in ping.stderr

    def count(*filters: str) -> int:
        return len(run_json("webhooks", "deliveries", webhook, *filters))

    assert count("--state", "pending", "--type", "webhook.ping", "--since", "1h") == 1
    assert count("--state", "dead") == 0
    assert count("--type", "claim.created") == 0
    assert count("--since", "2100-01-01T00:00:00Z") == 0
    heading, line = run("webhooks", "deliveries", webhook).stdout.splitlines()
    assert heading.split("\t") == ["id", "type", "state", "created at"]
    assert line.split("\t")[:3] == [delivery["id"], "webhook.ping", "pending"]


def test_limit_option_reads_as_many_pages_as_needed(
    run_json: RunJson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries and webhooks come from as many pages as it takes, newest first, none twice."""
    # A page that a few rows fill; the bound is part of the API's document.
    monkeypatch.setattr("service.store.paging.MAX_LIMIT", 2)
    webhooks = [run_json("webhooks", "create", URL)["id"] for _ in range(5)]
    assert [each["id"] for each in run_json("webhooks", "list")] == webhooks[::-1]
    pings = [run_json("webhooks", "ping", webhooks[0])["id"] for _ in range(5)][::-1]
    for limit in (1, 2, 3, 4, 5, 6):
        deliveries = run_json("webhooks", "deliveries", webhooks[0], "--limit", str(limit))
        assert [each["id"] for each in deliveries] == pings[:limit]


def test_refusals_about_a_paused_webhook_name_the_command_that_ends_it(
    run: Run, run_json: RunJson
) -> None:
    """Nothing is sent to it and everything is kept; each refusal has the command that ends it."""
    webhook = run_json("webhooks", "create", URL)["id"]
    run("webhooks", "ping", webhook)
    pause = run("webhooks", "pause", webhook, "--reason", "The CMS moves")
    assert f"claimdesk webhooks activate {webhook}" in pause.stderr
    (webhook_row,) = run_json("webhooks", "list")
    assert (webhook_row["state"], webhook_row["state_reason"]) == ("paused", "The CMS moves")
    for command in (("ping", webhook), ("recover", webhook, "--since", "1h")):
        refusal = run("webhooks", *command)
        assert "paused (The CMS moves)" in refusal.stderr
        assert f"claimdesk webhooks activate {webhook}" in refusal.stderr
    assert "1 waiting" in run("webhooks", "activate", webhook).stderr
    assert run_json("webhooks", "list")[0]["state"] == "active"


def test_blocked_webhook_says_until_when_it_waits(run: Run, run_json: RunJson) -> None:
    """While its breaker is open, or its receiver asked for a pause, nothing promises that what is
    due goes out now: there is until when it waits, why, and the command that does not wait."""
    webhook = run_json("webhooks", "create", URL)["id"]

    def block(connection: Connection, *, until: datetime) -> None:
        values = {
            "failures": 5,
            "last_error": "the receiver answered 500",
            "blocked_until": until,
        }
        connection.execute(update(webhooks).values(**values))

    databases.write(block, until=datetime.now(UTC) + timedelta(minutes=5))
    shown_time = endpoints.format_second(run_json("webhooks", "list")[0]["health"]["blocked_until"])
    assert f"left alone until {shown_time}" in run("webhooks", "list").stdout
    ping = run("webhooks", "ping", webhook)
    delivery = run_json("webhooks", "deliveries", webhook)[0]["id"]
    retries = (("redeliver", webhook, delivery), ("recover", webhook, "--since", "1h"))
    for output in (ping, *(run("webhooks", *command) for command in retries)):
        assert "within a second" not in output.stderr
        assert f"until {shown_time} (the receiver answered 500)" in output.stderr
        assert f"claimdesk webhooks activate {webhook}" in output.stderr
    assert "within a second" in run("webhooks", "activate", webhook).stderr
    databases.write(block, until=datetime.now(UTC) - timedelta(seconds=1))
    assert "left alone" not in run("webhooks", "list").stdout
    assert "within a second" in run("webhooks", "ping", webhook).stderr


def test_removed_webhook_and_its_deliveries_are_not_listed(run: Run, run_json: RunJson) -> None:
    """It is listed no more, and its deliveries neither."""
    webhook = run_json("webhooks", "create", URL)["id"]
    assert run("webhooks", "remove", webhook).exit_code == 0
    assert run_json("webhooks", "list") == []
    assert run("webhooks", "deliveries", webhook).exit_code == 1


def test_unknown_delivery_is_refused_with_the_listing_command(run: Run, run_json: RunJson) -> None:
    """It says which command lists the deliveries there are."""
    webhook = run_json("webhooks", "create", URL)["id"]
    for wrong_delivery, code in (("nope", 2), (NOBODY, 1)):
        refusal = run("webhooks", "redeliver", webhook, wrong_delivery)
        assert refusal.exit_code == code
        assert f"See: claimdesk webhooks deliveries {webhook}" in refusal.stderr


def test_dead_deliveries_can_be_recovered(
    run: Run, run_json: RunJson, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that nobody took is dead, listed and counted; once the receiver listens, recovery
    and redelivery bring it, verified and with the same id each time; a second recovery finds
    nothing."""
    monkeypatch.setenv("CLAIMDESK_WEBHOOK_SCHEDULE", "0.2")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    webhook_view = run_json("webhooks", "create", f"http://127.0.0.1:{port}")
    webhook = webhook_view["id"]
    _ = serve().address
    ping = run_json("webhooks", "ping", webhook)["id"]
    dead = wait_for_result(lambda: run_json("webhooks", "deliveries", webhook, "--state", "dead"))
    assert [each["id"] for each in dead] == [ping]
    table = run("webhooks", "list").stdout + run("webhooks", "deliveries", webhook).stdout
    assert "1 dead, failed 2 times: " in table
    assert "dead, 2 tries, " in table

    with Listener(
        "--port", str(port), "--json", CLAIMDESK_WEBHOOK_SECRET=webhook_view["secret"]
    ) as listener:
        recovery = run("webhooks", "recover", webhook, "--since", "2h")
        assert recovery.stderr.startswith("1 delivery is sent again.  ")
        first = listener.line(1)
        assert (first["id"], first["verified"], first["answered"]) == (ping, True, 204)
        assert first["body"]["data"]["webhook"] == webhook
        wait_for_result(lambda: run_json("webhooks", "deliveries", webhook, "--state", "delivered"))
        assert run_json("webhooks", "recover", webhook, "--since", "2h")["recovered"] == 0
        second_recovery = run("webhooks", "recover", webhook, "--since", "2h")
        assert second_recovery.stderr.startswith("Everything since")
        redelivery = run("webhooks", "redeliver", webhook, ping)
        assert f"claimdesk webhooks deliveries {webhook}" in redelivery.stderr
        second = listener.line(2)
        assert (second["id"], second["verified"], second["arrival"]) == (ping, True, 2)
        assert second["body"] == first["body"]
    assert "well at" in run("webhooks", "list").stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(days=7)),
        ("2026-01-01T01:00:00+01:00", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_since_option_is_parsed(text: str, expected: datetime) -> None:
    """--since takes a span back from now, or an instant with its offset."""
    assert endpoints.parse_moment(text, now=NOW) == expected


@pytest.mark.parametrize(
    "text", ["soon", "", "2026-01-01T00:00:00", "999999w", "-3d", "0001-01-01T00:00:00+14:00"]
)
def test_invalid_since_option_is_refused_with_examples(text: str) -> None:
    """Anything else is refused with examples."""
    with pytest.raises(shell.CommandError, match=r"--since .*2h, 3d") as failure:
        endpoints.parse_moment(text, now=NOW)
    assert failure.value.code == 2


def wait_for_result(look: Callable[[], list[Json]], *, seconds: float = 60) -> list[Json]:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = look()
        if result:
            return result
        time.sleep(0.1)
    raise AssertionError("nothing came")
