"""References to the wrong thing, and second tries, are refused and change nothing."""

from typing import Any

from tests.api.problems import NOBODY, nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk, build_quote, build_statement

REASON = {"reason": "they said so"}


async def test_parties_form_a_tree(desk: Desk) -> None:
    """A party is under a party that exists, and under neither itself nor its own children."""
    await desk.record_parties()
    async with nothing_changes(desk):
        for parent in ("nobody", "self"):
            body = {"slug": "self", "name": "Self", "parent": parent}
            require_field_error(await desk.checker.post("/v1/parties", json=body), "body", "parent")
        for slug, parent in (
            ("washington", "washington"),
            ("washington", "state-department"),
            ("washington", "nobody"),
        ):
            party_change = await desk.editor.patch(f"/v1/parties/{slug}", json={"parent": parent})
            require_field_error(party_change, "body", "parent")
        second_answer = await desk.checker.post(
            "/v1/parties", json={"slug": "nato", "name": "NATO"}
        )
        require_problem(second_answer, "already-exists")
        for change in ({"slug": "x"}, {"name": None}, {"name": ""}, {"country": "usa"}):
            require_problem(
                await desk.editor.patch("/v1/parties/nato", json=change), "invalid-request"
            )
        require_problem(
            await desk.editor.patch("/v1/parties/nobody", json={"name": "x"}), "not-found"
        )


async def test_parties_nest_no_deeper_than_is_allowed(desk: Desk) -> None:
    """Neither a new party nor a moved branch makes a path longer than eight."""
    for branch, length in (("a", 8), ("b", 2)):
        for depth in range(length):
            parent = f"{branch}{depth - 1}" if depth else None
            await desk.post(
                "/v1/parties",
                {"slug": f"{branch}{depth}", "name": f"{branch}-{depth}", "parent": parent},
            )
    async with nothing_changes(desk):
        body = {"slug": "a8", "name": "a-8", "parent": "a7"}
        require_field_error(await desk.checker.post("/v1/parties", json=body), "body", "parent")
        move_answer = await desk.editor.patch("/v1/parties/b0", json={"parent": "a6"})
        require_field_error(move_answer, "body", "parent")
    move_answer = await desk.editor.patch("/v1/parties/b0", json={"parent": "a5"})
    assert move_answer.json()["root"] == "a0"


async def test_speakers_speak_for_their_own_party(desk: Desk) -> None:
    """A speaker named by id has to be known and of that party; no two are alike."""
    await desk.record_parties()
    body = {"name": "Miloš Vučević", "role": "minister", "party": "belgrade"}
    milos = await desk.post("/v1/speakers", body)
    other = await desk.post("/v1/speakers", body | {"name": "Milan Mojsilović"})
    async with nothing_changes(desk):
        for speaker in (milos["id"], NOBODY):
            refusal = await desk.checker.post(
                "/v1/statements", json=build_statement("nato", speaker=speaker)
            )
            require_field_error(refusal, "body", "speaker")
        nobodys = build_statement(None, speaker={"name": "X"})
        require_field_error(
            await desk.checker.post("/v1/statements", json=nobodys), "body", "party"
        )
        unknown = await desk.checker.post("/v1/speakers", json=body | {"party": "nobody"})
        require_field_error(unknown, "body", "party")
        twin = await desk.editor.patch(
            f"/v1/speakers/{other['id']}", json={"name": "MILOS vucevic"}
        )
        require_problem(twin, "already-exists")


async def test_link_needs_a_party_and_is_made_once(desk: Desk) -> None:
    """No link without a party behind the statement, of the claim's own origin, of an unknown
    statement, or of one that is linked already."""
    await desk.record_parties()
    unsaid = await desk.post("/v1/statements", build_statement(None))
    origin = await desk.post("/v1/statements", build_statement("belgrade"))
    claim = await desk.record_claim(origin=None, origin_statement=origin["id"])
    link = await desk.link_statement(claim["id"], "supports", "nato")
    url = f"/v1/claims/{claim['id']}/links"
    async with nothing_changes(desk):
        for statement in (unsaid["id"], origin["id"], NOBODY, link["statement"]["id"]):
            for stance in ("supports", "contradicts"):
                body = {"statement": statement, "stance": stance}
                require_field_error(await desk.checker.post(url, json=body), "body", "statement")
        for change in (
            {"stance": "denies"},
            {"scope": "half"},
            {"conditional": "perhaps"},
            {"note": "\x00"},
            {"statement": "x"},
        ):
            body = {"statement": link["statement"]["id"], "stance": "comments"} | change
            require_problem(await desk.checker.post(url, json=body), "invalid-request")
        missing_path = f"/v1/claims/{NOBODY}/links"
        body = {"statement": build_statement("nato"), "stance": "comments"}
        require_problem(await desk.checker.post(missing_path, json=body), "not-found")


