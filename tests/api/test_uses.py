"""Uses, through the API: who printed a claim is found, and told of what changes."""

from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import insert, select

from service.domain import ids
from service.store.engine import Connection
from service.store.tables import events, uses
from service.store.webhook_tables import webhook_messages
from tests.api.problems import nothing_changes, require_problem
from tests.api.test_holds import hold_claim
from tests.api.test_reversals import require_sound_record
from tests.support.desk import Desk, Json

USE = {
    "url": "https://paper.example/2023/10/03/border",
    "title": "Units are back",
    "published_at": "2023-10-03T18:00:00Z",
    "wording": "Belgrade says its units are back to normal.",
    "contact": "night desk, +381 11 000",
    "language": "en",
}


async def record_use(
    desk: Desk, claim: str, client: httpx.AsyncClient | None = None, **changes: Any
) -> Json:
    """Record a use as a reader, as a CMS would."""
    body = {**USE, **changes}
    answer = await (client or desk.reader).post(f"/v1/claims/{claim}/uses", json=body)
    assert answer.status_code == 201, answer.text
    use: Json = answer.json()
    assert answer.headers["Location"] == f"/v1/uses/{use['id']}"
    return use


async def read_use(desk: Desk, use: str, client: httpx.AsyncClient | None = None) -> Json:
    answer = await (client or desk.checker).get(f"/v1/uses/{use}")
    assert answer.status_code == 200, answer.text
    read: Json = answer.json()
    return read


async def settle(desk: Desk, use: str, way: str, client: httpx.AsyncClient, **body: Any) -> Json:
    answer = await client.post(f"/v1/uses/{use}/{way}", json=body or None)
    assert answer.status_code == 200, answer.text
    view: Json = answer.json()
    return view


async def read_messages(desk: Desk) -> list[Json]:
    """Read the webhooks that told of outdated uses, oldest first."""

    def read(connection: Connection) -> list[Json]:
        m = webhook_messages.c
        query = select(m.body).where(m.type == "use.outdated").order_by(m.id)
        return [orjson.loads(body) for body in connection.scalars(query)]

    return await desk.database.read(read)


async def register_endpoint(desk: Desk) -> None:
    answer = await desk.admin.post(
        "/v1/webhooks", json={"url": "https://93.184.216.34/hook", "event_types": ["use.outdated"]}
    )
    assert answer.status_code == 201, answer.text


async def test_use_keeps_what_could_be_printed_then(desk: Desk) -> None:
    """Version, status and print line are of the moment; the claim's own do not follow it."""
    await desk.record_parties()
    claim = await desk.record_claim()
    use = await record_use(desk, claim["id"])
    assert {name: use[name] for name in ("claim", "version", "status", "print_line")} == {
        "claim": claim["id"],
        "version": claim["version"],
        "status": "asserted",
        "print_line": claim["print_line"],
    }
    assert (use["state"], use["class"], use["recorded_by"]) == ("current", None, "reader")
    assert {name: use[name] for name in USE} == USE
    await desk.link_statement(claim["id"], "comments", "nato")
    assert await read_use(desk, use["id"], desk.reader) == use
    assert (await desk.read_claim(claim["id"]))["version"] == 2
    await require_sound_record(desk)


