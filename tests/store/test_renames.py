"""Renames of what many claims show: they come to claims in batches, once to each.

The batches are small here, and the server's own worker rests where a test does its turns.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from service.claims import claim_commands, rename_batches
from service.domain import access
from service.store.rename_tables import rename_claims, renames
from service.store.tables import events
from service.web.bodies.claim_inputs import ClaimIn
from tests.faults.ledgers import audit
from tests.store.locks import hold_lock, wait_for_waiting
from tests.support import desk as support
from tests.support.desk import Desk, build_claim, build_statement

BATCH, CLAIMS = 4, 14
LOCK_CLAIM = "SELECT 1 FROM claims WHERE id = $1 FOR UPDATE"
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    # A batch that a few claims fill; the renamer runs within the application.
    monkeypatch.setattr(rename_batches, "BATCH", BATCH)
    monkeypatch.setattr(rename_batches, "BATCH_SECONDS", 60.0)


async def record_claims(desk: Desk, count: int = CLAIMS) -> list[str]:
    """Claims of Belgrade, in the order of their ids; the worker rests from now on."""
    await desk.app.state.services.renamer.stop()
    await desk.record_parties()
    body = ClaimIn.model_validate(build_claim(speaker=None)).to_command()

    def record(connection: Connection) -> list[str]:
        by: Json = {"actor": access.SYSTEM, "now": desk.clock()}
        return sorted(
            str(claim_commands.create_claim(connection, body, **by).id) for _ in range(count)
        )

    return await desk.database.write(record)


async def rename(desk: Desk, name: str, slug: str = "belgrade") -> Json:
    answer = await desk.editor.patch(f"/v1/parties/{slug}", json={"name": name})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    assert body["name"] == name
    return body


async def run_turns(desk: Desk, turns: int = 1_000) -> int:
    """Do so many turns of the worker, or all there are; gives how many there were."""
    for turn in range(turns):
        now = desk.clock()
        if not await desk.database.write(
            rename_batches.continue_rename, now=now, most=rename_batches.BATCH
        ):
            return turn
    return turns


async def read_names(desk: Desk, claim_ids: list[str]) -> list[str]:
    return [(await desk.read_claim(claim))["claimant"]["name"] for claim in claim_ids]


async def count_renames(desk: Desk) -> dict[str, list[str]]:
    """The instants at which each claim's names changed, by claim."""
    rows = await desk.database.read(
        lambda connection: connection.execute(
            select(events.c.claim, events.c.recorded_at)
            .where(events.c.claim.is_not(None), events.c.type == "party.changed")
            .order_by(events.c.seq)
        ).all()
    )
    renames: dict[str, list[str]] = {}
    for row in rows:
        renames.setdefault(row.claim, []).append(str(row.recorded_at))
    return renames


async def count_left(desk: Desk) -> tuple[int, int]:
    """How many renames are under way, and how many claims they have not come to."""
    return await desk.database.read(
        lambda connection: (
            connection.execute(select(func.count()).select_from(renames)).scalar_one(),
            connection.execute(select(func.count()).select_from(rename_claims)).scalar_one(),
        )
    )


async def test_rename_of_few_claims_is_done_at_once(desk: Desk) -> None:
    ids = await record_claims(desk, BATCH)
    await rename(desk, "Beograd")
    assert await read_names(desk, ids) == ["Beograd"] * BATCH
    assert await count_left(desk) == (0, 0)
    [instant] = {each for instants in (await count_renames(desk)).values() for each in instants}
    assert instant


async def test_rename_of_many_claims_is_done_in_batches(desk: Desk) -> None:
    """The request is answered at once; each claim gets one event, and a batch one instant."""
    ids = await record_claims(desk)
    await rename(desk, "Beograd")
    assert await read_names(desk, ids) == ["Belgrade"] * CLAIMS
    assert await run_turns(desk, 1) == 1
    assert await read_names(desk, ids) == ["Beograd"] * BATCH + ["Belgrade"] * (CLAIMS - BATCH)
    await audit(desk.settings)
    await run_turns(desk)
    assert await read_names(desk, ids) == ["Beograd"] * CLAIMS
    assert await count_left(desk) == (0, 0)
    renames = await count_renames(desk)
    assert [*renames] == ids
    assert {len(instants) for instants in renames.values()} == {1}
    together = Counter(instant for instants in renames.values() for instant in instants)
    assert max(together.values()) <= BATCH
    await audit(desk.settings)


