"""What the desk knew at an instant: hard cases one by one (tests/asof tries them together)."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.api.problems import NOBODY, require_problem
from tests.support.desk import Desk, build_statement

MICROSECOND = timedelta(microseconds=1)


async def list_claim_ids(desk: Desk, at: datetime, **query: str) -> list[str]:
    response = await desk.reader.get("/v1/claims", params={"as_of": at.isoformat(), **query})
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_statement_recorded_late_changes_no_earlier_answer(desk: Desk) -> None:
    """What was said on 29 September and recorded on 5 October is known from 5 October on."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    on_the_second = desk.clock.now
    before = await desk.read_claim(claim, as_of=on_the_second.isoformat())
    desk.clock.advance(days=3)
    body = build_statement("washington", said_at="2023-09-29T00:00:00Z")
    await desk.post(
        f"/v1/claims/{claim}/links", {"statement": body, "stance": "requests_confirmation"}
    )
    instant = desk.clock.now
    assert await desk.read_claim(claim, as_of=on_the_second.isoformat()) == before
    just_before = await desk.read_claim(claim, as_of=(instant - MICROSECOND).isoformat())
    assert just_before == before
    assert (await desk.read_claim(claim, as_of=instant.isoformat()))["status"] == (
        "awaiting_confirmation"
    )
    for path in ("links", "suggestion"):
        response = await desk.reader.get(
            f"/v1/claims/{claim}/{path}", params={"as_of": on_the_second.isoformat()}
        )
        assert not (response.json().get("items"))
        assert not (response.json().get("trace"))


async def test_claim_is_not_yet_recorded_before_its_first_event(desk: Desk) -> None:
    """Nor are its links and its suggestion; an unknown claim is not found."""
    await desk.record_parties()
    before = desk.clock.now.isoformat()
    claim = (await desk.record_claim())["id"]
    for path in ("", "?expand=links", "/links", "/suggestion"):
        url = httpx.URL(f"/v1/claims/{claim}{path}").copy_merge_params({"as_of": before})
        require_problem(await desk.reader.get(url), "not-yet-recorded")
        never = httpx.URL(f"/v1/claims/{NOBODY}{path}").copy_merge_params({"as_of": before})
        require_problem(await desk.reader.get(never), "not-found")


async def test_as_of_shows_the_party_tree_of_then(desk: Desk) -> None:
    """A filter by party takes in whom it had below it then, at every level; names are of then,
    too."""
    await desk.record_parties()
    bureau = {"slug": "bureau", "name": "Bureau", "parent": "state-department"}
    await desk.post("/v1/parties", bureau)
    claim = (await desk.record_claim(claimant="bureau", speaker=None))["id"]
    other = (await desk.record_claim())["id"]
    await desk.link_statement(other, "supports", "bureau")
    instant = desk.clock.now
    moves: list[tuple[str, dict[str, Any]]] = [
        ("bureau", {"parent": "washington"}),
        ("washington", {"name": "DC"}),
        ("bureau", {"parent": "nato"}),
    ]
    for party, change in moves:
        desk.clock.advance(hours=1)
        assert (await desk.editor.patch(f"/v1/parties/{party}", json=change)).status_code == 200
    now = desk.clock.now
    for party, at, has in (
        ("state-department", instant, True),
        ("washington", instant, True),
        ("nato", instant, False),
        ("state-department", instant + timedelta(hours=2), False),
        ("washington", instant + timedelta(hours=2), True),
        ("washington", now, False),
        ("nato", now, True),
    ):
        assert await list_claim_ids(desk, at, claimant=party) == [claim] * has, (party, at)
        assert await list_claim_ids(desk, at, party=party, stance="supports") == [other] * has, (
            party,
            at,
        )
    (link,) = (await desk.read_claim(other, expand="links", as_of=instant.isoformat()))["links"]
    assert (link["statement"]["root"], link["statement"]["root_name"]) == (
        "washington",
        "Washington",
    )


async def test_act_on_several_claims_has_one_instant(desk: Desk) -> None:
    """If the clock went back, a withdrawal, a merge or a party's move happens when the last of its
    claims had changed: at no instant does it show on one of them and not on another."""
    await desk.record_parties()
    first, second = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    statement = await desk.post("/v1/statements", build_statement("nato", basis="documents"))
    stance = {"statement": statement["id"], "stance": "supports"}
    await desk.post(f"/v1/claims/{first}/links", stance)
    desk.clock.advance(hours=2)
    await desk.post(f"/v1/claims/{second}/links", stance)
    desk.clock.advance(hours=-1)
    await desk.editor.patch("/v1/parties/nato", json={"parent": "washington"})
    await desk.post(f"/v1/statements/{statement['id']}/withdrawal", {"reason": "no"}, status=200)
    merge = await desk.checker.post(
        f"/v1/claims/{first}/merge", json={"into": second}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200
    for claim in (first, second):
        record = (await desk.reader.get(f"/v1/claims/{claim}/history")).json()["items"]
        last = {each["type"]: each["recorded_at"] for each in record}
        if claim == first:
            instants = last
    acts = ("party.changed", "statement.withdrawn")
    assert [instants[act] for act in acts] == [last[act] for act in acts]
    assert instants["claim.merged"] == last["claim.absorbed"]
    withdrawn_at = (await desk.reader.get(f"/v1/statements/{statement['id']}")).json()[
        "withdrawn_at"
    ]
    assert withdrawn_at == last["statement.withdrawn"]
    at = datetime.fromisoformat(last["party.changed"])
    before = at - MICROSECOND
    assert await list_claim_ids(desk, before, party="nato") == [first]
    assert await list_claim_ids(desk, before, party="washington") == []
    # All three acts waited for the second claim's last change, so by now nothing stands.
    assert await list_claim_ids(desk, at, party="washington") == []
