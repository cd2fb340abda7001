"""The journey that the issue must show: from a claim to its confirmation, and back in time."""

from itertools import pairwise

from tests.support.desk import Desk


async def test_claim_is_confirmed_by_two_people_and_every_instant_is_kept(desk: Desk) -> None:
    """A request moves the claim by itself; confirmation is refused with what is missing, then
    proposed, refused to its own proposer, approved by another; every instant between is kept."""
    await desk.record_parties()
    claim = await desk.record_claim()
    claim_id = claim["id"]
    assert claim["status"] == "asserted"
    asserted_at = desk.clock.now

    link = await desk.link_statement(
        claim_id, "requests_confirmation", "state-department", conditional=True, basis="unstated"
    )
    assert link["statement"]["root"] == "washington"
    awaiting = await desk.read_claim(claim_id)
    assert awaiting["status"] == "awaiting_confirmation"
    assert awaiting["evidence"]["requests_confirmation"] == ["washington"]
    assert awaiting["print_line"] == (
        "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). Washington has asked for "
        "confirmation. No independent party has confirmed it."
    )
    awaiting_at = desk.clock.now
    changes = (await desk.reader.get(f"/v1/claims/{claim_id}/status-changes")).json()["items"]
    assert [(c["sequence"], c["cause"], c["cites"]) for c in changes] == [
        (1, "request", [link["id"]])
    ]

    refusal = await desk.change_status(claim_id, "confirmed")
    assert refusal.status_code == 409
    assert refusal.headers["content-type"] == "application/problem+json"
    problem = refusal.json()
    assert problem["type"] == "/problems/transition-refused"
    assert problem["missing"][0]["has"] == 0
    assert "a party other than Belgrade" in problem["missing"][0]["need"]

    support = await desk.link_statement(claim_id, "supports", "nato")
    proposal = await desk.change_status(claim_id, "confirmed", cites=[support["id"]])
    assert proposal.status_code == 202
    decision = proposal.json()
    assert decision["state"] == "pending"
    assert (await desk.read_claim(claim_id))["status"] == "awaiting_confirmation"
    own = await desk.checker.post(f"/v1/decisions/{decision['id']}/approval", json={})
    assert own.status_code == 403
    assert own.json()["type"] == "/problems/second-person-needed"
    approval = await desk.checker2.post(
        f"/v1/decisions/{decision['id']}/approval", json={"note": "seen"}
    )
    assert approval.status_code == 200
    assert approval.json()["state"] == "approved"
    claim_view = await desk.read_claim(claim_id)
    assert (claim_view["status"], claim_view["agrees"]) == ("confirmed", True)

    history = (await desk.reader.get(f"/v1/claims/{claim_id}/history")).json()["items"]
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    for before, after in pairwise(history):
        assert after["previous_hash"] == before["hash"]
    for instant, status in (
        (asserted_at, "asserted"),
        (awaiting_at, "awaiting_confirmation"),
        (desk.clock.now, "confirmed"),
    ):
        earlier_view = await desk.read_claim(claim_id, as_of=instant.isoformat())
        assert earlier_view["status"] == status