async def test_server_continues_a_rename_by_itself(desk: Desk) -> None:
    """Other changes are accepted between the batches."""
    ids = await record_claims(desk, 60)
    await rename(desk, "Beograd")
    desk.app.state.services.renamer.start()
    async with asyncio.timeout(60):
        while (await count_left(desk))[0]:
            await desk.record_claim(claimant="nato", speaker=None)
    assert await read_names(desk, ids) == ["Beograd"] * 60
    order = await desk.database.read(
        lambda connection: connection.scalars(
            select(events.c.type)
            .where(
                events.c.type.in_(["party.changed", "claim.created"]), events.c.claim.is_not(None)
            )
            .order_by(events.c.seq)
        ).all()
    )
    first = order.index("party.changed")
    last = len(order) - order[::-1].index("party.changed")
    assert "claim.created" in order[first:last], "nobody else wrote meanwhile"
    await audit(desk.settings)


async def test_claim_changed_before_its_batch_gets_the_new_name_once(desk: Desk) -> None:
    """Nobody decides on an outdated name, and If-Match compares with what was read."""
    ids = await record_claims(desk)
    await rename(desk, "Beograd")
    last = ids[-1]
    version = (await desk.read_claim(last))["version"]
    amendment = await desk.checker.patch(
        f"/v1/claims/{last}", json={"tags": ["border"]}, headers={"If-Match": f'"{version}"'}
    )
    assert amendment.status_code == 200, amendment.text
    assert amendment.json()["claimant"]["name"] == "Beograd"
    history = (await desk.reader.get(f"/v1/claims/{last}/history")).json()["items"]
    by_type = {each["type"]: each["actor"]["name"] for each in history}
    assert by_type["party.changed"] == "editor"
    assert by_type["claim.amended"] == "checker"
    await run_turns(desk)
    counts = {claim: len(instants) for claim, instants in (await count_renames(desk)).items()}
    assert counts == dict.fromkeys(ids, 1)
    await audit(desk.settings)


async def test_claim_recorded_during_a_rename_has_the_new_name(desk: Desk) -> None:
    await record_claims(desk)
    await rename(desk, "Beograd")
    claim = await desk.record_claim(speaker=None)
    assert claim["claimant"]["name"] == "Beograd"
    await run_turns(desk)
    assert (await desk.read_claim(claim["id"]))["version"] == claim["version"]
    assert claim["id"] not in await count_renames(desk)


async def test_second_rename_during_the_first_wins_on_every_claim(desk: Desk) -> None:
    """A second rename begins while the first is under way."""
    ids = await record_claims(desk)
    await rename(desk, "Beograd")
    await run_turns(desk, 1)
    await rename(desk, "Beograd and its ministries")
    assert await run_turns(desk, 1) == 1
    names = Counter(await read_names(desk, ids))
    # What the first had come to before goes on showing its name until the second comes to it.
    assert names == {"Beograd": BATCH, "Beograd and its ministries": BATCH, "Belgrade": CLAIMS - 8}
    await audit(desk.settings)
    await run_turns(desk)
    assert set(await read_names(desk, ids)) == {"Beograd and its ministries"}
    assert await count_left(desk) == (0, 0)
    await audit(desk.settings)


async def test_as_of_shows_the_name_that_the_claim_had(desk: Desk) -> None:
    ids = await record_claims(desk)
    await rename(desk, "Beograd")
    await run_turns(desk, 1)
    instant = desk.clock().isoformat().replace("+00:00", "Z")
    await run_turns(desk)
    names = [(await desk.read_claim(claim, as_of=instant))["claimant"]["name"] for claim in ids]
    assert names == ["Beograd"] * BATCH + ["Belgrade"] * (CLAIMS - BATCH)


