"""Duplicates: the loser redirects, its links move, and nothing is inherited."""

from typing import Any

import httpx

from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk, build_statement


async def merge(desk: Desk, loser: str, into: str) -> httpx.Response:
    return await desk.checker.post(
        f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
    )


async def link_known(desk: Desk, claim: str, statement: str, stance: str) -> dict[str, Any]:
    return await desk.post(f"/v1/claims/{claim}/links", {"statement": statement, "stance": stance})


async def test_merged_claim_redirects_and_keeps_the_query(desk: Desk) -> None:
    """308 with the query kept, for GET and HEAD, also through a second merge; what is not the
    claim itself is still read where it was."""
    await desk.record_parties()
    first, second, third = [(await desk.record_claim())["id"] for _ in range(3)]
    assert (await merge(desk, first, second)).json()["id"] == second
    for method in ("GET", "HEAD"):
        redirect = await desk.reader.request(method, f"/v1/claims/{first}?expand=links")
        assert redirect.status_code == 308
        assert redirect.headers["Location"] == f"/v1/claims/{second}?expand=links"
    plain = await desk.reader.get(f"/v1/claims/{first}")
    assert plain.headers["Location"] == f"/v1/claims/{second}"
    await merge(desk, second, third)
    answer = await desk.reader.get(f"/v1/claims/{first}", follow_redirects=True)
    assert answer.json()["id"] == third
    history = (await desk.reader.get(f"/v1/claims/{first}/history")).json()["items"]
    assert history[-1]["data"] == {"into": second}
    items = (await desk.reader.get("/v1/claims")).json()["items"]
    assert [each["id"] for each in items] == [third]


async def test_as_of_before_the_merge_shows_both(desk: Desk) -> None:
    """At any instant before the merge both claims are served as they were; from it on the loser
    redirects, also where its own record went on after."""
    await desk.record_parties()
    loser, survivor = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    link = await desk.link_statement(loser, "requests_confirmation", "washington")
    before = desk.clock.now.isoformat()
    assert (await merge(desk, loser, survivor)).json()["status"] == "awaiting_confirmation"
    after = desk.clock.now.isoformat()
    desk.clock.advance(hours=1)
    retraction = await desk.checker.post(
        f"/v1/links/{link['id']}/retraction", json={"reason": "mistaken"}
    )
    assert retraction.json()["lifecycle"] == "merged"
    assert (await desk.read_claim(loser, as_of=before))["status"] == "awaiting_confirmation"
    assert (await desk.read_claim(survivor, as_of=before))["status"] == "asserted"
    for moment in (after, desk.clock.now.isoformat()):
        redirect = await desk.reader.get(f"/v1/claims/{loser}", params={"as_of": moment})
        assert redirect.status_code == 308, redirect.text
        assert "as_of=" in redirect.headers["Location"]
        there = await desk.reader.get(redirect.headers["Location"])
        assert there.json()["status"] == "awaiting_confirmation"
    for moment, ids in ((before, {loser, survivor}), (after, {survivor})):
        page = (await desk.reader.get("/v1/claims", params={"as_of": moment})).json()
        assert {item["id"] for item in page["items"]} == ids


