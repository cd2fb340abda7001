"""Follows, through the API: what a person is told of, and what not."""

import pytest

from tests.api.problems import NOBODY, nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk
from tests.support.inboxes import follow, read_inbox, read_summaries, tell_people


@pytest.fixture
async def desk_with_claim(desk: Desk) -> tuple[Desk, str]:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    return desk, (await desk.record_claim(story="border", tags=["troops"]))["id"]


async def test_each_kind_of_follow_tells_of_a_change(desk_with_claim: tuple[Desk, str]) -> None:
    """Of the claim, its story, a party in it or above it, its tag, a search that finds it; and not
    of what another story, party, tag or search finds."""
    desk, claim = desk_with_claim
    await tell_people(desk)
    targets: tuple[dict[str, str], ...] = (
        {"claim": claim},
        {"story": "border"},
        {"party": "belgrade"},
        {"party": "washington"},
        {"tag": "troops"},
        {"search": "q=operating+regime&status=asserted&limit=5"},
        {"search": "party=washington&story=border&drift=false"},
        {"search": "assignee=none"},
    )
    for number, target in enumerate(targets):
        follow_view = await follow(desk.editor, target)
        await desk.link_statement(claim, "comments", "state-department")
        await tell_people(desk)
        assert len(await read_inbox(desk.editor)) == number + 1, target
        answer = await desk.editor.delete(f"/v1/follows/{follow_view['id']}")
        assert answer.status_code == 204
    for target in (
        {"party": "nato"},
        {"tag": "others"},
        {"search": "q=battalions"},
        {"search": "status=confirmed"},
        {"search": "story=none"},
        {"search": "hold=true"},
    ):
        await follow(desk.editor, target)
    await desk.link_statement(claim, "comments", "pristina")
    await tell_people(desk)
    assert len(await read_inbox(desk.editor)) == len(targets)


async def test_same_follow_twice_gives_the_first(desk_with_claim: tuple[Desk, str]) -> None:
    desk, claim = desk_with_claim
    first = await follow(desk.editor, {"claim": claim})
    async with nothing_changes(desk):
        assert await follow(desk.editor, {"claim": claim}, status=200) == first
    second_follow = await follow(desk.editor, {"search": "status=asserted&q=troops"})
    assert (
        await follow(desk.editor, {"search": "q=troops&status=asserted"}, status=200)
    ) == second_follow
    items = (await desk.editor.get("/v1/follows")).json()["items"]
    assert items == [first, second_follow]
    assert (await desk.editor2.get("/v1/follows")).json()["items"] == []


async def test_unknown_target_is_refused(desk: Desk) -> None:
    async with nothing_changes(desk):
        for name, value in (
            ("claim", NOBODY),
            ("story", "nothing"),
            ("party", "nobody"),
            ("search", "party=nobody"),
            ("search", "colour=red"),
            ("search", "limit=5"),
            ("search", "overdue=true"),
        ):
            answer = await desk.checker.post("/v1/follows", json={name: value})
            require_field_error(answer, "body", name)
        for body in ({}, {"story": "border", "tag": "troops"}):
            require_problem(await desk.checker.post("/v1/follows", json=body), "invalid-request")
        require_problem(await desk.checker.delete(f"/v1/follows/{NOBODY}"), "not-found")


async def test_key_without_person_is_told_what_to_do(desk: Desk) -> None:
    for client in (desk.reader, desk.admin):
        refusals = [
            await client.get("/v1/follows"),
            await client.post("/v1/follows", json={"tag": "troops"}),
            await client.delete(f"/v1/follows/{NOBODY}"),
            await client.get("/v1/inbox"),
            await client.post("/v1/inbox/read", json={"ids": [NOBODY]}),
        ]
        for answer in refusals:
            detail = require_problem(answer, "key-without-person")["detail"]
            assert "--user EMAIL" in detail


async def test_people_follow_what_they_record_propose_and_are_assigned(
    desk_with_claim: tuple[Desk, str],
) -> None:
    desk, claim = desk_with_claim
    link = await desk.link_statement(claim, "supports", "nato")
    await desk.change_status(claim, "confirmed", client=desk.editor, cites=[link["id"]])
    person = (await desk.checker2.get("/v1/me")).json()["id"]
    await desk.checker.patch(
        f"/v1/claims/{claim}", json={"assignee": person}, headers={"If-Match": "*"}
    )
    await tell_people(desk)
    for client in (desk.checker, desk.editor, desk.checker2):
        [follow_view] = (await client.get("/v1/follows")).json()["items"]
        assert (follow_view["claim"], follow_view["automatic"]) == (claim, True)
    assert (await desk.editor2.get("/v1/follows")).json()["items"] == []


async def test_who_stopped_does_not_follow_again_by_what_they_do(
    desk_with_claim: tuple[Desk, str],
) -> None:
    desk, claim = desk_with_claim
    await tell_people(desk)
    [follow_view] = (await desk.checker.get("/v1/follows")).json()["items"]
    await desk.checker.delete(f"/v1/follows/{follow_view['id']}")
    link = await desk.link_statement(claim, "supports", "nato")
    await desk.change_status(claim, "confirmed", cites=[link["id"]])
    await tell_people(desk)
    assert (await desk.checker.get("/v1/follows")).json()["items"] == []
    by_hand = await follow(desk.checker, {"claim": claim})
    assert (by_hand["id"], by_hand["automatic"]) == (follow_view["id"], False)


async def test_nobody_is_told_of_their_own_acts(desk_with_claim: tuple[Desk, str]) -> None:
    """Neither by their own name nor by that of a rule that followed at once."""
    desk, claim = desk_with_claim
    for client in (desk.checker, desk.editor):
        await follow(client, {"story": "border"})
    await tell_people(desk)
    await desk.link_statement(claim, "contradicts", "pristina")
    assert (await desk.read_claim(claim))["status"] == "disputed"
    await tell_people(desk)
    assert await read_inbox(desk.checker) == []
    [summary] = await read_summaries(desk.editor)
    assert summary.startswith("Disputed: “Serbia has returned")
    assert summary.endswith("(and 1 more change)")


async def test_number_of_follows_is_bounded(desk: Desk) -> None:
    for number in range(20):
        await follow(desk.checker, {"search": f"q=word{number}"})
    answer = await desk.checker.post("/v1/follows", json={"search": "q=once+more"})
    assert "20 searches" in require_field_error(answer, "body", "search")
