"""Two people for what is printed: each way that one person had to change it alone."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.problems import nothing_changes, require_problem
from tests.support.desk import SOURCE, Desk, Json, build_statement


async def patch_claim(desk: Desk, claim: str, client: Any = None, **changes: Any) -> httpx.Response:
    return await (client or desk.checker).patch(
        f"/v1/claims/{claim}", json=changes, headers={"If-Match": "*"}
    )


async def merge(desk: Desk, claim: str, into: str) -> httpx.Response:
    return await desk.checker.post(
        f"/v1/claims/{claim}/merge", json={"into": into}, headers={"If-Match": "*"}
    )


async def propose_link(desk: Desk, claim: str, party: str, **changes: Any) -> httpx.Response:
    body = {"stance": "supports", "statement": build_statement(party, basis="documents")} | changes
    return await desk.checker.post(f"/v1/claims/{claim}/links", json=body)


async def approve(desk: Desk, decision: str, client: Any = None, **headers: str) -> httpx.Response:
    return await (client or desk.editor).post(f"/v1/decisions/{decision}/approval", headers=headers)


async def record_confirmed_claim(desk: Desk, **changes: Any) -> str:
    """A claim of Belgrade's that NATO confirms, decided by two people."""
    await desk.record_parties()
    claim = str((await desk.record_claim(**changes))["id"])
    await desk.confirm_claim(claim)
    return claim


async def read_printed(desk: Desk, claim: str) -> tuple[str, str, str | None]:
    claim_view = await desk.read_claim(claim)
    return claim_view["text"], claim_view["print_line"], claim_view["finding"]


def require_proposal(response: httpx.Response, kind: str) -> Json:
    """The decision that an act came to, which changed nothing that is printed."""
    assert response.status_code == 202, response.text
    decision: Json = response.json()
    assert (decision["kind"], decision["state"]) == (kind, "pending")
    assert response.headers["location"] == f"/v1/decisions/{decision['id']}"
    return decision


# The attacks that succeeded.


async def test_one_person_cannot_reword_a_confirmed_claim(desk: Desk) -> None:
    """Whether a wording is material is not one person's word: it is proposed, and a material one
    takes the confirmation away at once."""
    claim = await record_confirmed_claim(desk)
    before = await read_printed(desk, claim)
    rewording = await patch_claim(desk, claim, text="Serbia killed 400 civilians", material=False)
    decision = require_proposal(rewording, "amendment")
    assert await read_printed(desk, claim) == before
    assert decision["printed"]["proposed"]["text"] == "Serbia killed 400 civilians"
    assert decision["printed"]["seen"] == decision["printed"]["now"]
    require_problem(await approve(desk, decision["id"], desk.checker), "second-person-needed")
    assert (await approve(desk, decision["id"])).status_code == 200
    after = await desk.read_claim(claim)
    assert (after["text"], after["status"]) == ("Serbia killed 400 civilians", "confirmed")
    revision = await patch_claim(desk, claim, text="Serbia killed 500 civilians", material=True)
    assert (revision.status_code, revision.json()["status"]) == (200, "awaiting_confirmation")
    record = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()["items"]
    assert [each["type"] for each in record][-5:] == [
        "decision.proposed",
        "decision.approved",
        "claim.amended",
        "claim.amended",
        "claim.status_changed",
    ]
    assert record[-1]["data"]["cause"] == "amendment"


