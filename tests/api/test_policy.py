"""Whether a second person approves is the desk's policy: it lies in the database, every process
follows it, and who changed it is known."""

from typing import Any

from tests.support import desk as support
from tests.support.desk import Desk


async def read_audit(desk: Desk, **params: Any) -> list[dict[str, Any]]:
    answer = await desk.admin.get("/v1/audit", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_setting_of_a_process_does_not_override_the_policy(desk: Desk) -> None:
    """The setting is what a new desk begins with; here the desk has a policy already."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    support_link = await desk.link_statement(claim, "supports", "nato", basis="own_observation")
    async with support.run_second_process(desk, four_eyes=False) as second:
        body = (await second.reader.get("/v1/policy")).json()
        assert body == {"four_eyes": True}
        answer = await second.change_status(claim, "confirmed", cites=[support_link["id"]])
        assert answer.status_code == 202, answer.text
    assert (await desk.read_claim(claim))["status"] != "confirmed"


async def test_policy_change_holds_in_every_process_at_once(desk: Desk) -> None:
    """And is recorded with whoever made it."""
    await desk.record_parties()
    async with support.run_second_process(desk) as second:
        claim = (await desk.record_claim())["id"]
        link = await desk.link_statement(claim, "supports", "nato", basis="own_observation")
        change = await desk.admin.patch("/v1/policy", json={"four_eyes": False})
        assert (change.status_code, change.json()) == (200, {"four_eyes": False})
        alone = await second.change_status(claim, "confirmed", cites=[link["id"]])
        assert alone.status_code == 201, alone.text
        second_change = await second.admin.patch("/v1/policy", json={"four_eyes": True})
        assert second_change.status_code == 200
        other = (await desk.record_claim(text="Another claim altogether"))["id"]
        link = await desk.link_statement(other, "supports", "nato", basis="own_observation")
        assert (await desk.change_status(other, "confirmed", cites=[link["id"]])).status_code == 202
    newest, before, first = await read_audit(desk, kind="setting", subject="four_eyes")
    assert [event["data"] for event in (newest, before, first)] == [
        {"value": "on"},
        {"value": "off"},
        {"value": "on"},
    ]
    assert newest["actor"]["name"] == before["actor"]["name"]
    assert first["actor"] == {"id": "system", "name": "claimdesk", "means": "console"}


async def test_only_administrators_change_the_policy(desk: Desk) -> None:
    for client in (desk.reader, desk.checker, desk.editor):
        refusal = await client.patch("/v1/policy", json={"four_eyes": False})
        assert refusal.status_code == 403
    for body in ({}, {"four_eyes": "off"}, {"four_eyes": None}, {"four_eyes": True, "x": 1}):
        assert (await desk.admin.patch("/v1/policy", json=body)).status_code == 422
    assert (await desk.reader.get("/v1/policy")).json() == {"four_eyes": True}


async def test_account_changes_are_recorded(desk: Desk) -> None:
    """By whom and by what; secrets as digests; each account with a chain of its own."""
    response = await desk.admin.post(
        "/v1/users", json={"email": "eva@example.org", "name": "Eva", "role": "checker"}
    )
    eva = response.json()["id"]
    await desk.admin.patch(f"/v1/users/{eva}", json={"role": "editor", "password": "x" * 20})
    await desk.admin.patch(f"/v1/users/{eva}", json={"disabled": True})
    events = await read_audit(desk, kind="person", subject=eva)
    assert [event["type"] for event in events] == [
        "person.changed",
        "person.changed",
        "person.created",
    ]
    assert [event["number"] for event in events] == [3, 2, 1]
    assert [event["previous_hash"] for event in events[:2]] == [
        event["hash"] for event in events[1:]
    ]
    account_change = events[1]["data"]
    assert account_change["role"] == "editor"
    assert len(account_change["password_digest"]) == 64
    assert "argon2" not in str(events)
    assert events[0]["actor"]["means"] == "key"
    change = await desk.admin.patch(f"/v1/users/{eva}", json={"role": "editor"})
    assert change.status_code == 200
    assert len(await read_audit(desk, kind="person", subject=eva)) == 3


async def test_only_administrators_read_the_record_of_accounts(desk: Desk) -> None:
    for client in (desk.reader, desk.checker, desk.editor):
        assert (await client.get("/v1/audit")).status_code == 403
    assert (await desk.admin.get("/v1/audit", params={"kind": "planet"})).status_code == 422
    page = (await desk.admin.get("/v1/audit", params={"limit": 2})).json()
    following = await desk.admin.get(
        "/v1/audit", params={"limit": 2, "cursor": page["next_cursor"]}
    )
    numbers = [event["seq"] for event in page["items"] + following.json()["items"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 4
