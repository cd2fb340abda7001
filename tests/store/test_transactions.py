"""Many writers at once, on either database: what was acknowledged is what is recorded."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from service.config import Settings
from service.domain.errors import Unavailable
from service.store.engine import Database
from service.store.tables import stories
from tests.faults.ledgers import audit
from tests.faults.served import Served, create_key, serve
from tests.support import desk as support
from tests.support.desk import Desk, build_claim, build_statement

DECIDERS = 50
Json = dict[str, Any]


async def decide(client: httpx.AsyncClient, claim: str, name: str, version: int) -> int:
    """Tag the claim until it is acknowledged, by the version that each refusal tells; gives the
    version that holds it."""
    for _ in range(200):
        answer = await client.patch(
            f"/v1/claims/{claim}", json={"tags": [name]}, headers={"If-Match": f'"{version}"'}
        )
        if answer.status_code == 200:
            assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
            return int(answer.json()["version"])
        assert answer.status_code == 412, answer.text
        problem = answer.json()
        assert problem["type"] == "/problems/version-conflict"
        assert answer.headers["etag"] == f'"{problem["version"]}"'
        assert problem["version"] > version
        version = problem["version"]
        await asyncio.sleep(random.uniform(0, 0.2))
    raise AssertionError(f"{name} never got through")


async def judge(settings: Settings, claim: str, versions: dict[str, int]) -> None:
    """Every acknowledged change is in the record under its version, and no other."""
    record = (await audit(settings))[claim]
    assert len(set(versions.values())) == len(versions)
    amendments = {
        event["data"]["tags"][0]: event["number"]
        for event in record
        if event["type"] == "claim.amended"
    }
    assert amendments == versions
    assert len(record) == len(versions) + 1


async def test_one_of_fifty_decisions_on_one_version_succeeds(desk: Desk) -> None:
    """All others are told the current version."""
    await desk.record_parties()
    claim = await desk.record_claim()
    answers = await asyncio.gather(
        *(
            desk.checker.post(
                f"/v1/claims/{claim['id']}/status-changes",
                json={"to": "awaiting_confirmation", "reason": f"verification {i}"},
                headers={"If-Match": '"1"'},
            )
            for i in range(DECIDERS)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * (DECIDERS - 1)
    assert {answer.json()["version"] for answer in answers} == {2}
    record = (await audit(desk.settings))[claim["id"]]
    assert [event["type"] for event in record] == ["claim.created", "claim.status_changed"]


async def test_fifty_concurrent_deciders_lose_no_change(desk: Desk) -> None:
    """Each tries again with the current version until it succeeds."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    names = [f"decider-{i}" for i in range(DECIDERS)]
    versions = await asyncio.gather(*(decide(desk.checker, claim, name, 1) for name in names))
    await judge(desk.settings, claim, dict(zip(names, versions, strict=True)))


@pytest.fixture
def two_servers(database_url: str, tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    """Two processes on one database: two on one file, or two machines on one PostgreSQL."""
    with serve(database_url, tmp_path) as server, serve(database_url, tmp_path) as other:
        yield server, other


@pytest.fixture
async def two_clients(
    two_servers: tuple[Served, Served], database_url: str, tmp_path: Path
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A checker's client for each."""
    token = create_key(database_url, tmp_path, "editor")["key"]
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=server.url,
                    headers={"Authorization": f"Bearer {token}"},
                    timeout=60,
                    limits=httpx.Limits(max_connections=40),
                )
            )
            for server in two_servers
        ]


async def test_two_server_processes_lose_no_change(
    two_clients: list[httpx.AsyncClient], settings: Settings
) -> None:
    """Deciders on either server race for one claim; links through both all land; the same
    Idempotency-Key sent to both is carried out once."""
    client, other = two_clients
    for slug in ("belgrade", "nato"):
        assert (await client.post("/v1/parties", json={"slug": slug, "name": slug})).is_success
    claim = (await other.post("/v1/claims", json=build_claim())).json()["id"]
    names = [f"decider-{i}" for i in range(30)]
    versions = await asyncio.gather(
        *(decide(two_clients[i % 2], claim, name, 1) for i, name in enumerate(names))
    )
    await judge(settings, claim, dict(zip(names, versions, strict=True)))

    link_answers = await asyncio.gather(
        *(
            two_clients[i % 2].post(
                f"/v1/claims/{claim}/links",
                json={"statement": build_statement("nato"), "stance": "supports"},
                headers={"Idempotency-Key": f"link-{i // 2}"},
            )
            for i in range(20)
        )
    )
    assert {answer.status_code for answer in link_answers} <= {201, 409}
    ids = {answer.json()["id"] for answer in link_answers if answer.status_code == 201}
    record = (await audit(settings))[claim]
    links = [event["data"]["link"]["id"] for event in record if event["type"] == "link.created"]
    assert sorted(links) == sorted(ids)
    assert len(ids) == 10