async def test_two_servers_rename_each_claim_once(desk: Desk) -> None:
    ids = await record_claims(desk, 40)
    async with support.run_second_process(desk) as other:
        await other.app.state.services.renamer.stop()
        await rename(desk, "Beograd")
        async with asyncio.timeout(60):
            while (await count_left(desk))[0]:
                await asyncio.gather(run_turns(desk, 2), run_turns(other, 2))
    counts = {claim: len(instants) for claim, instants in (await count_renames(desk)).items()}
    assert counts == dict.fromkeys(ids, 1)
    await audit(desk.settings)


async def test_moved_party_does_not_support_its_new_root(desk: Desk) -> None:
    """Claims that rested on it fall back as the move comes to them; a decision on one that it has
    not come to yet is made on where the party stands now."""
    ids = await record_claims(desk)
    links = [await desk.link_statement(claim, "supports", "nato") for claim in ids]
    move_answer = await desk.editor.patch("/v1/parties/nato", json={"parent": "belgrade"})
    assert move_answer.status_code == 200, move_answer.text
    refusal = await desk.change_status(ids[-1], "confirmed", cites=[links[-1]["id"]])
    assert refusal.status_code == 409, refusal.text
    await run_turns(desk)
    for claim in ids:
        [link] = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
        assert link["statement"]["root"] == "belgrade"
    await audit(desk.settings)


async def test_approved_rename_is_done_in_batches(desk: Desk) -> None:
    """Confirmed claims print the name: the rename waits for a second person, then begins."""
    ids = await record_claims(desk)
    await desk.confirm_claim(ids[0])
    proposal = await desk.editor.patch("/v1/parties/belgrade", json={"name": "Beograd"})
    assert proposal.status_code == 202, proposal.text
    approval = await desk.editor2.post(f"/v1/decisions/{proposal.json()['id']}/approval")
    assert approval.status_code == 200, approval.text
    assert await read_names(desk, ids[:1]) == ["Beograd"]
    assert (await desk.reader.get("/v1/parties/belgrade")).json()["name"] == "Beograd"
    remaining = (await count_left(desk))[1]
    assert remaining == CLAIMS - 1
    await run_turns(desk)
    assert set(await read_names(desk, ids)) == {"Beograd"}
    await audit(desk.settings)


async def test_changed_full_name_is_indexed_in_batches(desk: Desk) -> None:
    """Claims do not show it: they are only indexed again, without events."""
    ids = await record_claims(desk)
    answer = await desk.editor.patch("/v1/parties/belgrade", json={"full_name": "Srbija"})
    assert answer.status_code == 200
    await run_turns(desk, 1)
    await audit(desk.settings)
    await run_turns(desk)
    assert await count_left(desk) == (0, 0)
    assert await count_renames(desk) == {}
    response = await desk.reader.get("/v1/claims", params={"q": "srbija", "limit": 100})
    assert {item["id"] for item in response.json()["items"]} == set(ids)
    await audit(desk.settings)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_blocked_rename_batch_blocks_no_other_changes(desk: Desk) -> None:
    """A batch waits for a locked claim: other claims of the party can be changed meanwhile."""
    ids = await record_claims(desk)
    await rename(desk, "Beograd")
    address = desk.settings.database_url.get_secret_value()
    async with hold_lock(address, LOCK_CLAIM, ids[1]) as held_lock:
        working = asyncio.create_task(run_turns(desk, 1))
        await wait_for_waiting(address, 1)
        async with asyncio.timeout(20):
            await desk.record_claim(speaker=None)
            await desk.record_claim(claimant="nato", speaker=None)
            body = {"statement": build_statement("belgrade"), "stance": "comments"}
            link_answer = await desk.checker.post(f"/v1/claims/{ids[-1]}/links", json=body)
            assert link_answer.status_code == 201, link_answer.text
        await held_lock.release()
        assert await working == 1
    await run_turns(desk)
    assert set(await read_names(desk, ids)) == {"Beograd"}
    await audit(desk.settings)
