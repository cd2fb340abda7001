"""What others may be told of an event, asked of the database: the same as the rulebook says."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from service.domain import disclosure
from service.record import event_queries
from service.record.canonical import render_canonical
from service.store import tables
from tests.api import twins
from tests.api.twins import Twin
from tests.support.desk import Desk
from tests.support.hashes import hash_claim_event
from tests.verification.tampering import unlock

AMENDMENTS: tuple[dict[str, Any], ...] = (
    {"assignee": None},
    {"tags": []},
    {"tags": ['"text":', '{"assignee":1}'], "assignee": None},
    {"text": 'he said "tags": and no more', "material": False},
    {"assignee": '","tags":"'},
    {"finding": None, "assignee": "x"},
)


async def test_queries_leave_out_the_events_that_the_rulebook_calls_internal(desk: Desk) -> None:
    twin = Twin(desk, secrets=True)
    await twins.live_through(twin)

    def read(connection: Connection) -> tuple[Sequence[Any], set[int]]:
        claim = connection.scalars(select(tables.events.c.claim).limit(1)).one()
        event_copy = connection.execute(select(tables.events).limit(1)).one()._asdict()
        for number, data in enumerate(AMENDMENTS):
            changes = {"seq": 9_000 + number, "number": 9_000 + number, "claim": claim}
            changes |= {"id": f"018b0000-0000-7000-8000-{number:012}", "type": "claim.amended"}
            text = orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()
            connection.execute(tables.events.insert().values(event_copy | changes | {"data": text}))
        rows = connection.execute(select(tables.events)).all()
        values = set(
            connection.scalars(select(tables.events.c.seq).where(event_queries.is_disclosed()))
        )
        return rows, values

    rows, numbers = await desk.database.rehearse(read)
    expected = {
        row.seq for row in rows if not disclosure.is_internal(row.type, orjson.loads(row.data))
    }
    assert numbers == expected
    assert 9_000 not in numbers
    assert len(expected) < len(rows)


async def test_end_of_a_page_does_not_reveal_internal_events(desk: Desk) -> None:
    """A reader who asks for drafts of decisions learns neither that there is one nor where."""
    twin = Twin(desk, secrets=True)
    await twins.live_through(twin)
    newest = (await desk.checker.get("/v1/events?limit=200")).json()["next_after"]
    for types in ("decision.proposed", "decision.rejected"):
        path = f"/v1/events?types={types}&limit=1"
        assert (await desk.checker.get(path)).json()["next_after"] < newest
        assert (await desk.reader.get(path)).json() == {"items": [], "next_after": newest}
    pages = [
        event
        async for event in _read_pages(desk, "/v1/events?types=claim.amended&limit=1")
        if "tags" not in event["data"] and "text" not in event["data"]
    ]
    assert pages == []


async def test_hashes_do_not_reveal_what_is_withheld(desk: Desk) -> None:
    """Whoever tries every user as the assignee finds no hash that fits, though all are told."""
    claim, assignee = await _record_assigned_claim(desk)
    url = f"/v1/claims/{claim}/history"
    whole = (await desk.checker.get(url)).json()["items"]
    items = (await desk.reader.get(url)).json()["items"]
    assert [event["hash"] for event in items] == [event["hash"] for event in whole]
    amendment = whole[2]
    tried_hash = hash_claim_event(
        claim=claim,
        number=amendment["seq"],
        type=amendment["type"],
        recorded_at=amendment["recorded_at"],
        actor=render_canonical(amendment["actor"]),
        data=render_canonical({"assignee": assignee}),
        previous_hash=amendment["previous_hash"],
    )
    assert tried_hash not in {event["hash"] for event in items}
    secret = {event["hash"] for event in whole[2:]}
    for address in ("/v1/events", f"/v1/events?claim={claim}", f"/claims/{claim}"):
        answer = (await desk.reader.get(address)).text
        assert not [name for name in secret if name in answer], address


async def test_hashes_of_events_without_salts_are_sealed(desk: Desk) -> None:
    """An older release recorded them: their hashes would tell, and so would those that follow."""
    claim, _ = await _record_assigned_claim(desk)

    def forget_salts(connection: Connection) -> None:
        unlock(connection)
        connection.execute(tables.events.update().values(salts=None))

    await desk.database.write(forget_salts)
    url = f"/v1/claims/{claim}/history"
    whole = (await desk.checker.get(url)).json()["items"]
    items = (await desk.reader.get(url)).json()["items"]
    assert [event["hash"] for event in items] == [
        *(event["hash"] for event in whole[:2]),
        None,
        None,
    ]
    before = [event["previous_hash"] for event in whole[:3]]
    assert [event["previous_hash"] for event in items] == [*before, None]
    later = (await desk.reader.get(f"{url}?limit=3")).links["next"]["url"]
    (last,) = (await desk.reader.get(later)).json()["items"]
    assert (last["hash"], last["previous_hash"]) == (None, None)


async def _record_assigned_claim(desk: Desk) -> tuple[str, str]:
    """A claim of four events, the third of which only assigns it to somebody."""
    await desk.record_parties()
    user = {"email": "ana@example.org", "name": "Ana", "role": "checker"}
    assignee = str((await desk.admin.post("/v1/users", json=user)).json()["id"])
    claim = str((await desk.record_claim())["id"])
    await desk.link_statement(claim, "comments", "nato")
    for changes in ({"assignee": assignee}, {"tags": ["army"]}):
        version = (await desk.read_claim(claim))["version"]
        await desk.checker.patch(
            f"/v1/claims/{claim}", json=changes, headers={"If-Match": f'"{version}"'}
        )
    return claim, assignee


async def _read_pages(desk: Desk, url: str) -> Any:
    after, before = 0, -1
    while after != before:
        before = after
        page = (await desk.reader.get(f"{url}&after={after}")).json()
        for item in page["items"]:
            yield item
        after = page["next_after"]
