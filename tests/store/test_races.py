"""Races on PostgreSQL, each made to happen by holding what one side needs next.

SQLite has one writer: there is nothing to race (tests/store/test_transactions.py tries all the
same).
"""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from service.claims import history_queries
from service.store.tables import claims
from tests.domain.builders import get_voice
from tests.faults.ledgers import audit
from tests.store.locks import hold_lock, wait_for_waiting
from tests.support.desk import Desk, build_claim, build_statement

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)

LOCK_CLAIM = "SELECT 1 FROM claims WHERE id = $1 FOR UPDATE"
Json = dict[str, Any]


def read_url(desk: Desk) -> str:
    return desk.settings.database_url.get_secret_value()


async def merge(desk: Desk, loser: str, into: str) -> Any:
    return await desk.editor.post(
        f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
    )


async def patch_party(desk: Desk, slug: str, **changes: Any) -> Any:
    return await desk.editor.patch(f"/v1/parties/{slug}", json=changes)


async def test_component_is_not_added_to_a_claim_that_is_being_merged(desk: Desk) -> None:
    """The request is refused, with the survivor's id."""
    await desk.record_parties()
    parent, survivor = await desk.record_claim(), await desk.record_claim()
    async with hold_lock(read_url(desk), LOCK_CLAIM, survivor["id"]) as held_lock:
        merging = asyncio.create_task(merge(desk, parent["id"], survivor["id"]))
        await wait_for_waiting(read_url(desk), 1)
        adding = asyncio.create_task(
            desk.checker.post("/v1/claims", json=build_claim(part_of=parent["id"]))
        )
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        assert (await merging).status_code == 200
        assert (await adding).status_code == 422
    await audit(desk.settings)


async def test_two_merges_cannot_form_a_cycle(desk: Desk) -> None:
    """Each is sound alone: two claims would become part of each other by way of their components.

    A has the component A1, that has A2; B has B1, that has B2.  A is merged into B2 and B into A2:
    A1 would be part of B2, below B1, which would be part of A2, below A1.
    """
    await desk.record_parties()
    tree: dict[str, str] = {}
    for name in "AB":
        above = None
        for depth in range(3):
            above = tree[f"{name}{depth}"] = (await desk.record_claim(part_of=above))["id"]
    lock = "SELECT 1 FROM claims WHERE id IN ($1, $2) FOR UPDATE"
    async with hold_lock(read_url(desk), lock, tree["A1"], tree["B1"]) as held_lock:
        first = asyncio.create_task(merge(desk, tree["A0"], tree["B2"]))
        second = asyncio.create_task(merge(desk, tree["B0"], tree["A2"]))
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        statuses = sorted([(await first).status_code, (await second).status_code])
    assert statuses == [200, 409]
    parents = await desk.database.read(
        lambda connection: {
            row.id: row.part_of for row in connection.execute(select(claims.c.id, claims.c.part_of))
        }
    )
    for parent in parents:
        above, ancestors = parent, set()
        while above is not None:
            assert above not in ancestors, "a claim is part of itself"
            ancestors.add(above)
            above = parents[above]


async def test_linking_waits_for_a_party_that_is_moving(desk: Desk) -> None:
    """The link then has the party's new root; the party does not seem unknown meanwhile."""
    await desk.record_parties()
    claim, other = await desk.record_claim(), await desk.record_claim()
    await desk.link_statement(other["id"], "comments", "kosovo-police")
    async with hold_lock(read_url(desk), LOCK_CLAIM, other["id"]) as held_lock:
        moving = asyncio.create_task(patch_party(desk, "kosovo-police", parent="nato"))
        await wait_for_waiting(read_url(desk), 1)
        body = {"statement": build_statement("kosovo-police"), "stance": "comments"}
        linking = asyncio.create_task(
            desk.checker.post(f"/v1/claims/{claim['id']}/links", json=body)
        )
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        assert (await moving).status_code == 200
        link_answer = await linking
    assert link_answer.status_code == 201, link_answer.text
    assert link_answer.json()["statement"]["root"] == "nato"
    await audit(desk.settings)


async def test_party_created_under_a_moving_party_gets_the_new_root(desk: Desk) -> None:
    """Independence of evidence is judged by the root."""
    await desk.record_parties()
    claim = await desk.record_claim()
    await desk.link_statement(claim["id"], "comments", "kosovo-police")
    async with hold_lock(read_url(desk), LOCK_CLAIM, claim["id"]) as held_lock:
        moving = asyncio.create_task(patch_party(desk, "pristina", parent="nato"))
        await wait_for_waiting(read_url(desk), 1)
        making = asyncio.create_task(
            desk.checker.post(
                "/v1/parties", json={"slug": "customs", "name": "Customs", "parent": "pristina"}
            )
        )
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        assert (await moving).status_code == 200
        assert (await making).status_code == 201
    link = await desk.link_statement(claim["id"], "comments", "customs")
    assert link["statement"]["root"] == "nato"