async def test_concurrent_links_are_all_recorded(desk: Desk) -> None:
    """A link without If-Match is never refused."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    body = {"statement": build_statement("nato"), "stance": "comments"}
    links = await asyncio.gather(*(desk.post(f"/v1/claims/{claim}/links", body) for _ in range(30)))
    record = (await audit(desk.settings))[claim]
    assert {e["data"]["link"]["id"] for e in record[1:]} == {link["id"] for link in links}


async def test_statement_linked_during_its_withdrawal_does_not_count(desk: Desk) -> None:
    """Either the withdrawal finds the link, or the link finds the withdrawal."""
    await desk.record_parties()
    ids = [(await desk.record_claim())["id"] for _ in range(6)]
    for _ in range(3):
        statement = await desk.post("/v1/statements", build_statement("nato", basis="documents"))
        link = {"statement": statement["id"], "stance": "supports"}
        path = f"/v1/statements/{statement['id']}/withdrawal"
        *link_answers, withdrawal = await asyncio.gather(
            *(desk.checker.post(f"/v1/claims/{claim}/links", json=link) for claim in ids[:3]),
            desk.checker.post(path, json={"reason": "misspoke", "source": None}),
        )
        late = await desk.checker.post(f"/v1/claims/{ids[5]}/links", json=link)
        assert withdrawal.status_code == 200, withdrawal.text
        assert {each.status_code for each in link_answers} <= {201, 409}
        assert late.status_code == 409
        assert late.json()["type"] == "/problems/statement-withdrawn"
    for claim in ids:
        assert (await desk.read_claim(claim))["evidence"]["supports"] == []
    await audit(desk.settings)


async def test_one_of_two_claims_merged_into_each_other_remains(desk: Desk) -> None:
    """The second merge is refused: its loser is gone, or its survivor is."""
    await desk.record_parties()
    for _ in range(5):
        claim, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
        answers = await asyncio.gather(
            *(
                desk.editor.post(
                    f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": '"1"'}
                )
                for loser, into in ((claim, other), (other, claim))
            )
        )
        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses)[0] == 200
        assert sorted(statuses)[1] in (409, 412)
        assert "problem" in answers[statuses.index(max(statuses))].headers["content-type"]
    await audit(desk.settings)


async def test_concurrent_components_all_become_part_of_their_claim(desk: Desk) -> None:
    """Each changes its parent too."""
    await desk.record_parties()
    parent = (await desk.record_claim())["id"]
    components = await asyncio.gather(*(desk.record_claim(part_of=parent) for _ in range(25)))
    shown_components = (await desk.read_claim(parent))["components"]
    assert {each["id"] for each in shown_components} == {each["id"] for each in components}
    await audit(desk.settings)


async def test_withdrawal_changes_a_component_and_its_parent(desk: Desk) -> None:
    """Both rest on one statement, and the component, older than its parent by a merge, changes the
    parent before its own turn comes."""
    await desk.record_parties()
    first = (await desk.record_claim())["id"]
    component = (await desk.record_claim(part_of=first))["id"]
    parent = (await desk.record_claim())["id"]
    merge = await desk.editor.post(
        f"/v1/claims/{first}/merge", json={"into": parent}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200
    link = await desk.link_statement(component, "supports", "nato")
    proposal = await desk.change_status(component, "confirmed", cites=[link["id"]])
    await desk.editor.post(f"/v1/decisions/{proposal.json()['id']}/approval")
    statement = link["statement"]["id"]
    await desk.post(f"/v1/claims/{parent}/links", {"statement": statement, "stance": "supports"})
    withdrawal = await desk.checker.post(
        f"/v1/statements/{statement}/withdrawal", json={"reason": "misspoke", "source": None}
    )
    assert withdrawal.status_code == 200, withdrawal.text
    assert (await desk.read_claim(component))["status"] == "awaiting_confirmation"
    assert [each["status"] for each in (await desk.read_claim(parent))["components"]] == [
        "awaiting_confirmation"
    ]
    await audit(desk.settings)


async def test_renamed_speaker_changes_every_claim_that_names_them(desk: Desk) -> None:
    """Also if the claim's origin names no speaker, or another."""
    await desk.record_parties()
    statement = await desk.post("/v1/statements", build_statement("belgrade"))
    body = build_claim(origin_statement=statement["id"])
    del body["origin"]
    claim = await desk.post("/v1/claims", body)
    speaker = next(
        item
        for item in (await desk.reader.get("/v1/speakers")).json()["items"]
        if item["name"] == "Gen. Milan Mojsilović"
    )
    rename = await desk.editor.patch(
        f"/v1/speakers/{speaker['id']}", json={"name": "General Mojsilović"}
    )
    assert rename.status_code == 200, rename.text
    name = (await desk.read_claim(claim["id"]))["claimant"]["speaker"]["name"]
    assert name == "General Mojsilović"
    await audit(desk.settings)