async def test_fall_of_a_confirmation_kills_what_was_printed(desk: Desk) -> None:
    """The confirmation updates the first use; its fall outdates both with class kill, in one
    webhook; an acknowledged one is outdated again by what comes later, and all of it is proved."""
    await desk.record_parties()
    await register_endpoint(desk)
    claim = (await desk.record_claim())["id"]
    first = await record_use(desk, claim)
    link = await desk.confirm_claim(claim)
    assert (await read_use(desk, first["id"]))["class"] == "update"
    second = await record_use(desk, claim, url="https://other.example/1")
    assert second["status"] == "confirmed"
    version = (await desk.read_claim(claim))["version"]
    await desk.checker.post(f"/v1/links/{link}/retraction", json={"reason": "another party"})
    outdated_uses = [await read_use(desk, use["id"]) for use in (first, second)]
    assert [(use["state"], use["class"]) for use in outdated_uses] == [("outdated", "kill")] * 2
    assert [use["outdated_version"] for use in outdated_uses] == [version + 2] * 2
    assert outdated_uses[0]["outdated_at"] < outdated_uses[1]["outdated_at"]
    messages = await read_messages(desk)
    assert [message["data"]["class"] for message in messages] == ["update", "kill"]
    data = messages[-1]["data"]
    assert (data["count"], data["version"], data["by"]) == (2, version + 2, None)
    assert [use["id"] for use in data["uses"]] == [first["id"], second["id"]]
    assert "+381" not in str(messages)
    line = (await desk.read_claim(claim))["print_line"]
    assert (data["print_line"], data["uses"][1]["print_line"]) == (line, second["print_line"])
    use_view = await settle(
        desk,
        second["id"],
        "acknowledgement",
        desk.reader,
        note="Taken back",
        corrected_url="https://other.example/1#correction",
    )
    assert (use_view["state"], use_view["class"]) == ("acknowledged", "kill")
    assert (use_view["note"], use_view["acknowledged_by"]) == ("Taken back", "reader")
    assert use_view["corrected_url"] == "https://other.example/1#correction"
    items = (await desk.reader.get("/v1/uses", params={"state": "outdated"})).json()["items"]
    assert [use["id"] for use in items] == [first["id"]]
    retirement = await settle(desk, first["id"], "retirement", desk.checker)
    assert retirement["state"] == "retired"
    await hold_claim(desk, claim)
    second_use, retired_use = [await read_use(desk, use["id"]) for use in (second, first)]
    assert (second_use["state"], second_use["class"], second_use["note"]) == (
        "outdated",
        "update",
        "Taken back",
    )
    assert retired_use == retirement
    await require_sound_record(desk)


async def test_open_longest_stands_first(desk: Desk) -> None:
    """Lists are narrowed by state, class and claim, page by page."""
    await desk.record_parties()
    claim, other = [(await desk.record_claim())["id"] for _ in range(2)]
    late, early = await record_use(desk, claim), await record_use(desk, other)
    third_use = await record_use(desk, claim)
    await settle(desk, third_use["id"], "retirement", desk.reader)
    await hold_claim(desk, other)
    void = await desk.checker.post(f"/v1/claims/{claim}/void", json={"reason": "a parody"})
    assert void.status_code == 200

    async def list_ids(path: str = "/v1/uses", **query: Any) -> list[str]:
        use_ids: list[str] = []
        while True:
            body = (await desk.reader.get(path, params={"limit": 1, **query})).json()
            use_ids += [use["id"] for use in body["items"]]
            if body["next_cursor"] is None:
                return use_ids
            query["cursor"] = body["next_cursor"]

    assert await list_ids(state="outdated") == [early["id"], late["id"]]
    assert await list_ids() == [late["id"], early["id"], third_use["id"]]
    assert await list_ids(**{"class": "kill"}) == [late["id"]]
    assert await list_ids(claim=other) == [early["id"]]
    assert await list_ids(f"/v1/claims/{claim}/uses") == [late["id"], third_use["id"]]
    assert await list_ids(f"/v1/claims/{claim}/uses", state="retired") == [third_use["id"]]
    void_use = await record_use(desk, claim)
    assert (void_use["state"], void_use["class"]) == ("outdated", "kill")
    await require_sound_record(desk)