async def test_a_wording_changed_since_the_proposal_voids_it(desk: Desk) -> None:
    """The second person does not approve a text that the proposer never saw; the proposal waits on
    until it is rejected, or the next one takes its place."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    decision = (await desk.change_status(claim, "confirmed", cites=[link["id"]])).json()
    text = (await desk.read_claim(claim))["text"]
    rewording = await patch_claim(desk, claim, text="Serbia killed 400 civilians", material=False)
    assert rewording.status_code == 200
    async with nothing_changes(desk):
        refusal = require_problem(await approve(desk, decision["id"]), "decision-outdated")
    assert refusal["changed"] == [
        {"field": "text", "seen": text, "now": "Serbia killed 400 civilians"}
    ]
    assert refusal["decision"] == decision["id"]
    body = (await desk.checker.get(f"/v1/decisions/{decision['id']}")).json()
    assert (body["state"], body["printed"]["changed"]) == ("pending", ["text"])
    second_proposal = require_proposal(
        await desk.change_status(claim, "confirmed", cites=[link["id"]]), "status"
    )
    lapsed_decision = (await desk.checker.get(f"/v1/decisions/{decision['id']}")).json()
    assert (lapsed_decision["state"], lapsed_decision["comment"]) == ("lapsed", "outdated")
    assert (await approve(desk, second_proposal["id"])).status_code == 200
    assert (await desk.read_claim(claim))["status"] == "confirmed"


async def test_one_person_cannot_record_a_finding(desk: Desk) -> None:
    """PATCH refuses with the way to do it, which takes evidence, a reason and a second person."""
    claim = await record_confirmed_claim(desk)
    before = await read_printed(desk, claim)
    async with nothing_changes(desk):
        refusal = require_problem(
            await patch_claim(desk, claim, finding="refuted"), "invalid-request"
        )
        assert "POST /v1/claims/{id}/findings" in refusal["errors"][0]["msg"]
        url = f"/v1/claims/{claim}/findings"
        lone = await desk.checker.post(url, json={"finding": "refuted", "reason": "I think so"})
        missing = require_problem(lone, "transition-refused")["missing"]
        assert [each["has"] for each in missing] == [0]
        assert "from a party other than Belgrade" in missing[0]["need"]
    denial = await desk.link_statement(claim, "contradicts", "pristina", basis="documents")
    body = {"finding": "refuted", "reason": "Counted again", "cites": [denial["id"]]}
    decision = require_proposal(await desk.checker.post(url, json=body), "finding")
    assert (await desk.read_claim(claim))["finding"] is None
    assert (await read_printed(desk, claim))[2] == before[2]
    review = (await desk.reader.get(f"/v1/claims/{claim}/claimreview")).json()
    assert "ratingValue" not in review["reviewRating"]
    assert (await approve(desk, decision["id"])).status_code == 200
    claim_view = await desk.read_claim(claim)
    assert (claim_view["finding"], claim_view["status"]) == ("refuted", "disputed"), (
        "never both in one line"
    )
    items = (await desk.reader.get(url)).json()["items"]
    assert [(each["finding"], each["decided_by"], each["approved_by"]) for each in items] == [
        ("refuted", "checker", "editor")
    ]
    assert items[0]["decision"] == decision["id"]


async def test_one_person_cannot_add_a_supporter_to_a_confirmed_claim(desk: Desk) -> None:
    """ "by NATO and Washington" takes two; a second voice of NATO's changes nothing printed and is
    linked at once, and so is every link that makes the line more cautious."""
    claim = await record_confirmed_claim(desk)
    before = await read_printed(desk, claim)
    decision = require_proposal(await propose_link(desk, claim, "washington"), "link")
    assert await read_printed(desk, claim) == before
    assert [support["name"] for support in decision["printed"]["proposed"]["supports"]] == [
        "NATO",
        "Washington",
    ]
    same = await propose_link(desk, claim, "nato")
    assert same.status_code == 201
    assert (await approve(desk, decision["id"])).status_code == 200
    assert "by NATO and Washington." in (await desk.read_claim(claim))["print_line"]
    links = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    assert decision["change"]["link"]["id"] in [link["id"] for link in links]
    for stance in ("contradicts", "requests_confirmation", "comments"):
        cautious = await propose_link(desk, claim, "pristina", stance=stance)
        assert cautious.status_code == 201, cautious.text


async def test_one_person_cannot_merge_supporters_into_a_confirmed_claim(desk: Desk) -> None:
    """What would print is compared before and after: a duplicate that brings a supporter is
    proposed on the claim that remains, one that brings none is merged at once."""
    claim = await record_confirmed_claim(desk)
    duplicate, empty = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    await desk.link_statement(duplicate, "supports", "washington", basis="documents")
    before = await read_printed(desk, claim)
    decision = require_proposal(await merge(desk, duplicate, claim), "merge")
    assert decision["claim"] == claim
    assert decision["change"]["merged"] == duplicate
    assert await read_printed(desk, claim) == before
    assert (await desk.read_claim(duplicate))["lifecycle"] == "active"
    plain = await merge(desk, empty, claim)
    assert (plain.status_code, plain.json()["id"]) == (200, claim)
    assert (await approve(desk, decision["id"])).status_code == 200
    assert "by NATO and Washington." in (await desk.read_claim(claim))["print_line"]
    redirect = await desk.reader.get(f"/v1/claims/{duplicate}", follow_redirects=False)
    assert redirect.status_code == 308


async def test_supporter_of_the_duplicate_since_the_proposal_voids_the_merge(desk: Desk) -> None:
    """The proposal is bound to the print line after it, not only to the one before."""
    claim = await record_confirmed_claim(desk)
    duplicate = (await desk.record_claim())["id"]
    await desk.link_statement(duplicate, "supports", "washington", basis="documents")
    decision = require_proposal(await merge(desk, duplicate, claim), "merge")
    await desk.link_statement(duplicate, "supports", "pristina", basis="documents")
    async with nothing_changes(desk):
        refusal = require_problem(await approve(desk, decision["id"]), "decision-outdated")
    assert [each["field"] for each in refusal["changed"]] == ["supports"]
    await desk.checker.post(f"/v1/claims/{duplicate}/withdrawal", json={"reason": "a mistake"})
    async with nothing_changes(desk):
        assert (
            "withdrawn"
            in require_problem(await approve(desk, decision["id"]), "decision-outdated")["detail"]
        )


async def test_one_person_cannot_take_a_denial_off_a_confirmed_claim(desk: Desk) -> None:
    """Without the denial the line is bolder, whether its link is retracted or its statement
    withdrawn; support goes at once."""
    claim = await record_confirmed_claim(desk)
    denial = await desk.link_statement(claim, "contradicts", "pristina", basis="unstated")
    assert "Pristina denies it." in (await desk.read_claim(claim))["print_line"]
    before = await read_printed(desk, claim)
    retraction = await desk.checker.post(
        f"/v1/links/{denial['id']}/retraction", json={"reason": "x"}
    )
    decision = require_proposal(retraction, "retraction")
    rejection = await desk.editor.post(
        f"/v1/decisions/{decision['id']}/rejection", json={"comment": "it stands"}
    )
    assert rejection.json()["state"] == "rejected"
    taken_back = await desk.checker.post(
        f"/v1/statements/{denial['statement']['id']}/withdrawal",
        json={
            "reason": "misquoted",
            "said_at": "2023-10-02T09:30:00Z",
            "precision": "minute",
            "source": SOURCE,
        },
    )
    assert taken_back.status_code == 200
    assert await read_printed(desk, claim) == before
    (waiting,) = taken_back.json()["decisions"]
    assert (await approve(desk, waiting)).json()["kind"] == "withdrawal"
    assert "Pristina" not in (await desk.read_claim(claim))["print_line"]
    last = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()["items"][-1]
    assert (last["type"], last["data"]["said_at"], last["data"]["precision"]) == (
        "statement.withdrawn",
        "2023-10-02T09:30:00Z",
        "minute",
    )


async def test_one_person_cannot_reword_a_refuted_claim(desk: Desk) -> None:
    """A wording of what was found refuted is proposed; a material one ends the finding, and taking
    a finding back needs two people like making one."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    denial = await desk.link_statement(claim, "contradicts", "pristina", basis="documents")
    url = f"/v1/claims/{claim}/findings"
    body = {"finding": "refuted", "reason": "Counted again", "cites": [denial["id"]]}
    decision = require_proposal(await desk.checker.post(url, json=body), "finding")
    assert (await approve(desk, decision["id"])).status_code == 200
    rewording = require_proposal(
        await patch_claim(desk, claim, text="Pristina lied", material=False), "amendment"
    )
    require_problem(
        await patch_claim(desk, claim, text="Pristina spoke", material=False), "decision-pending"
    )
    await desk.checker.post(f"/v1/decisions/{rewording['id']}/withdrawal")
    clear = require_proposal(
        await desk.checker.post(url, json={"finding": None, "reason": "too early"}), "finding"
    )
    assert (await desk.read_claim(claim))["finding"] == "refuted"
    assert (await approve(desk, clear["id"])).status_code == 200
    assert (await desk.read_claim(claim))["finding"] is None
    second_proposal = require_proposal(await desk.checker.post(url, json=body), "finding")
    assert (await approve(desk, second_proposal["id"])).status_code == 200
    revision = await patch_claim(desk, claim, text="Another claim", material=True)
    assert (revision.status_code, revision.json()["finding"]) == (200, None)
    last = (await desk.reader.get(url)).json()["items"][-1]
    assert (last["previous"], last["finding"], last["decided_by"]) == ("refuted", None, None)