async def test_two_parties_cannot_be_put_under_each_other(desk: Desk) -> None:
    """Each move is sound alone; together they would make a circle."""
    for i in range(5):
        for slug in (f"one-{i}", f"other-{i}"):
            await desk.post("/v1/parties", {"slug": slug, "name": slug, "parent": None})
        answers = await asyncio.gather(
            desk.editor.patch(f"/v1/parties/one-{i}", json={"parent": f"other-{i}"}),
            desk.editor.patch(f"/v1/parties/other-{i}", json={"parent": f"one-{i}"}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_concurrent_creation_creates_a_thing_once(desk: Desk) -> None:
    """Sources and speakers are found again; parties and stories are refused as existing."""
    await desk.record_parties()
    source = {"url": "https://example.org/same"}
    speaker = {"name": "Jens Stoltenberg", "role": "Secretary General", "party": "nato"}
    for path, body in (("/v1/sources", source), ("/v1/speakers", speaker)):
        answers = await asyncio.gather(*(desk.checker.post(path, json=body) for _ in range(10)))
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.json()["id"] for answer in answers}) == 1
    for path, body in (
        ("/v1/parties", {"slug": "kfor", "name": "KFOR", "parent": "nato"}),
        ("/v1/stories", {"slug": "border", "title": "Border"}),
    ):
        answers = await asyncio.gather(*(desk.checker.post(path, json=body) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    claims = await asyncio.gather(
        *(
            desk.post(
                "/v1/statements", build_statement("nato", speaker={"name": "Oana", "role": None})
            )
            for _ in range(10)
        )
    )
    assert len({claim["speaker"]["id"] for claim in claims}) == 1


async def test_readers_cannot_write(desk: Desk, settings: Settings) -> None:
    """The connections of queries refuse a change, whatever runs on them."""
    now = desk.clock()
    row = {"slug": "x", "title": "x", "created_at": now, "updated_at": now}
    with pytest.raises((DBAPIError, Unavailable)) as refusal:
        await desk.database.read(lambda connection: connection.execute(insert(stories), row))
    assert "readonly" in str(refusal.value.__cause__).replace("-", "").replace(" ", "").lower()
    async with support.run_desk(settings) as other:
        story_count = await other.database.read(
            lambda connection: connection.execute(text("SELECT count(*) FROM stories")).scalar_one()
        )
    assert story_count == 0


async def test_failed_command_changes_nothing(database: Database) -> None:
    """The whole transaction is undone, and the connection serves the next."""

    def write_and_fail(connection: Connection) -> None:
        connection.execute(text("DELETE FROM installation"))
        raise RuntimeError("on purpose")

    def count(connection: Connection) -> int:
        rows: int = connection.execute(text("SELECT count(*) FROM installation")).scalar_one()
        return rows

    before = await database.write(count)
    assert before > 0
    for _ in range(3):
        with pytest.raises(RuntimeError, match="on purpose"):
            await database.write(write_and_fail)
    assert await database.write(count) == before


async def test_record_stays_in_order_if_the_clock_runs_backwards(desk: Desk) -> None:
    """Changes may share an instant: a tag may be added, removed and added again within it."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    desk.clock.advance(hours=-1)
    for version, tags in enumerate((["a"], [], ["a"], []), start=1):
        answer = await desk.checker.patch(
            f"/v1/claims/{claim}", json={"tags": tags}, headers={"If-Match": f'"{version}"'}
        )
        assert answer.status_code == 200, answer.text
    await audit(desk.settings)
