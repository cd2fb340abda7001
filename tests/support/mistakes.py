"""Mistakes at a desk and their ways back: what webhooks tell of besides a usual day."""

from tests.support.desk import Desk

WHY = {"reason": "so it seemed"}
ANY_VERSION = {"If-Match": "*"}


async def make_and_mend_mistakes(desk: Desk) -> None:
    """A claim is used, held, corrected with its statement, void and back, merged and separated."""
    claim = (await desk.record_claim(text="Two battalions went home"))["id"]
    link = await desk.link_statement(claim, "comments", "nato")
    await desk.post(f"/v1/claims/{claim}/uses", {"where": "Page one"})
    hold = f"/v1/claims/{claim}/hold"
    hold_answer = await desk.checker.put(hold, json={**WHY, "until": None}, headers=ANY_VERSION)
    assert hold_answer.status_code == 200, hold_answer.text
    release_answer = await desk.checker.delete(hold, headers=ANY_VERSION)
    assert release_answer.status_code == 200, release_answer.text
    await desk.post(f"/v1/claims/{claim}/corrections", {**WHY, "kind": "attribution"})
    statement = f"/v1/statements/{link['statement']['id']}/corrections"
    await desk.post(statement, {**WHY, "basis": "documents"})
    for act in ("void", "restoration"):
        await desk.post(f"/v1/claims/{claim}/{act}", WHY, status=200)
    other = (await desk.record_claim(text="Two battalions are at home"))["id"]
    merge_answer = await desk.checker.post(
        f"/v1/claims/{claim}/merge", json={"into": other}, headers=ANY_VERSION
    )
    assert merge_answer.status_code == 200, merge_answer.text
    await desk.post(f"/v1/claims/{claim}/separation", WHY, status=200)