async def test_one_person_cannot_rename_who_confirms(desk: Desk) -> None:
    """ "Independently confirmed by Pope Francis" takes two editors; the name changes on every claim
    at once when they agree, and a country, which nobody prints, changes by one person's word."""
    claim = await record_confirmed_claim(desk)
    other = (await desk.record_claim())["id"]
    await desk.link_statement(other, "comments", "nato")
    before = await read_printed(desk, claim)
    renaming = await desk.editor.patch("/v1/parties/nato", json={"name": "Pope Francis"})
    decision = require_proposal(renaming, "party")
    assert decision["claim"] == claim
    assert decision["printed"]["proposed"]["supports"] == [
        {"party": "nato", "name": "Pope Francis"}
    ]
    assert await read_printed(desk, claim) == before
    assert (await desk.reader.get("/v1/parties/nato")).json()["name"] == "NATO"
    country_change = await desk.editor.patch("/v1/parties/nato", json={"country": "BE"})
    assert country_change.status_code == 200
    require_problem(await approve(desk, decision["id"], desk.editor), "second-person-needed")
    async with nothing_changes(desk):
        require_problem(await approve(desk, decision["id"], desk.checker), "forbidden")
    assert (await approve(desk, decision["id"], desk.editor2)).status_code == 200
    assert "confirmed by Pope Francis." in (await desk.read_claim(claim))["print_line"]
    (link,) = (await desk.reader.get(f"/v1/claims/{other}/links")).json()["items"]
    assert link["statement"]["party_name"] == "Pope Francis"