async def test_merged_links_follow_a_moving_party(desk: Desk) -> None:
    """A merge copies links to a claim that the party's move did not know when it began."""
    await desk.record_parties()
    loser, survivor = await desk.record_claim(), await desk.record_claim()
    await desk.link_statement(loser["id"], "supports", "kosovo-police")
    async with hold_lock(read_url(desk), LOCK_CLAIM, survivor["id"]) as held_lock:
        merging = asyncio.create_task(merge(desk, loser["id"], survivor["id"]))
        await wait_for_waiting(read_url(desk), 1)
        moving = asyncio.create_task(patch_party(desk, "kosovo-police", parent="nato"))
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        assert (await merging).status_code == 200
        assert (await moving).status_code == 200
    evidence = (await desk.read_claim(survivor["id"]))["evidence"]
    assert evidence["supports"] == ["nato"]
    await audit(desk.settings)


async def test_merged_links_follow_a_renamed_speaker(desk: Desk) -> None:
    """Likewise for a speaker's corrected name."""
    await desk.record_parties()
    loser, survivor = await desk.record_claim(), await desk.record_claim()
    statement = build_statement("nato", speaker={"name": "Jens Stoltenburg"})
    body = {"statement": statement, "stance": "supports"}
    link = await desk.post(f"/v1/claims/{loser['id']}/links", body)
    speaker = link["statement"]["speaker"]["id"]
    async with hold_lock(read_url(desk), LOCK_CLAIM, survivor["id"]) as held_lock:
        merging = asyncio.create_task(merge(desk, loser["id"], survivor["id"]))
        await wait_for_waiting(read_url(desk), 1)
        renaming = asyncio.create_task(
            desk.editor.patch(f"/v1/speakers/{speaker}", json={"name": "Jens Stoltenberg"})
        )
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        assert (await merging).status_code == 200
        assert (await renaming).status_code == 200
    # Beside him stands who made the claim that was merged away: a merge keeps every voice.
    speakers = await list_speakers(desk, survivor["id"])
    assert sorted(speakers) == ["Gen. Milan Mojsilović", "Jens Stoltenberg"]


async def test_linking_waits_for_a_speaker_who_is_being_renamed(desk: Desk) -> None:
    """A claim never shows the old name for good."""
    await desk.record_parties()
    claim, other = await desk.record_claim(), await desk.record_claim()
    statement = build_statement("nato", speaker={"name": "Jens Stoltenburg"})
    link = await desk.post(
        f"/v1/claims/{other['id']}/links", {"statement": statement, "stance": "supports"}
    )
    speaker = link["statement"]["speaker"]["id"]
    async with hold_lock(read_url(desk), LOCK_CLAIM, other["id"]) as held_lock:
        renaming = asyncio.create_task(
            desk.editor.patch(f"/v1/speakers/{speaker}", json={"name": "Jens Stoltenberg"})
        )
        await wait_for_waiting(read_url(desk), 1)
        body = {"statement": link["statement"]["id"], "stance": "supports"}
        linking = asyncio.create_task(
            desk.checker.post(f"/v1/claims/{claim['id']}/links", json=body)
        )
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        assert (await renaming).status_code == 200
        assert (await linking).status_code == 201
    assert await list_speakers(desk, claim["id"]) == ["Jens Stoltenberg"]


async def test_two_speakers_cannot_take_one_name_at_the_same_time(desk: Desk) -> None:
    """The second is refused."""
    await desk.record_parties()
    speakers = [
        await desk.post("/v1/speakers", {"name": name, "party": "nato"}) for name in ("A", "B")
    ]
    answers = await asyncio.gather(
        *(desk.editor.patch(f"/v1/speakers/{each['id']}", json={"name": "C"}) for each in speakers)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def list_speakers(desk: Desk, claim: str) -> list[str]:
    """As the claim's own record has them; the list of links shows statements as they are."""
    state = await desk.database.read(history_queries.read_state, claim)
    assert state is not None
    return [
        speaker.name for link in state.links if (speaker := get_voice(link).speaker) is not None
    ]


async def test_two_views_of_one_name_are_not_saved_at_once(desk: Desk) -> None:
    """Both look for the name before either has it; the later one is told that it is taken."""
    body = {"name": "Late", "query": "status=disputed"}
    async with hold_lock(read_url(desk), "LOCK TABLE saved_views IN SHARE MODE") as held_lock:
        saves = [asyncio.create_task(desk.checker.post("/v1/views", json=body)) for _ in range(2)]
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        answers = [await save for save in saves]
    assert sorted(answer.status_code for answer in answers) == [201, 422]
    names = [item["name"] for item in (await desk.checker.get("/v1/views")).json()["items"]]
    assert names == ["Late"]


async def test_first_settings_of_notices_are_sent_twice_at_once(desk: Desk) -> None:
    """A form that is sent twice: both find no settings, and the later ones change the first."""
    lock = "LOCK TABLE notice_settings IN SHARE MODE"
    async with hold_lock(read_url(desk), lock) as held_lock:
        choices = [
            asyncio.create_task(
                desk.checker.put("/v1/me/notices", json={"kinds": {}, "digest_hour": hour})
            )
            for hour in (6, 7)
        ]
        await wait_for_waiting(read_url(desk), 2)
        await held_lock.release()
        answers = [await choice for choice in choices]
    assert [answer.status_code for answer in answers] == [200, 200]