async def test_nothing_can_be_retracted_twice(desk: Desk) -> None:
    """A second retraction, withdrawal, affirmation or settlement is a conflict."""
    await desk.record_parties()
    claim = await desk.record_claim()
    first = await desk.link_statement(claim["id"], "supports", "nato")
    second = await desk.link_statement(claim["id"], "supports", "pristina")
    decision = (await desk.change_status(claim["id"], "confirmed", cites=[first["id"]])).json()[
        "id"
    ]
    rejection = await desk.editor.post(
        f"/v1/decisions/{decision}/rejection", json={"comment": "no"}
    )
    assert rejection.status_code == 200
    for url in (
        f"/v1/links/{first['id']}/retraction",
        f"/v1/statements/{second['statement']['id']}/withdrawal",
    ):
        assert (await desk.checker.post(url, json=REASON)).status_code == 200
        async with nothing_changes(desk):
            require_problem(await desk.checker.post(url, json=REASON), "already-settled")
    async with nothing_changes(desk):
        for link in (first, second):
            affirmation = await desk.checker.post(f"/v1/links/{link['id']}/affirmation")
            require_problem(affirmation, "already-settled")
        for step, body in (
            ("approval", {}),
            ("rejection", {"comment": "no"}),
            ("withdrawal", {"reason": "no"}),
        ):
            url = f"/v1/decisions/{decision}/{step}"
            require_problem(await desk.checker.post(url, json=body), "already-settled")
        linked_anew = {"statement": second["statement"]["id"], "stance": "supports"}
        require_problem(
            await desk.checker.post(f"/v1/claims/{claim['id']}/links", json=linked_anew),
            "statement-withdrawn",
        )
        for url in ("/v1/links/{}/retraction", "/v1/statements/{}/withdrawal"):
            missing_answer = await desk.checker.post(url.format(NOBODY), json=REASON)
            require_problem(missing_answer, "not-found")
    withdrawal_path = f"/v1/claims/{claim['id']}/withdrawal"
    assert (await desk.checker.post(withdrawal_path, json=REASON)).status_code == 200
    async with nothing_changes(desk):
        require_problem(await desk.checker.post(withdrawal_path, json=REASON), "claim-withdrawn")


async def list_acts_on_closed(
    desk: Desk, claim: dict[str, Any], into: str
) -> list[tuple[str, str, Any]]:
    url = f"/v1/claims/{claim['id']}"
    return [
        ("POST", f"{url}/links", {"statement": build_statement("nato"), "stance": "supports"}),
        ("PATCH", url, {"tags": ["x"]}),
        ("POST", f"{url}/status-changes", {"to": "awaiting_confirmation", "reason": "x"}),
        ("POST", f"{url}/merge", {"into": into}),
        ("POST", f"{url}/withdrawal", REASON),
    ]


async def test_closed_claim_cannot_be_changed(desk: Desk) -> None:
    """Nobody links to, amends, moves, merges or withdraws a claim that was merged or withdrawn;
    nothing is merged into it, and nothing new becomes part of a merged one."""
    await desk.record_parties()
    loser, survivor, taken_back = (
        await desk.record_claim(),
        await desk.record_claim(),
        await desk.record_claim(),
    )
    url = f"/v1/claims/{loser['id']}"
    response = await desk.checker.post(
        f"{url}/merge", json={"into": survivor["id"]}, headers={"If-Match": "*"}
    )
    assert response.status_code == 200
    await desk.checker.post(f"/v1/claims/{taken_back['id']}/withdrawal", json=REASON)
    async with nothing_changes(desk):
        for claim, slug in ((loser, "claim-merged"), (taken_back, "claim-withdrawn")):
            for method, target, body in await list_acts_on_closed(desk, claim, survivor["id"]):
                refusal = await desk.checker.request(
                    method, target, json=body, headers={"If-Match": "*"}
                )
                problem = require_problem(refusal, slug)
                assert slug == "claim-withdrawn" or problem["merged_into"] == survivor["id"]
            into = await desk.checker.post(
                f"/v1/claims/{survivor['id']}/merge",
                json={"into": claim["id"]},
                headers={"If-Match": "*"},
            )
            require_problem(into, "merge-cycle")
        part = await desk.checker.post(
            "/v1/claims",
            json={
                "text": "x",
                "kind": "event",
                "claimant": None,
                "claimed_at": "2023-10-02T00:00:00Z",
                "part_of": loser["id"],
                "origin": {"quotes": [build_quote()]},
            },
        )
        require_field_error(part, "body", "part_of")


async def test_decision_cites_only_active_links_of_its_claim(desk: Desk) -> None:
    """What a decision cites or sets aside is an active link of that very claim."""
    await desk.record_parties()
    claim, other = await desk.record_claim(), await desk.record_claim()
    link = await desk.link_statement(claim["id"], "supports", "nato")
    retracted_link = await desk.link_statement(claim["id"], "supports", "pristina")
    other_link = await desk.link_statement(other["id"], "supports", "nato")
    await desk.checker.post(f"/v1/links/{retracted_link['id']}/retraction", json=REASON)
    async with nothing_changes(desk):
        for citation in (other_link["id"], retracted_link["id"], NOBODY):
            decision = await desk.change_status(
                claim["id"], "confirmed", cites=[link["id"], citation]
            )
            require_field_error(decision, "body", "cites", 1)
        aside = [{"link": link["id"], "reason": "x"}]
        decision = await desk.change_status(
            claim["id"], "confirmed", cites=[link["id"]], set_aside=aside
        )
        require_field_error(decision, "body", "set_aside", 0)
        for to in ("true", "asserted", "disputed"):
            assert (await desk.change_status(claim["id"], to)).status_code in (409, 422)
