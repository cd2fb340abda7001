"""Whose words they are is corrected; whose claim it is stays, and the pages say so."""

from tests.desk.conftest import People, parse_page, read_text, read_words, submit
from tests.support.desk import Desk

NOTE = "The claim is recorded as Belgrade’s. If that is wrong too, correct its claimant."


async def test_claim_that_keeps_another_claimant_is_pointed_out(desk: Desk, people: People) -> None:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "bridge", "title": "The bridge"})
    claim = await desk.record_claim(story="bridge")
    (statement,) = (await desk.reader.get("/v1/statements")).json()["items"]
    page = f"/statements/{statement['id']}"
    assert NOTE not in read_text(await people.checker.get(page))
    assert "Whose claim it is stays" in read_text(await people.checker.get(f"{page}/correction"))
    answer = await submit(
        people.checker,
        f"{page}/correction",
        f"{page}/correction",
        party="nato",
        speaker="",
        role="",
        reason="NATO said it.",
    )
    assert answer.status_code == 303, read_text(answer)
    corrected_page = await people.checker.get(page)
    assert NOTE in read_text(corrected_page)
    links = [link.get("href") for link in parse_page(corrected_page).cssselect(".note a")]
    assert links == [f"/claims/{claim['id']}/correction"]
    assert "correct its claimant" not in read_text(await people.reader.get(page))
    story = parse_page(await people.checker.get("/stories/bridge"))
    lines = [read_words(line) for line in story.cssselect("main li")]
    assert any("A statement was corrected" in line for line in lines), lines
    assert not any("nobody named" in line for line in lines), lines
    answer = await submit(
        people.checker, links[0], links[0], claimant="nato", speaker="", role="", reason="It too."
    )
    assert answer.status_code == 303, read_text(answer)
    assert "is recorded as" not in read_text(await people.checker.get(page))
