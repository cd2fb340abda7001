"""The seed story, told to a receiver."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from service.config import Settings
from service.store import migrate
from tests.faults.receiving import wait_until
from tests.faults.served import run_command
from tests.faults.stage import Stage
from tests.support.desk import build_statement
from tests.support.postgres import PostgresServer

C1 = "Serbia has returned the operating regime of its units"
MILLER = "We are waiting to see confirmation of this. But, if true, it would be a welcome step"


@pytest.fixture
def empty_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a schema."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


def test_webhooks_of_the_seed_reach_a_receiver(empty_url: str, tmp_path: Path) -> None:
    """`claimdesk db upgrade`, serve, register, `claimdesk seed`: the published library verifies
    each status change; C1 goes from asserted to awaiting_confirmation because Miller asked, in his
    words, and what the desk decides next comes next, numbered without a gap."""
    upgrade = run_command(empty_url, tmp_path, "db", "upgrade")
    assert upgrade.returncode == 0, upgrade.stderr
    settings = Settings(database_url=empty_url)
    assert migrate.read_current(settings) == migrate.find_head()
    stage = Stage(empty_url, tmp_path, settings)
    try:
        replay(stage)
    finally:
        stage.close()


def replay(stage: Stage) -> None:
    stage.serve()
    endpoint = stage.register()
    seeding = run_command(stage.database_url, stage.folder, "seed")
    assert seeding.returncode == 0, seeding.stderr
    wait_until(lambda: stage.count_deliveries("state = 'delivered'") > 0)
    wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0)

    (status_arrival,) = [
        arrival
        for arrival in stage.receiver.arrivals
        if arrival.type == "claim.status_changed" and arrival.data["claim"]["text"].startswith(C1)
    ]
    claim = status_arrival.data["claim"]["id"]
    assert status_arrival.data["claim"]["claimant"]["party"] == "belgrade"
    assert (
        status_arrival.data["previous_status"],
        status_arrival.data["status"],
        status_arrival.data["cause"],
    ) == (
        "asserted",
        "awaiting_confirmation",
        "request",
    )
    (citation,) = status_arrival.data["cites"]
    assert (citation["party"], citation["speaker"]["name"]) == ("washington", "Matthew Miller")
    assert citation["quote"] == MILLER

    support = {
        "statement": build_statement("nato", basis="own_observation"),
        "stance": "contradicts",
    }
    stage.ask("POST", "/v1/parties", {"slug": "nato", "name": "NATO"})
    stage.call("POST", f"/v1/claims/{claim}/links", support)
    wait_until(lambda: stage.count_deliveries("state <> 'delivered'") == 0)

    sequences = defaultdict(list)
    for arrival in stage.receiver.arrivals:
        body = Webhook(endpoint["secret"]).verify(arrival.body, arrival.headers)
        if body["type"] == "claim.status_changed":
            sequences[body["data"]["claim"]["id"]].append(body["data"]["sequence"])
    assert sequences[claim] == [1, 2]
    assert len(sequences) > 1
    assert all(sequence == list(range(1, len(sequence) + 1)) for sequence in sequences.values())
    ids = [arrival.id for arrival in stage.receiver.arrivals]
    assert len(set(ids)) == len(ids)