async def test_one_person_cannot_rename_the_claimant(desk: Desk) -> None:
    """The name of the general stands in the line as well; his superior's move is a change too."""
    claim = await record_confirmed_claim(desk)
    (speaker,) = (await desk.reader.get("/v1/speakers", params={"party": "belgrade"})).json()[
        "items"
    ]
    url = f"/v1/speakers/{speaker['id']}"
    decision = require_proposal(
        await desk.editor.patch(url, json={"name": "Gen. Nobody"}), "speaker"
    )
    require_problem(await desk.editor.patch(url, json={"name": "Gen. X"}), "decision-pending")
    assert (await approve(desk, decision["id"], desk.editor2)).status_code == 200
    assert "Gen. Nobody" in (await desk.read_claim(claim))["print_line"]
    move_answer = await desk.editor.patch("/v1/parties/nato", json={"parent": "washington"})
    proposal = require_proposal(move_answer, "party")
    names = [support["name"] for support in proposal["printed"]["proposed"]["supports"]]
    assert names == ["Washington"]
    second_move = await desk.editor.patch("/v1/parties/nato", json={"parent": "belgrade"})
    assert second_move.status_code == 200, "what makes the line more cautious applies at once"
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    decision_view = (await desk.checker.get(f"/v1/decisions/{proposal['id']}")).json()
    assert decision_view["state"] == "superseded"


