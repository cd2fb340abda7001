"""Who may be the second person: another person, with means that the proposer did not make, who may
still act at that moment."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from service.accounts import key_commands, user_commands
from service.domain import access
from service.domain.access import Role
from service.store.tables import events, users
from tests.api.problems import require_problem
from tests.support.desk import Desk

Json = dict[str, Any]


def open_client(desk: Desk, key: str) -> httpx.AsyncClient:
    """A client with this key."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=desk.app),
        base_url="http://testserver",
        headers={"Authorization": f"Bearer {key}"},
    )


async def make_person(desk: Desk, name: str, role: Role) -> str:
    return await desk.database.write(
        user_commands.create_user,
        email=f"{name.lower()}@example.org",
        name=name,
        role=role,
        actor=access.SYSTEM,
        now=desk.clock.now,
    )


async def make_key(desk: Desk, name: str, role: Role, user: str | None) -> str:
    """A key that was made at the console."""
    key = await desk.database.write(
        key_commands.create_key,
        name=name,
        role=role,
        user=user,
        actor=access.SYSTEM,
        now=desk.clock.now,
    )
    return key.key


async def propose(desk: Desk, by: httpx.AsyncClient) -> str:
    """A proposal to confirm a claim that NATO supports; gives the decision's id."""
    claim = (await desk.record_claim(text=f"A claim of {desk.clock()}"))["id"]
    link = await desk.link_statement(claim, "supports", "nato", basis="own_observation")
    answer = await desk.change_status(claim, "confirmed", client=by, cites=[link["id"]])
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def approve(by: httpx.AsyncClient, decision: str) -> httpx.Response:
    return await by.post(f"/v1/decisions/{decision}/approval")


async def test_key_without_an_owner_can_propose_but_not_approve(desk: Desk) -> None:
    await desk.record_parties()
    key = await make_key(desk, "robot", Role.CHECKER, None)
    async with open_client(desk, key) as robot:
        require_problem(await approve(robot, await propose(desk, desk.checker)), "person-needed")
        decision = await propose(desk, robot)
    assert (await approve(desk.checker, decision)).status_code == 200


async def test_key_made_by_the_proposer_cannot_approve(desk: Desk) -> None:
    """Whoever made it can use it, though it acts as somebody else."""
    await desk.record_parties()
    ada = await make_person(desk, "Ada", Role.ADMIN)
    ben = await make_person(desk, "Ben", Role.CHECKER)
    async with open_client(desk, await make_key(desk, "Ada", Role.ADMIN, ada)) as admin:
        response = await admin.post(
            "/v1/keys", json={"name": "Ben", "role": "checker", "user": ben}
        )
        assert response.status_code == 201, response.text
        async with open_client(desk, response.json()["key"]) as as_ben:
            refusal = await approve(as_ben, await propose(desk, admin))
            require_problem(refusal, "second-person-needed")
            assert "Ada" in refusal.json()["detail"]
            # Nor the other way round: Ada made the key by which it was proposed.
            require_problem(
                await approve(admin, await propose(desk, as_ben)), "second-person-needed"
            )
            assert (await approve(as_ben, await propose(desk, desk.checker))).status_code == 200


async def test_key_made_on_the_command_line_approves_as_its_owner(desk: Desk) -> None:
    await desk.record_parties()
    ada = await make_person(desk, "Ada", Role.ADMIN)
    ben = await make_person(desk, "Ben", Role.CHECKER)
    async with (
        open_client(desk, await make_key(desk, "Ada", Role.ADMIN, ada)) as admin,
        open_client(desk, await make_key(desk, "Ben", Role.CHECKER, ben)) as as_ben,
    ):
        assert (await approve(as_ben, await propose(desk, admin))).status_code == 200
        own = await propose(desk, as_ben)
        require_problem(await approve(as_ben, own), "second-person-needed")


async def test_lowered_role_applies_to_keys(desk: Desk) -> None:
    await desk.record_parties()
    ben = await make_person(desk, "Ben", Role.CHECKER)
    async with open_client(desk, await make_key(desk, "Ben", Role.CHECKER, ben)) as as_ben:
        decision = await propose(desk, desk.checker)
        await desk.admin.patch(f"/v1/users/{ben}", json={"role": "reader"})
        require_problem(await approve(as_ben, decision), "forbidden")


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "reader"}])
async def test_disabled_or_demoted_person_cannot_approve(desk: Desk, change: Json) -> None:
    """Both at the same moment, again and again: where an approval went through, it came first."""
    await desk.record_parties()
    for attempt in range(6):
        name = f"Person {'abcdef'[attempt]}"
        person = await make_person(desk, name, Role.CHECKER)
        async with open_client(desk, await make_key(desk, name, Role.CHECKER, person)) as client:
            decision = await propose(desk, desk.checker)
            await client.get("/v1/me")  # known to this process from now on
            approval, user_change = await asyncio.gather(
                approve(client, decision), desk.admin.patch(f"/v1/users/{person}", json=change)
            )
        assert user_change.status_code == 200, user_change.text
        if approval.status_code == 200:
            numbers = await desk.database.read(_read_numbers, person, decision)
            assert numbers["approved"] < numbers["changed"]
        else:
            assert approval.status_code in (401, 403), approval.text


async def test_proposal_of_a_disabled_person_cannot_be_approved(desk: Desk) -> None:
    """One that came in at the very moment, after the others had lapsed."""
    await desk.record_parties()
    ben = await make_person(desk, "Ben", Role.CHECKER)
    async with open_client(desk, await make_key(desk, "Ben", Role.CHECKER, ben)) as as_ben:
        decision = await propose(desk, as_ben)
    await desk.database.write(
        lambda connection: connection.execute(
            users.update().where(users.c.id == ben).values(disabled_at=desk.clock.now)
        )
    )
    refusal = require_problem(await approve(desk.checker, decision), "decision-outdated")
    assert "Ben" in refusal["detail"]


def _read_numbers(connection: Connection, person: str, decision: str) -> dict[str, int]:
    change_number = connection.scalar(
        select(events.c.seq).where(events.c.subject == person, events.c.type == "person.changed")
    )
    approval_numbers = connection.scalars(
        select(events.c.seq).where(
            events.c.type == "claim.status_changed", events.c.data.contains(decision)
        )
    ).one()
    return {"approved": approval_numbers, "changed": change_number}
