"""Pages say what was recorded wrongly, what is right, and why."""

from typing import Any

import pytest

from tests.desk.conftest import People, parse_page
from tests.support.desk import Desk

WHY = "The transcript names somebody else"


@pytest.fixture
async def claim(desk: Desk) -> dict[str, Any]:
    await desk.record_parties()
    return await desk.record_claim()


async def read_origin(desk: Desk) -> dict[str, Any]:
    """Read the statement that the claim was taken from."""
    statements = (await desk.checker.get("/v1/statements")).json()["items"]
    return dict(statements[-1])


async def read_correction(people: People, page: str, *, who: str = "reader") -> str:
    """Read what a page says of corrections."""
    response = await getattr(people, who).get(page)
    assert response.status_code == 200
    return " ".join(
        " ".join(part.text_content().split())
        for part in parse_page(response).cssselect("details.corrected")
    )


async def test_statement_says_what_was_corrected(
    desk: Desk, people: People, claim: dict[str, Any]
) -> None:
    """On its own page and beside its words on the claim, as names and words, not ids."""
    origin = await read_origin(desk)
    await desk.post(
        f"/v1/statements/{origin['id']}/corrections",
        {
            "party": "washington",
            "speaker": {"name": "Matthew Miller", "role": "spokesman"},
            "said_at": "2023-10-01T00:00:00Z",
            "precision": "day",
            "basis": "documents",
            "quotes": [
                {
                    "id": origin["quotes"][0]["id"],
                    "text": "Troops are back to normal.",
                    "source": {"url": "https://example.org/x", "publisher": "Elsewhere"},
                }
            ],
            "reason": WHY,
        },
    )
    claim_text = await read_correction(people, f"/claims/{claim['id']}")
    statement_text = await read_correction(people, f"/statements/{origin['id']}", who="checker")
    for text in (claim_text, statement_text):
        assert "Corrected, see why" in text
        assert WHY in text
        assert "checker, 2 Oct 2023" in text
        assert "Party is now: Washington was: Belgrade" in text
        assert "Speaker is now: Matthew Miller, spokesman was: " in text
        assert "Said on is now: 1 October 2023 was: 2 October 2023" in text
        words = origin["quotes"][0]["text"]
        assert f"Words is now: Troops are back to normal. was: {words}" in text
        assert "Source is now: Elsewhere was: " in text
        assert "Language" not in text  # it was not changed
        assert origin["quotes"][0]["source"]["id"] not in text


async def test_claim_and_source_say_what_was_corrected(
    desk: Desk, people: People, claim: dict[str, Any]
) -> None:
    """Each beside what it concerns; an answer as of before says none of it."""
    page = f"/claims/{claim['id']}"
    correction = {
        "kind": "position",
        "claimant": "washington",
        "speaker": None,
        "claimed_at": "2023-10-01T00:00:00Z",
        "precision": "month",
        "reason": WHY,
    }
    answer = await desk.checker.post(
        f"/v1{page}/corrections", json=correction, headers={"If-Match": "*"}
    )
    assert answer.status_code == 201
    source = (await read_origin(desk))["quotes"][0]["source"]
    await desk.post(
        f"/v1/sources/{source['id']}/corrections",
        {"publisher": "The right outlet", "reason": "Read from the wrong masthead"},
    )
    text = await read_correction(people, page)
    assert "Kind is now: position was: event" in text
    assert "Claimant is now: Washington was: Belgrade, " in text
    assert "Claimed on is now: October 2023 was: 2 October 2023" in text
    assert "Outlet is now: The right outlet was: " in text
    assert "Read from the wrong masthead" in text
    before = await people.reader.get(page, params={"as_of": claim["created_at"]})
    assert "see why" not in before.text


async def test_other_claim_is_named_by_its_text_whatever_became_of_it(
    desk: Desk, people: People, claim: dict[str, Any]
) -> None:
    """The claim that it is part of, that it supersedes, and the words that it was taken from."""
    page = f"/claims/{claim['id']}"
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    whole = await desk.record_claim(text="All of it is so")
    link = await desk.link_statement(whole["id"], "comments", "nato")
    earlier = await desk.record_claim(text="Twelve were there", story="border")
    correction = {
        "story": "border",
        "part_of": whole["id"],
        "supersedes": earlier["id"],
        "origin_statement": link["statement"]["id"],
        "reason": WHY,
    }
    corrected = await desk.checker.post(
        f"/v1{page}/corrections", json=correction, headers={"If-Match": "*"}
    )
    assert corrected.status_code == 201
    words = link["statement"]["quotes"][0]["text"]
    text = await read_correction(people, page)
    assert "Part of is now: All of it is so was: nothing" in text
    assert "Supersedes is now: Twelve were there was: nothing" in text
    assert f"Taken from is now: NATO: {words} was: " in text

    async def list_pages(who: str) -> set[str]:
        page_response = await getattr(people, who).get(page)
        parts = parse_page(page_response).cssselect("details.corrected dd a")
        return {part.get("href").rpartition("/")[0] for part in parts}

    assert await list_pages("reader") == {"/claims", "/statements"}
    other = await desk.record_claim(text="Another whole")
    for address, body in (
        (f"/v1/claims/{whole['id']}/merge", {"into": other["id"]}),
        (f"/v1/claims/{earlier['id']}/void", {"reason": "a slip"}),
    ):
        answer = await desk.checker.post(address, json=body, headers={"If-Match": "*"})
        assert answer.is_success, answer.text
    text = await read_correction(people, page)
    assert "All of it is so (merged into another since)" in text
    assert "Twelve were there (void: recorded by mistake)" in text