async def test_rename_since_the_proposal_voids_it(desk: Desk) -> None:
    """A supporter with another name is not the one that was proposed."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    decision = require_proposal(
        await desk.change_status(claim, "confirmed", cites=[link["id"]]), "status"
    )
    renaming = await desk.editor.patch("/v1/parties/nato", json={"name": "Pope Francis"})
    assert renaming.status_code == 200
    refusal = require_problem(await approve(desk, decision["id"]), "decision-outdated")
    assert [each["field"] for each in refusal["changed"]] == ["supports"]


# What a decision rests on.


async def test_a_confirmation_does_not_cite_the_denial(desk: Desk) -> None:
    """Cites speak for the status, in spite of the guards too; what is missing is said in data."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    support = await desk.link_statement(claim, "supports", "nato")
    comment = await desk.link_statement(claim, "comments", "washington")
    async with nothing_changes(desk):
        for cites, need in (
            ([comment["id"]], "only cited links that speak for confirmed"),
            ([support["id"], comment["id"]], "only cited links that speak for confirmed"),
            ([], "1 cited supporting statement that counts"),
        ):
            refusal = require_problem(
                await desk.change_status(claim, "confirmed", cites=cites), "transition-refused"
            )
            assert refusal["missing"][0]["need"] == need
        denial = await desk.change_status(claim, "disputed", cites=[support["id"]])
        assert require_problem(denial, "transition-refused")["missing"]
        override = {"code": "public-record", "note": "It is in the gazette"}
        bare = await desk.change_status(claim, "disputed", override=override, client=desk.editor)
        needs = [each["need"] for each in require_problem(bare, "transition-refused")["missing"]]
        assert needs == ["1 cited link or a source"]
    own = await desk.change_status(
        claim, "disputed", override=override | {"source": SOURCE}, client=desk.editor
    )
    source = require_proposal(own, "status")["override"]["source"]
    assert (await desk.checker.get(f"/v1/sources/{source}")).json()["url"] == SOURCE["url"]


@pytest.mark.parametrize(
    ("finding", "stances", "needs"),
    [
        ("refuted", (), 1),
        ("refuted", ("hearsay",), 1),
        ("refuted", ("own",), 1),
        ("conflicting", ("contradicts",), 1),
        ("conflicting", (), 2),
        ("unprovable", (), 0),
    ],
)
async def test_a_finding_needs_what_a_confirmation_needs(
    desk: Desk, finding: str, stances: tuple[str, ...], needs: int
) -> None:
    """A contradiction counts that an independent party knows at first hand; conflicting asks for
    support that counts beside it; unprovable for its reason alone."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    for stance in stances:
        basis = "third_party" if stance == "hearsay" else "documents"
        party = "belgrade" if stance == "own" else "pristina"
        await desk.link_statement(claim, "contradicts", party, basis=basis)
    links = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    body = {"finding": finding, "reason": "weighed", "cites": [link["id"] for link in links]}
    answer = await desk.checker.post(f"/v1/claims/{claim}/findings", json=body)
    if not needs:
        require_proposal(answer, "finding")
        return
    assert len(require_problem(answer, "transition-refused")["missing"]) == needs


async def test_confirmed_claim_cannot_be_found_unprovable(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    body = {"finding": "unprovable", "reason": "weighed", "cites": []}
    answer = await desk.checker.post(f"/v1/claims/{claim}/findings", json=body)
    (missing,) = require_problem(answer, "transition-refused")["missing"]
    assert missing["need"] == "a claim that is not confirmed"


# Merges keep every voice.


async def test_merge_turns_the_duplicates_origin_into_a_link(desk: Desk) -> None:
    """The other party's own words become a link that has to be weighed: it counts for nothing, and
    prints nowhere, until somebody affirms it, which takes two people on a confirmed claim."""
    claim = await record_confirmed_claim(desk)
    statement = build_statement("washington", basis="own_observation")
    origin = {"quotes": statement["quotes"], "basis": "own_observation"}
    duplicate = (await desk.record_claim(claimant="washington", speaker=None, origin=origin))["id"]
    before = await read_printed(desk, claim)
    assert (await merge(desk, duplicate, claim)).status_code == 200
    assert await read_printed(desk, claim) == before
    links = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    (kept_link,) = [link for link in links if link["statement"]["party"] == "washington"]
    assert (kept_link["stance"], kept_link["conflicting"]) == ("supports", True)
    assert kept_link["statement"]["basis"] == "own_observation"
    affirmation = await desk.checker.post(f"/v1/links/{kept_link['id']}/affirmation")
    decision = require_proposal(affirmation, "affirmation")
    assert (await approve(desk, decision["id"])).status_code == 200
    assert "by NATO and Washington." in (await desk.read_claim(claim))["print_line"]


# One at a time, and at once.


async def test_one_of_two_concurrent_approvals_of_a_wording_counts(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    decision = require_proposal(
        await patch_claim(desk, claim, text="Other words", material=False), "amendment"
    )
    answers = await asyncio.gather(
        *(
            approve(desk, decision["id"], each)
            for each in (desk.editor, desk.editor2, desk.checker2)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    record = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()["items"]
    assert [each["type"] for each in record].count("claim.amended") == 1


async def test_concurrent_approval_and_change_print_only_what_two_approved(desk: Desk) -> None:
    """A wording that came before the approval voids it, one that came after is a proposal
    itself."""
    await desk.record_parties()
    for _ in range(4):
        claim = (await desk.record_claim())["id"]
        link = await desk.link_statement(claim, "supports", "nato")
        decision = require_proposal(
            await desk.change_status(claim, "confirmed", cites=[link["id"]]), "status"
        )
        approval, rewording = await asyncio.gather(
            approve(desk, decision["id"]),
            patch_claim(desk, claim, desk.checker2, text="Other words", material=False),
        )
        claim_view = await desk.read_claim(claim)
        if claim_view["status"] == "confirmed":
            assert (approval.status_code, rewording.status_code) == (200, 202)
            assert claim_view["text"] != "Other words"
        else:
            assert (approval.status_code, rewording.status_code) == (409, 200)
            require_problem(approval, "decision-outdated")


async def test_approval_with_if_match_is_of_that_version(desk: Desk) -> None:
    """Then nothing at all may have changed, printed or not."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    proposal = await desk.change_status(claim, "confirmed", cites=[link["id"]])
    etag = proposal.headers["etag"]
    await patch_claim(desk, claim, tags=["army"])
    decision = proposal.json()["id"]
    async with nothing_changes(desk):
        stale = await approve(desk, decision, **{"If-Match": etag})
        now = require_problem(stale, "version-conflict")["version"]
    assert (await approve(desk, decision, **{"If-Match": f'"{now}"'})).status_code == 200