async def test_desk_sees_the_counts_with_the_claim(desk: Desk) -> None:
    """For the desk alone; and it is not told that a claim is unchanged once it is printed."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    path, tag = f"/v1/claims/{claim}", {"If-None-Match": '"1"'}
    assert (await desk.checker.get(path)).json()["uses"] == {"current": 0, "outdated": 0}
    assert (await desk.checker.get(path, headers=tag)).status_code == 304
    await record_use(desk, claim)
    answer = await desk.checker.get(path, headers=tag)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert answer.json()["uses"] == {"current": 1, "outdated": 0}
    assert "uses" not in (await desk.reader.get(path)).json()
    assert (await desk.reader.get(path, headers=tag)).status_code == 304
    await hold_claim(desk, claim)
    assert (await desk.checker.get(path)).json()["uses"] == {"current": 0, "outdated": 1}


async def test_contact_is_for_the_desk_and_whoever_recorded_it(desk: Desk) -> None:
    """Another reader sees none, in the list neither; strangers see no use at all."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    own = await record_use(desk, claim)
    other_use = await record_use(desk, claim, desk.checker)
    assert (await read_use(desk, own["id"], desk.reader))["contact"] == USE["contact"]
    assert (await read_use(desk, own["id"], desk.editor))["contact"] == USE["contact"]
    assert (await read_use(desk, other_use["id"], desk.reader))["contact"] is None
    items = (await desk.reader.get("/v1/uses")).json()["items"]
    assert [use["contact"] for use in items] == [USE["contact"], None]
    assert (await desk.public.get(f"/v1/uses/{own['id']}")).status_code == 401


async def test_refused_uses_change_nothing(desk: Desk) -> None:
    """Nowhere printed, unknown fields, no such claim or use, one of somebody else's, none to
    acknowledge; and a key's second request answers as the first did."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    path = f"/v1/claims/{claim}/uses"
    use = (await record_use(desk, claim, desk.checker))["id"]
    unknown_id = "01970000-0000-7000-8000-000000000000"
    acknowledgement = {"note": "Seen to"}
    async with nothing_changes(desk):
        for body in ({"title": "x"}, {**USE, "x": 1}, {**USE, "url": "paper"}):
            assert (await desk.reader.post(path, json=body)).status_code == 422
        unknown = await desk.reader.post(path.replace(claim, unknown_id), json=USE)
        require_problem(unknown, "not-found")
        assert (await desk.reader.get(path.replace(claim, unknown_id))).status_code == 404
        acknowledge = f"/v1/uses/{use}/acknowledgement"
        require_problem(await desk.reader.post(acknowledge, json=acknowledgement), "forbidden")
        require_problem(await desk.reader.post(f"/v1/uses/{use}/retirement"), "forbidden")
        require_problem(
            await desk.checker2.post(acknowledge, json=acknowledgement), "already-settled"
        )
        assert (
            await desk.checker.post(acknowledge, json={**acknowledgement, "x": 1})
        ).status_code == 422
        assert (await desk.checker.post(acknowledge, json={})).status_code == 422
        refusal = await desk.checker.post(f"/v1/uses/{unknown_id}/retirement")
        require_problem(refusal, "not-found")
    headers = {"Idempotency-Key": "use-1"}
    first = await desk.reader.post(path, json=USE, headers=headers)
    second = await desk.reader.post(path, json=USE, headers=headers)
    assert (first.status_code, first.content) == (201, second.content)
    await settle(desk, use, "retirement", desk.checker)
    async with nothing_changes(desk):
        second_retirement = await desk.checker.post(f"/v1/uses/{use}/retirement")
        require_problem(second_retirement, "already-settled")


@pytest.mark.parametrize("count", [10_000])
async def test_change_of_a_claim_that_many_printed_is_one_message(desk: Desk, count: int) -> None:
    """Ten thousand uses are outdated by one change, which writes as many events as without them,
    and a webhook that names a hundred."""
    await desk.record_parties()
    await register_endpoint(desk)
    claim = (await desk.record_claim())["id"]
    use = await record_use(desk, claim)

    def copy(connection: Connection) -> None:
        row = dict(connection.execute(select(uses).where(uses.c.id == use["id"])).one()._mapping)
        connection.execute(insert(uses), [row | {"id": ids.make_id()} for _ in range(count - 1)])

    await desk.database.write(copy)

    def count_events(connection: Connection) -> int:
        return len(connection.scalars(select(events.c.seq)).all())

    before = await desk.database.read(count_events)
    await hold_claim(desk, claim)
    assert await desk.database.read(count_events) == before + 1
    claim_now = (await desk.checker.get(f"/v1/claims/{claim}")).json()
    assert claim_now["uses"] == {"current": 0, "outdated": count}
    [message] = await read_messages(desk)
    assert (message["data"]["count"], len(message["data"]["uses"])) == (count, 100)
