"""A form's field for another claim, or a statement, finds it by its words, without a script."""

from typing import Any

import httpx
import pytest

from tests.desk.conftest import (
    People,
    find_form,
    parse_page,
    read_fields,
    read_words,
    send_form,
    submit,
)
from tests.support.desk import Desk

WHY = "Read in the wrong line"
ARABIC = "قال المتحدث باسم الوزارة إن القوات عادت إلى قواعدها"


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border in autumn"})
    return str((await desk.record_claim(story="border"))["id"])


def read_picker(page: httpx.Response, name: str) -> dict[str, str]:
    """Read what a picker offers: by id, all that it says of it; the chosen one under `chosen`."""
    (picker,) = parse_page(page).cssselect(f"#{name}")
    texts_by_id = {}
    for item in picker.cssselect("li"):
        (radio,) = item.cssselect("input[type=radio]")
        texts_by_id[radio.get("value")] = read_words(item)
        if radio.get("checked") is not None:
            texts_by_id["chosen"] = radio.get("value")
    return texts_by_id


async def test_other_claim_is_found_by_its_words_and_chosen(
    desk: Desk, people: People, claim: str
) -> None:
    """Each candidate shows its text, status, claimant and story; what else was typed stays."""
    whole = await desk.record_claim(
        text=ARABIC, story="border", claimant="nato", speaker={"name": "Jens"}
    )
    address = f"/claims/{claim}/correction"
    before = (await desk.read_claim(claim))["version"]
    result = await submit(
        people.checker,
        address,
        address,
        find="part_of",
        part_of_words="المتحدث باسم",
        role="its head",
        reason=WHY,
    )
    assert result.status_code == 200
    offer = read_picker(result, "part_of")
    assert offer["chosen"] == ""
    for part in (ARABIC, "Asserted", "NATO · Jens", "The border in autumn"):
        assert part in offer[whole["id"]], part
    assert claim not in offer, "a claim is no part of itself"
    fields = find_form(parse_page(result), address).fields
    assert (fields["role"], fields["reason"]) == ("its head", WHY)
    assert (await desk.read_claim(claim))["version"] == before, "a search records nothing"
    answer = await send_form(people.checker, result, address, part_of=whole["id"])
    assert answer.status_code == 303, read_words(parse_page(answer).cssselect("main")[0])
    right = await desk.read_claim(claim)
    assert right["part_of"] == whole["id"]
    assert right["claimant"]["speaker"]["role"] == "its head"
    # It holds what is recorded, and may be emptied.
    page_again = await people.checker.get(address)
    assert read_picker(page_again, "part_of")["chosen"] == whole["id"]
    second_answer = await send_form(people.checker, page_again, address, part_of="", reason=WHY)
    assert second_answer.status_code == 303
    assert (await desk.read_claim(claim))["part_of"] is None


async def test_words_that_nobody_searched_for_yet_are_searched_for(
    desk: Desk, people: People, claim: str
) -> None:
    """Whoever types words and sends the form without choosing has not corrected anything."""
    whole = await desk.record_claim(text="All of the troops are back")
    address = f"/claims/{claim}/correction"
    first = await submit(
        people.checker, address, address, part_of_words="of the tro", role="x", reason=WHY
    )
    assert first.status_code == 200
    assert whole["id"] in read_picker(first, "part_of")
    assert not (await desk.checker.get(f"/v1{address}s")).json()["items"]
    second = await send_form(people.checker, first, address)
    assert second.status_code == 303, "the words are still there, and were searched for"
    [correction] = (await desk.checker.get(f"/v1{address}s")).json()["items"]
    assert "part_of" not in correction["after"]


async def test_search_without_words_offers_what_is_likely(
    desk: Desk, people: People, claim: str
) -> None:
    """Claims of the story, those of the claimant first; what the claimant said elsewhere."""
    earlier = await desk.record_claim(text="Twelve were there", story="border")
    elsewhere = await desk.record_claim(text="Twelve were elsewhere")
    link = await desk.link_statement(elsewhere["id"], "comments", "belgrade")
    nato = await desk.link_statement(elsewhere["id"], "comments", "nato")
    address = f"/claims/{claim}/correction"
    result = await submit(people.checker, address, address, find="supersedes")
    offer = read_picker(result, "supersedes")
    assert earlier["id"] in offer
    assert elsewhere["id"] not in offer
    result = await send_form(people.checker, result, address, find="origin_statement")
    offer = read_picker(result, "origin_statement")
    assert link["statement"]["id"] in offer
    assert nato["statement"]["id"] not in offer
    answer = await send_form(
        people.checker,
        result,
        address,
        supersedes=earlier["id"],
        origin_statement=link["statement"]["id"],
        reason=WHY,
    )
    assert answer.status_code == 303, read_words(parse_page(answer).cssselect("main")[0])
    assert (await desk.read_claim(claim))["supersedes"] == earlier["id"]


