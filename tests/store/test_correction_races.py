"""Corrections, merges and separations at once on PostgreSQL: one order of locks or another, each is
answered, and the record holds."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import httpx
import pytest

from tests.faults.ledgers import audit
from tests.store.locks import hold_lock, wait_for_waiting
from tests.support.desk import Desk

pytestmark = pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)

LOCK_CLAIMS = "SELECT 1 FROM claims WHERE id = ANY($1) FOR UPDATE"


def read_url(desk: Desk) -> str:
    return desk.settings.database_url.get_secret_value()


async def collide(
    desk: Desk, lock: str, held_ids: Sequence[Any], *requests: Awaitable[httpx.Response]
) -> list[int]:
    """Let requests run until each waits for what is held, then all at once; gives their statuses,
    in order of size."""
    async with hold_lock(read_url(desk), lock, held_ids) as held_lock:
        tasks = [asyncio.ensure_future(request) for request in requests]
        await wait_for_waiting(read_url(desk), len(tasks))
        await held_lock.release()
        answers = await asyncio.gather(*tasks)
    return sorted(answer.status_code for answer in answers)


def correct_claim(desk: Desk, claim: str, **changes: Any) -> Awaitable[httpx.Response]:
    body = {"reason": "It was taken down wrongly.", **changes}
    return desk.checker.post(f"/v1/claims/{claim}/corrections", json=body)


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("field", ["part_of", "supersedes"])
async def test_claims_cannot_form_a_circle_by_corrections_at_once(
    desk: Desk, field: str, count: int
) -> None:
    """Each is sound alone; the last is refused, and nothing fails of their locks."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "story", "title": "S"})
    ids = [(await desk.record_claim(story="story"))["id"] for _ in range(count)]
    requests = [
        correct_claim(desk, claim, **{field: ids[(place + 1) % count]})
        for place, claim in enumerate(ids)
    ]
    assert await collide(desk, LOCK_CLAIMS, ids, *requests) == [201] * (count - 1) + [422]
    await audit(desk.settings)


async def test_claims_merged_into_each_other_at_once_are_merged_once(desk: Desk) -> None:
    await desk.record_parties()
    claim, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    requests = [
        desk.editor.post(
            f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
        )
        for loser, into in ((claim, other), (other, claim))
    ]
    assert await collide(desk, LOCK_CLAIMS, [claim, other], *requests) == [200, 409]
    await audit(desk.settings)


async def test_sources_merged_into_each_other_at_once_are_merged_once(desk: Desk) -> None:
    sources = [
        (await desk.post("/v1/sources", {"url": f"https://example.org/{n}"}))["id"]
        for n in range(2)
    ]
    requests = [
        desk.editor.post(f"/v1/sources/{loser}/merge", json={"into": into})
        for loser, into in (sources, sources[::-1])
    ]
    lock = "SELECT 1 FROM sources WHERE id = ANY($1) FOR UPDATE"
    assert await collide(desk, lock, sources, *requests) == [200, 422]
    await audit(desk.settings)


async def test_parties_merged_into_each_other_at_once_are_merged_once(desk: Desk) -> None:
    await desk.record_parties()
    await desk.record_claim()
    requests = [
        desk.editor.post(f"/v1/parties/{loser}/merge", json={"into": into})
        for loser, into in (("nato", "pristina"), ("pristina", "nato"))
    ]
    lock = "SELECT 1 FROM parties WHERE slug = ANY($1) FOR UPDATE"
    assert await collide(desk, lock, ["nato", "pristina"], *requests) == [200, 422]
    await audit(desk.settings)


async def test_speakers_merged_into_each_other_at_once_are_merged_once(desk: Desk) -> None:
    await desk.record_parties()
    speakers = [
        (await desk.post("/v1/speakers", {"name": name, "party": "nato"}))["id"]
        for name in ("Jens Stoltenberg", "Secretary Stoltenberg")
    ]
    requests = [
        desk.editor.post(f"/v1/speakers/{loser}/merge", json={"into": into})
        for loser, into in (speakers, speakers[::-1])
    ]
    lock = "SELECT 1 FROM speakers WHERE id = ANY($1) FOR UPDATE"
    assert await collide(desk, lock, speakers, *requests) == [200, 422]
    await audit(desk.settings)


async def test_separation_and_corrections_at_once_leave_a_sound_record(desk: Desk) -> None:
    """A separation, corrections of a statement that both claims show, of the
    one that was merged into, and a hold: all of them happen."""
    await desk.record_parties()
    claim, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    statement = link["statement"]["id"]
    body = {"statement": statement, "stance": "supports"}
    await desk.post(f"/v1/claims/{other}/links", body)
    merge = await desk.editor.post(
        f"/v1/claims/{claim}/merge", json={"into": other}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200, merge.text
    reason = {"reason": "They differ."}
    requests = [
        desk.checker.post(f"/v1/claims/{claim}/separation", json=reason),
        desk.checker.post(
            f"/v1/statements/{statement}/corrections", json={"party": "washington", **reason}
        ),
        correct_claim(desk, other, kind="prediction"),
        desk.checker.put(f"/v1/claims/{other}/hold", json=reason),
    ]
    statuses = await collide(desk, LOCK_CLAIMS, [claim, other], *requests)
    assert max(statuses) < 300, statuses
    await audit(desk.settings)


async def test_many_crossing_requests_are_all_answered(desk: Desk) -> None:
    """Without anything held: whatever order the database comes to, nobody gets an error
    of ours; a database that is too busy may say so."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "story", "title": "S"})
    ids = [(await desk.record_claim(story="story"))["id"] for _ in range(3)]
    link = await desk.link_statement(ids[0], "comments", "nato")
    statement = link["statement"]["id"]
    for claim in ids[1:]:
        await desk.post(f"/v1/claims/{claim}/links", {"statement": statement, "stance": "comments"})
    reason = {"reason": "It was taken down wrongly."}
    requests: list[Awaitable[httpx.Response]] = []
    for turn in range(2):
        for place, claim in enumerate(ids):
            neighbour = ids[(place + 1 + turn) % 3]
            requests += [
                correct_claim(desk, claim, part_of=neighbour),
                correct_claim(desk, claim, supersedes=neighbour),
                desk.checker.post(
                    f"/v1/claims/{claim}/void", json=reason, headers={"If-Match": "*"}
                ),
                desk.checker.post(f"/v1/claims/{claim}/restoration", json=reason),
                desk.editor.post(
                    f"/v1/claims/{claim}/merge", json={"into": neighbour}, headers={"If-Match": "*"}
                ),
                desk.checker.post(f"/v1/claims/{claim}/separation", json=reason),
            ]
        party = ("washington", "pristina", "nato")[turn]
        requests += [
            desk.checker.post(
                f"/v1/statements/{statement}/corrections", json={"party": party, **reason}
            ),
            desk.checker.post(f"/v1/statements/{statement}/void", json=reason),
            desk.checker.post(f"/v1/statements/{statement}/restoration", json=reason),
        ]
    answers = await asyncio.gather(*requests)
    assert [answer.text for answer in answers if answer.status_code == 500] == []
    await audit(desk.settings)