async def test_links_move_once_for_each_statement(desk: Desk) -> None:
    """Links are deduplicated by statement; a statement with two stances is flagged, and counts for
    nothing until the survivor's link is affirmed; retracted links stay behind."""
    await desk.record_parties()
    loser, survivor = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    items = (await desk.reader.get("/v1/statements", params={"party": "belgrade"})).json()["items"]
    began = min(items, key=lambda own_link: own_link["recorded_at"])["id"]
    common, contested, moving, retracting = [
        (await desk.post("/v1/statements", build_statement(party, basis="own_observation")))["id"]
        for party in ("nato", "pristina", "washington", "nato")
    ]
    for claim, statement, stance in (
        (survivor, common, "comments"),
        (loser, common, "comments"),
        (survivor, contested, "supports"),
        (loser, contested, "comments"),
        (loser, moving, "requests_confirmation"),
    ):
        await link_known(desk, claim, statement, stance)
    mistaken = await link_known(desk, loser, retracting, "contradicts")
    await desk.checker.post(f"/v1/links/{mistaken['id']}/retraction", json={"reason": "x"})
    assert (await desk.read_claim(survivor))["suggested_status"] == "confirmed"
    claim_view = (await merge(desk, loser, survivor)).json()
    links = (await desk.reader.get(f"/v1/claims/{survivor}/links")).json()["items"]
    assert [(link["statement"]["id"], link["stance"], link["conflicting"]) for link in links] == [
        (common, "comments", False),
        (contested, "supports", True),
        (moving, "requests_confirmation", False),
        (began, "supports", False),
    ]
    assert all(link["claim"] == survivor for link in links)
    assert (claim_view["status"], claim_view["suggested_status"]) == ("awaiting_confirmation",) * 2
    assert claim_view["evidence"]["requests_confirmation"] == ["washington"]
    assert len((await desk.reader.get(f"/v1/claims/{loser}/links")).json()["items"]) == 4
    affirmation = await desk.checker.post(f"/v1/links/{links[1]['id']}/affirmation")
    assert affirmation.json()["suggested_status"] == "confirmed"


async def test_merge_does_not_change_the_survivors_status(desk: Desk) -> None:
    """A confirmed duplicate confirms nothing: the survivor keeps its own status, and what waited
    on the loser is over."""
    await desk.record_parties()
    loser, survivor = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    await desk.confirm_claim(loser)
    claim_view = (await merge(desk, loser, survivor)).json()
    assert (claim_view["status"], claim_view["suggested_status"]) == ("asserted", "confirmed")
    assert claim_view["agrees"] is False
    waiting = (await desk.record_claim())["id"]
    link = await desk.link_statement(waiting, "supports", "nato")
    proposal = (await desk.change_status(waiting, "confirmed", cites=[link["id"]])).json()
    await merge(desk, waiting, survivor)
    decision = (await desk.checker.get(f"/v1/decisions/{proposal['id']}")).json()
    assert decision["state"] == "superseded"
    assert decision["settled_at"] is not None
    async with nothing_changes(desk):
        late = await desk.editor.post(f"/v1/decisions/{proposal['id']}/approval")
        require_problem(late, "already-settled")


async def test_components_move_with_the_claim(desk: Desk) -> None:
    """The loser's parts are the survivor's; a part of a merged part leaves its parent's page."""
    await desk.record_parties()
    loser, survivor = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    part = (await desk.record_claim(part_of=loser, text="a part"))["id"]
    before = desk.clock.now.isoformat()
    claim_view = (await merge(desk, loser, survivor)).json()
    assert [component["id"] for component in claim_view["components"]] == [part]
    assert (await desk.read_claim(part))["part_of"] == survivor
    for moment, parent, ids in (
        (before, loser, [part]),
        (before, survivor, []),
        (desk.clock.now.isoformat(), loser, []),
        (desk.clock.now.isoformat(), survivor, [part]),
    ):
        params = {"part_of": parent, "as_of": moment}
        items = (await desk.reader.get("/v1/claims", params=params)).json()["items"]
        assert [each["id"] for each in items] == ids, (moment, parent)
    into_parent = (await merge(desk, part, survivor)).json()
    assert into_parent["components"] == []


async def test_claims_are_not_merged_in_circles(desk: Desk) -> None:
    """Not into itself, not into its own part at any depth, not into an unknown claim."""
    await desk.record_parties()
    top = (await desk.record_claim())["id"]
    middle = (await desk.record_claim(part_of=top))["id"]
    bottom = (await desk.record_claim(part_of=middle))["id"]
    async with nothing_changes(desk):
        for loser, into in ((top, top), (top, middle), (top, bottom), (middle, bottom)):
            require_problem(await merge(desk, loser, into), "merge-cycle")
        require_field_error(
            await merge(desk, top, "01970000-0000-7000-8000-000000000000"), "body", "into"
        )
        missing_answer = await merge(desk, "01970000-0000-7000-8000-000000000000", top)
        require_problem(missing_answer, "not-found")
    assert (await merge(desk, bottom, top)).status_code == 200