async def test_change_that_is_not_printed_voids_no_proposal(desk: Desk) -> None:
    """Tags, an assignee, notes, a comment and another claim's part change no print line."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    decision = require_proposal(
        await desk.change_status(claim, "confirmed", cites=[link["id"]]), "status"
    )
    me = (await desk.checker.get("/v1/me")).json()["id"]
    await patch_claim(desk, claim, tags=["army"], assignee=me)
    await desk.checker.post(f"/v1/claims/{claim}/notes", json={"text": "call KFOR"})
    await desk.link_statement(claim, "comments", "washington")
    await desk.record_claim(part_of=claim)
    await desk.link_statement(claim, "supports", "nato", basis="documents")
    assert (await approve(desk, decision["id"])).status_code == 200


async def test_proposals_of_a_disabled_user_lapse(desk: Desk) -> None:
    """Nobody stands by them any more; the claim's record says why they ended."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    user = (
        await desk.admin.post(
            "/v1/users", json={"email": "cora@example.org", "name": "Cora", "role": "checker"}
        )
    ).json()
    key = await desk.admin.post(
        "/v1/keys", json={"name": "cora", "role": "checker", "user": user["id"]}
    )
    cora = {"Authorization": f"Bearer {key.json()['key']}", "If-Match": "*"}
    proposal = await desk.public.post(
        f"/v1/claims/{claim}/status-changes",
        json={"to": "confirmed", "reason": "NATO saw it", "cites": [link["id"]]},
        headers=cora,
    )
    decision = require_proposal(proposal, "status")
    answer = await desk.admin.patch(f"/v1/users/{user['id']}", json={"disabled": True})
    assert answer.status_code == 200
    decision_view = (await desk.checker.get(f"/v1/decisions/{decision['id']}")).json()
    assert (decision_view["state"], decision_view["comment"]) == ("lapsed", "proposer_disabled")
    require_problem(await approve(desk, decision["id"]), "already-settled")
    last = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()["items"][-1]
    assert (last["type"], last["data"]["reason"]) == ("decision.lapsed", "proposer_disabled")
    second_proposal = require_proposal(
        await desk.change_status(claim, "confirmed", cites=[link["id"]]), "status"
    )
    assert (await approve(desk, second_proposal["id"])).status_code == 200