async def test_what_cannot_be_chosen_changes_nothing(
    desk: Desk, people: People, claim: str
) -> None:
    """Words that find nothing, that nobody can search for, and an id that there is not."""
    address = f"/claims/{claim}/correction"
    for words in ("zzzyx", '"', "-", "x" * 2000, "http://desk.example/claims/none"):
        result = await submit(
            people.checker, address, address, find="part_of", part_of_words=words, reason=WHY
        )
        assert result.status_code == 200, words
        assert "No claim has these words" in read_words(parse_page(result).cssselect("#part_of")[0])
    other = "01900000-0000-7000-8000-000000000000"
    answer = await submit(people.checker, address, address, part_of=other, reason=WHY)
    assert answer.status_code in (404, 422)
    assert read_picker(answer, "part_of")["chosen"] == ""
    assert not (await desk.checker.get(f"/v1{address}s")).json()["items"]


async def test_recorded_claim_stays_chosen_when_it_is_void(
    desk: Desk, people: People, claim: str
) -> None:
    whole = (await desk.record_claim(text="All of it"))["id"]
    correction = {"part_of": whole, "reason": WHY}
    answer = await desk.checker.post(
        f"/v1/claims/{claim}/corrections", json=correction, headers={"If-Match": "*"}
    )
    assert answer.is_success
    void_answer = await desk.checker.post(
        f"/v1/claims/{whole}/void", json={"reason": "a slip"}, headers={"If-Match": "*"}
    )
    assert void_answer.is_success, void_answer.text
    page = await people.checker.get(f"/claims/{claim}/correction")
    offer = read_picker(page, "part_of")
    assert offer["chosen"] == whole
    assert "void" in offer[whole]


async def test_claim_that_changed_between_search_and_sending_is_said(
    desk: Desk, people: People, claim: str
) -> None:
    address = f"/claims/{claim}/correction"
    form_page = await people.checker.get(address)
    change_answer = await desk.checker.patch(
        f"/v1/claims/{claim}", json={"tags": ["x"]}, headers={"If-Match": "*"}
    )
    assert change_answer.is_success
    result = await send_form(people.checker, form_page, address, find="part_of", reason=WHY)
    assert result.status_code == 200
    stale = await send_form(people.checker, result, address, role="its head")
    assert stale.status_code == 412
    assert "changed this claim" in read_words(parse_page(stale))


async def test_duplicate_is_merged_into_a_claim_that_was_found(
    desk: Desk, people: People, claim: str
) -> None:
    other = await desk.record_claim(text="A bridge was closed", claimant="nato", speaker=None)
    address = f"/claims/{claim}/merge"
    result = await submit(people.checker, address, address, into_words="bridge clo")
    assert result.status_code == 200
    assert other["id"] in read_picker(result, "into")
    answer = await send_form(people.checker, result, address, into=other["id"])
    assert answer.headers["location"] == f"/claims/{other['id']}?done=merged&undo={claim}"


async def test_recorded_words_are_found_and_linked(desk: Desk, people: People, claim: str) -> None:
    """The search is an address, and so is what it leads to."""
    other = await desk.record_claim(text="A bridge was closed")
    link = await desk.link_statement(other["id"], "supports", "nato")
    statement = link["statement"]
    address = f"/claims/{claim}/link"
    page = await people.checker.get(address)
    [form] = [
        form
        for form in parse_page(page).forms
        if form.method == "GET" and form.get("action") == address
    ]
    fields: dict[str, Any] = read_fields(form)
    words = " ".join(statement["quotes"][0]["text"].split()[:3])
    result = await people.checker.get(address, params=fields | {"statement_words": words})
    assert statement["id"] in read_picker(result, "statement")
    link_form = await people.checker.get(
        address,
        params={"statement_words": words, "statement_sought": words, "statement": statement["id"]},
    )
    answer = await send_form(people.checker, link_form, address, stance="supports")
    assert answer.status_code == 303, read_words(parse_page(answer).cssselect("main")[0])
    links = (await desk.checker.get(f"/v1/claims/{claim}/links")).json()["items"]
    assert [item["statement"]["id"] for item in links] == [statement["id"]]


async def test_candidates_are_listed_for_scripts(desk: Desk, people: People, claim: str) -> None:
    other = await desk.record_claim(text="A bridge was closed")
    query = {"name": "part_of", "kind": "claim", "about": claim, "q": "bri"}
    result = await people.checker.get("/candidates", params=query)
    assert result.status_code == 200
    radios = parse_page(result).cssselect("input[type=radio][name=part_of]")
    assert [radio.get("value") for radio in radios] == [other["id"]]
    for fault in ({"kind": "party"}, {"name": '"><b>'}, {"q": "x" * 501}):
        answer = await people.checker.get("/candidates", params=query | fault)
        assert answer.status_code == 422, fault
    nowhere = {
        "kind": "statement",
        "about": "01900000-0000-7000-8000-000000000000",
        "q": "",
    }
    assert (await people.checker.get("/candidates", params=query | nowhere)).status_code == 404
    assert (await people.reader.get("/candidates", params=query)).status_code == 403
