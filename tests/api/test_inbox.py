"""The inbox, through the API: who is told of what, once, in order, as their role may read it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from service.store.engine import Connection
from service.store.tables import users
from tests.api.problems import nothing_changes, require_problem
from tests.support.desk import Desk
from tests.support.inboxes import follow, read_inbox, read_summaries, tell_people


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim_view = await desk.record_claim(story="border", text="Serbia reduced its troops")
    await tell_people(desk)
    return str(claim_view["id"])


async def read_id(client: httpx.AsyncClient) -> str:
    return str((await client.get("/v1/me")).json()["id"])


async def propose(desk: Desk, claim: str) -> str:
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
    assert proposal.status_code == 202
    return str(proposal.json()["id"])


async def test_proposal_is_told_to_all_who_may_approve_it(desk: Desk, claim: str) -> None:
    """Not to its proposer; and once it is settled nobody has it to read any more."""
    decision = await propose(desk, claim)
    await tell_people(desk)
    assert await read_inbox(desk.checker, kind="approval") == []
    for client in (desk.checker2, desk.editor, desk.editor2):
        [notice] = await read_inbox(client, kind="approval")
        assert (notice["claim"], notice["read"]) == (claim, False)
        assert notice["summary"] == (
            "checker proposes the status “Confirmed”, which waits for you: "
            "“Serbia reduced its troops”"
        )
    approval = await desk.editor.post(f"/v1/decisions/{decision}/approval", json={"note": "Seen"})
    assert approval.status_code == 200
    await tell_people(desk)
    for client in (desk.checker2, desk.editor, desk.editor2):
        assert await read_inbox(client, kind="approval", unread="true") == []
    assert await read_summaries(desk.checker, kind="decision") == [
        "editor approved your proposal of the status “Confirmed”, saying “Seen”: "
        "“Serbia reduced its troops”"
    ]
    # They follow what they recorded; the decision says it.
    assert await read_summaries(desk.checker, kind="change") == [
        "Confirmed by editor: “Serbia reduced its troops”"
    ]


async def test_rejection_and_end_of_a_proposal_are_told_to_its_proposer(
    desk: Desk, claim: str
) -> None:
    decision = await propose(desk, claim)
    await desk.editor.post(f"/v1/decisions/{decision}/rejection", json={"comment": "One more"})
    [link] = (await desk.checker.get(f"/v1/claims/{claim}/links")).json()["items"]
    await desk.change_status(claim, "confirmed", cites=[link["id"]])
    void_answer = await desk.editor.post(
        f"/v1/claims/{claim}/void", json={"reason": "twice"}, headers={"If-Match": "*"}
    )
    assert void_answer.status_code == 200
    await tell_people(desk)
    first, second = await read_summaries(desk.checker, kind="decision")
    assert first.startswith("editor rejected your proposal of the status “Confirmed”, saying “One")
    assert second.startswith("Your proposal of the status “Confirmed” ended, as the claim changed")
    assert await read_inbox(desk.editor, kind="decision") == []


async def test_assignment_is_told_to_who_is_assigned(desk: Desk, claim: str) -> None:
    for assignee in (await read_id(desk.checker2), await read_id(desk.checker)):
        await desk.checker.patch(
            f"/v1/claims/{claim}", json={"assignee": assignee}, headers={"If-Match": "*"}
        )
    await tell_people(desk)
    assert await read_summaries(desk.checker2) == [
        "checker assigned to you: “Serbia reduced its troops”"
    ]
    assert await read_inbox(desk.checker) == [], "by themselves"


async def test_mention_is_told_once(desk: Desk, claim: str) -> None:
    """To whom a note mentions, but its author; not again when the note is changed."""
    text = {"text": "@editor, did you see this? @checker"}
    note = await desk.post(f"/v1/claims/{claim}/notes", text)
    await tell_people(desk)
    change = await desk.checker.patch(f"/v1/notes/{note['id']}", json={"text": "Look, @editor!"})
    assert change.status_code == 200, change.text
    await tell_people(desk)
    [notice] = await read_inbox(desk.editor)
    assert (notice["kind"], notice["claim"]) == ("mention", claim)
    assert notice["summary"] == "checker mentions you: “@editor, did you see this? @checker”"
    assert await read_inbox(desk.checker) == []


async def test_overdue_claim_is_told_to_who_works_on_it(desk: Desk, claim: str) -> None:
    """Once for each time that it is due; where nobody works on it, to who recorded it."""

    async def set_due(**changes: Any) -> None:
        change = await desk.editor.patch(
            f"/v1/claims/{claim}", json=changes, headers={"If-Match": "*"}
        )
        assert change.status_code == 200, change.text

    due_at = (desk.clock.now + timedelta(hours=1)).isoformat()
    await set_due(due_at=due_at, assignee=await read_id(desk.checker2))
    await tell_people(desk)
    assert await read_inbox(desk.checker2, kind="due") == []
    desk.clock.advance(hours=1)
    await tell_people(desk)
    await tell_people(desk)
    assert await read_summaries(desk.checker2, kind="due") == [
        "Overdue: “Serbia reduced its troops”"
    ]
    assert await read_inbox(desk.checker, kind="due") == []
    later = (desk.clock.now + timedelta(hours=2)).isoformat()
    await set_due(due_at=later, assignee=None)
    desk.clock.advance(hours=3)
    await tell_people(desk)
    assert len(await read_inbox(desk.checker, kind="due")) == 1


async def test_outdated_use_is_told_to_who_recorded_it(desk: Desk, claim: str) -> None:
    use = {"url": "https://paper.example/border"}
    await desk.editor2.post(f"/v1/claims/{claim}/uses", json=use)
    hold = {"reason": "new footage", "until": None}
    await desk.checker.put(f"/v1/claims/{claim}/hold", json=hold, headers={"If-Match": "*"})
    await tell_people(desk)
    assert await read_summaries(desk.editor2, kind="use") == [
        "What you printed is outdated (update) at https://paper.example/border: "
        "“Serbia reduced its troops”"
    ]


async def test_changes_within_three_seconds_are_one_notice(desk: Desk, claim: str) -> None:
    """And later ones another, in order; the gravest of them is named."""
    await follow(desk.editor, {"claim": claim})
    for tag in ("one", "two"):
        await desk.checker.patch(
            f"/v1/claims/{claim}", json={"tags": [tag]}, headers={"If-Match": "*"}
        )
    await desk.link_statement(claim, "contradicts", "pristina")
    await tell_people(desk)
    await desk.link_statement(claim, "supports", "nato")
    await tell_people(desk)
    first, second = await read_summaries(desk.editor)
    assert first == "Disputed: “Serbia reduced its troops” (and 3 more changes)"
    assert second.startswith("NATO supports, recorded by checker: ")


async def test_nothing_is_told_before_the_changes_are_over(desk: Desk, claim: str) -> None:
    await follow(desk.editor, {"claim": claim})
    await desk.link_statement(claim, "comments", "pristina")
    notifier = desk.app.state.services.notifier
    await notifier.take_turn()
    assert await read_inbox(desk.editor) == []
    desk.clock.advance(seconds=3)
    await notifier.take_turn()
    assert len(await read_inbox(desk.editor)) == 1


async def test_inbox_is_read_in_pages_and_marked(desk: Desk, claim: str) -> None:
    await follow(desk.editor, {"claim": claim})
    for _ in range(3):
        await desk.link_statement(claim, "comments", "pristina")
        await tell_people(desk)
    page = (await desk.editor.get("/v1/inbox?limit=2")).json()
    rest = (await desk.editor.get(f"/v1/inbox?limit=2&cursor={page['next_cursor']}")).json()
    notices = page["items"] + rest["items"]
    assert page["unread"] == rest["unread"] == len(notices) == 3
    assert [notice["at"] for notice in notices] == sorted(
        (notice["at"] for notice in notices), reverse=True
    )
    assert rest["next_cursor"] is None
    assert notices[0].keys() == {"id", "kind", "claim", "summary", "at", "read"}
    answer = await desk.editor.post("/v1/inbox/read", json={"ids": [notices[0]["id"]]})
    assert answer.json() == {"marked": 1, "unread": 2}
    foreign = await desk.editor2.post("/v1/inbox/read", json={"ids": [notices[1]["id"]]})
    assert foreign.json() == {"marked": 0, "unread": 0}
    unread = await read_inbox(desk.editor, unread="true")
    assert [notice["id"] for notice in unread] == [notice["id"] for notice in notices[1:]]
    by_time = await desk.editor.post("/v1/inbox/read", json={"until": notices[2]["at"]})
    assert by_time.json() == {"marked": 1, "unread": 1}
    bodies: tuple[dict[str, Any], ...] = ({}, {"ids": [], "until": None}, {"ids": ["x"]})
    for body in bodies:
        require_problem(await desk.editor.post("/v1/inbox/read", json=body), "invalid-request")
    cursor = {"cursor": page["next_cursor"], "unread": "true"}
    require_problem(await desk.editor.get("/v1/inbox", params=cursor), "invalid-cursor")


async def set_role(desk: Desk, person: str, **values: Any) -> None:
    def change(connection: Connection) -> None:
        connection.execute(update(users).where(users.c.id == person).values(values))

    await desk.database.write(change)


async def test_who_is_no_longer_of_the_desk_is_told_nothing_internal(
    desk: Desk, claim: str
) -> None:
    """Neither from then on, nor of what waited for them before; a disabled person is told nothing
    at all."""
    await follow(desk.editor2, {"claim": claim})
    await propose(desk, claim)
    await tell_people(desk)
    assert {notice["kind"] for notice in await read_inbox(desk.editor2)} == {"approval", "change"}
    person = await read_id(desk.editor2)
    await set_role(desk, person, role="reader")
    desk.app.state.services.callers.forget_credentials()
    assert (await desk.editor2.get("/v1/me")).json()["role"] == "reader"
    assert {notice["kind"] for notice in await read_inbox(desk.editor2)} == {"change"}
    other = (await desk.record_claim(story="border"))["id"]
    await propose(desk, other)
    await desk.checker.patch(
        f"/v1/claims/{other}", json={"assignee": person}, headers={"If-Match": "*"}
    )
    await tell_people(desk)
    assert {notice["kind"] for notice in await read_inbox(desk.editor2)} == {"change"}
    before = await read_inbox(desk.editor2)
    await set_role(desk, person, disabled_at=desk.clock())
    await desk.link_statement(claim, "comments", "pristina")
    await tell_people(desk)
    await set_role(desk, person, disabled_at=None)
    desk.app.state.services.callers.forget_credentials()
    assert await read_inbox(desk.editor2) == before


async def test_workers_of_two_processes_tell_nobody_twice(desk: Desk, claim: str) -> None:
    """Nor one that plans what another has told since."""
    from service.notices.notifier import Notifier

    await follow(desk.editor, {"claim": claim})
    workers = [Notifier(desk.database, desk.clock) for _ in range(3)]
    for _ in range(4):
        await desk.link_statement(claim, "comments", "pristina")
        for _ in range(3):
            desk.clock.advance(seconds=4)
            await asyncio.gather(*(worker.take_turn() for worker in workers))
    assert len(await read_inbox(desk.editor)) == 4


async def test_old_history_is_told_to_nobody(desk: Desk, claim: str) -> None:
    await follow(desk.editor, {"claim": claim})
    await desk.link_statement(claim, "comments", "pristina")
    desk.clock.advance(days=8)
    await tell_people(desk)
    assert await read_inbox(desk.editor) == []


async def test_read_notices_are_deleted_after_a_month(desk: Desk, claim: str) -> None:
    from service.notices import inbox

    await follow(desk.editor, {"claim": claim})
    for _ in range(2):
        await desk.link_statement(claim, "comments", "pristina")
        await tell_people(desk)
    newest, _ = await read_inbox(desk.editor)
    await desk.editor.post("/v1/inbox/read", json={"ids": [newest["id"]]})
    desk.clock.advance(days=29)
    async with nothing_changes(desk):
        await desk.database.write(inbox.delete_old_notices, now=desk.clock())
    desk.clock.advance(days=2)
    assert await desk.database.write(inbox.delete_old_notices, now=desk.clock()) == 1
    assert [notice["read"] for notice in await read_inbox(desk.editor)] == [False]
    desk.clock.advance(days=180)
    assert await desk.database.write(inbox.delete_old_notices, now=desk.clock()) == 1
