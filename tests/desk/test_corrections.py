"""What was recorded wrongly is corrected by forms that hold what is recorded."""

from typing import Any

import pytest

from tests.desk.conftest import (
    People,
    find_form,
    parse_page,
    read_fields,
    read_text,
    send_form,
    submit,
)
from tests.support.desk import Desk

WHY = "Read in the wrong line"


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    return str((await desk.record_claim())["id"])


async def read_origin(desk: Desk, claim: str) -> dict[str, Any]:
    """The statement from which the claim comes."""
    answer = await desk.checker.get("/v1/statements")
    statement: dict[str, Any] = answer.json()["items"][-1]
    return statement


async def list_links(people: People, page: str, *, who: str = "checker") -> list[str]:
    response = await getattr(people, who).get(page)
    assert response.status_code == 200, response.text[:300]
    return [link.get("href") for link in parse_page(response).cssselect("main a[href]")]


async def test_every_field_of_a_claim_is_corrected(desk: Desk, people: People, claim: str) -> None:
    """From its page; only what was changed is recorded, and readers are offered no form."""
    page, address = f"/claims/{claim}", f"/claims/{claim}/correction"
    assert address in await list_links(people, page)
    assert address not in await list_links(people, page, who="reader")
    await desk.post("/v1/stories", {"slug": "ports", "title": "Ports"})
    whole = (await desk.record_claim(text="all of it"))["id"]
    other = await desk.link_statement(whole, "comments", "nato")
    answer = await submit(
        people.checker,
        address,
        address,
        kind="figure",
        claimant="nato",
        speaker="Jens Stoltenberg",
        role="Secretary General",
        claimed_on="",
        claimed_hour="",
        claimed_in="August 2020",
        story="ports",
        part_of=f"https://desk.example/claims/{whole}?done=recorded",
        origin_statement=other["statement"]["id"],
        figure_low="12",
        figure_high="17",
        figure_unit="dead",
        reason=WHY,
    )
    assert answer.status_code == 303, read_text(answer)
    assert answer.headers["location"] == f"{page}?done=corrected"
    assert "stays readable" in read_text(await people.checker.get(answer.headers["location"]))
    right = await desk.read_claim(claim)
    assert right["claimant"]["party"] == "nato"
    assert right["claimant"]["speaker"]["name"] == "Jens Stoltenberg"
    assert (right["claimed_at"][:10], right["precision"]) == ("2020-08-01", "month")
    assert (right["kind"], right["story"], right["part_of"]) == ("figure", "ports", whole)
    assert right["figure"]["low"] == 12
    before = len((await desk.checker.get(f"/v1{address}s")).json()["items"][-1]["before"])
    back = await submit(people.checker, address, address, part_of="", figure_low="", reason=WHY)
    assert back.status_code == 422
    assert "low and high" in read_text(back)
    back = await submit(people.checker, address, address, part_of="", story="", reason=WHY)
    assert back.status_code == 303
    items = (await desk.checker.get(f"/v1{address}s")).json()["items"]
    assert before > len(items[-1]["before"]) == 2
    assert items[-1]["after"] == {"part_of": None, "story": None}


async def test_every_field_of_a_statement_is_corrected(
    desk: Desk, people: People, claim: str
) -> None:
    """By whom, when, on what basis, and each part of its quote; its claims are named beforehand."""
    statement = (await desk.link_statement(claim, "supports", "nato"))["statement"]
    page, address = f"/statements/{statement['id']}", f"/statements/{statement['id']}/correction"
    assert address in await list_links(people, page)
    assert address in await list_links(people, f"/claims/{claim}")
    assert f"/claims/{claim}" in await list_links(people, address)
    answer = await submit(
        people.checker,
        address,
        address,
        party="",
        new_party="The Observatory",
        speaker="Ada Ng",
        role="its head",
        said_on="2023-10-01",
        said_hour="18:05",
        basis="documents",
        reason=WHY,
        material="yes",
        **{
            "text-0": "They left.\nAll of them.",
            "language-0": "fr",
            "rendering-0": "paraphrase",
            "url-0": "https://example.org/another",
            "publisher-0": "Another",
            "exact-0": "They left.",
            "prefix-0": "said: ",
        },
    )
    assert answer.status_code == 303, read_text(answer)
    assert answer.headers["location"] == f"{page}?done=corrected"
    right = (await desk.checker.get(f"/v1{page}")).json()
    assert (right["party_name"], right["speaker"]["name"]) == ("The Observatory", "Ada Ng")
    assert (right["said_at"], right["precision"]) == ("2023-10-01T18:05:00Z", "minute")
    assert right["basis"] == "documents"
    [quote] = right["quotes"]
    assert (quote["text"], quote["language"]) == ("They left.\nAll of them.", "fr")
    assert quote["rendering"] == "paraphrase"
    assert quote["source"]["publisher"] == "Another"
    assert quote["selector"] == {"exact": "They left.", "prefix": "said: ", "suffix": ""}
    [link] = (await desk.checker.get(f"/v1/claims/{claim}/links")).json()["items"]
    assert not link["affirmed"]


async def test_source_that_is_not_named_keeps_why_from_checkers(
    desk: Desk, people: People, claim: str
) -> None:
    """A checker describes it otherwise and does not lose why; an editor sees it."""
    statement = (await desk.link_statement(claim, "comments", "nato"))["statement"]
    address = f"/statements/{statement['id']}/correction"
    answer = await submit(
        people.checker,
        address,
        address,
        description="a senior official",
        withheld="He fears for his post",
        reason=WHY,
    )
    assert answer.status_code == 303, read_text(answer)
    correction_form = await people.checker.get(address)
    assert "fears" not in correction_form.text
    answer = await send_form(
        people.checker, correction_form, address, description="a retired official", reason=WHY
    )
    assert answer.status_code == 303, read_text(answer)
    assert "He fears for his post" in (await people.editor.get(address)).text
    right = (await desk.checker.get(f"/v1/statements/{statement['id']}")).json()
    assert (right["attribution"], right["description"]) == ("unnamed", "a retired official")
    answer = await submit(people.checker, address, address, description="", reason=WHY)
    assert answer.status_code == 303, read_text(answer)
    right = (await desk.checker.get(f"/v1/statements/{statement['id']}")).json()
    assert right["attribution"] == "named"


async def test_every_field_of_a_source_is_corrected(desk: Desk, people: People, claim: str) -> None:
    """From the source's page, which the statement's page leads to."""
    statement = await read_origin(desk, claim)
    source = statement["quotes"][0]["source"]["id"]
    page, address = f"/sources/{source}", f"/sources/{source}/correction"
    assert page in await list_links(people, f"/statements/{statement['id']}", who="reader")
    assert address in await list_links(people, page)
    assert address not in await list_links(people, page, who="reader")
    fields = {
        "url": "https://example.org/right",
        "publisher": "Right News",
        "title": "Right headline",
        "language": "sr",
        "archive_url": "https://archive.example/right",
    }
    answer = await submit(
        people.checker, address, address, published_on="2023-10-01", reason=WHY, **fields
    )
    assert answer.headers["location"] == f"{page}?done=corrected"
    right = (await desk.checker.get(f"/v1{page}")).json()
    assert {name: right[name] for name in fields} == fields
    assert right["published_at"] == "2023-10-01T00:00:00Z"
    source_page = read_text(await people.reader.get(page))
    assert "Corrected, see why" in source_page
    assert WHY in source_page
    second_answer = await submit(people.checker, address, address, reason=WHY)
    assert second_answer.status_code == 422
    assert "recorded already" in read_text(second_answer)


async def test_refused_correction_keeps_what_was_typed_and_says_all_that_is_wrong(
    desk: Desk, people: People, claim: str
) -> None:
    """Every fault stands at its field; nothing is recorded."""
    statement = await read_origin(desk, claim)
    address = f"/statements/{statement['id']}/correction"
    refusal = await submit(
        people.checker,
        address,
        address,
        said_on="",
        said_hour="18:05",
        role="of nobody",
        speaker="",
        reason="",
        material="yes",
        **{"text-0": "", "url-0": "nowhere", "language-0": "Klingon!"},
    )
    assert refusal.status_code == 422
    page = parse_page(refusal)
    faulty_fields = {link.get("href")[1:] for link in page.cssselect("#faults a")}
    assert faulty_fields == {"said_on", "speaker", "reason", "text-0", "url-0", "language-0"}
    assert all(page.cssselect(f"#fault-{name}") for name in faulty_fields)
    fields = read_fields(find_form(page, address))
    assert (fields["said_hour"], fields["role"]) == ("18:05", "of nobody")
    assert (fields["url-0"], fields["material"]) == ("nowhere", "yes")
    address = f"/claims/{claim}/correction"
    refusal = await submit(
        people.checker, address, address, part_of="nothing", claimed_on="", figure_value="many"
    )
    faulty_fields = {link.get("href")[1:] for link in parse_page(refusal).cssselect("#faults a")}
    assert faulty_fields == {"part_of", "claimed_on", "figure_value", "reason"}


async def test_correction_meanwhile_is_kept_and_shown(
    desk: Desk, people: People, claim: str
) -> None:
    """Whoever was slower sees what is recorded now beside what they typed; what they did not touch
    is as the other left it, and stays so when they send the form again."""
    statement = await read_origin(desk, claim)
    address = f"/statements/{statement['id']}/correction"
    page = await people.checker.get(address)
    path = f"/v1{address}s"
    await desk.post(path, {"basis": "documents", "reason": "They showed the order"})
    late = await send_form(people.checker, page, address, said_on="2023-09-30", reason=WHY)
    assert late.status_code == 412
    assert "while you were at it" in read_text(late)
    fields = read_fields(find_form(parse_page(late), address))
    assert (fields["basis"], fields["said_on"], fields["reason"]) == (
        "documents",
        "2023-09-30",
        WHY,
    )
    answer = await send_form(people.checker, late, address)
    assert answer.status_code == 303, read_text(answer)
    [_, second] = (await desk.checker.get(path)).json()["items"]
    assert set(second["after"]) <= {"said_at", "precision"}
    source = statement["quotes"][0]["source"]["id"]
    address = f"/sources/{source}/correction"
    page = await people.checker.get(address)
    await desk.post(f"/v1{address}s", {"title": "Right", "reason": WHY})
    late = await send_form(people.checker, page, address, publisher="Mine", reason=WHY)
    assert late.status_code == 412
    assert (await send_form(people.checker, late, address)).status_code == 303
    right = (await desk.checker.get(f"/v1/sources/{source}")).json()
    assert (right["title"], right["publisher"]) == ("Right", "Mine")
    address = f"/claims/{claim}/correction"
    page = await people.checker.get(address)
    await desk.post(f"/v1{address}s", {"kind": "position", "reason": WHY})
    late = await send_form(people.checker, page, address, claimant="nato", reason=WHY)
    assert late.status_code == 412
    assert "changed this claim" in read_text(late)
    assert (await send_form(people.checker, late, address)).status_code == 303
    assert (await desk.read_claim(claim))["kind"] == "position"


async def test_form_says_beforehand_what_may_follow(desk: Desk, people: People, claim: str) -> None:
    """That a confirmation may end is said before it does."""
    link = await desk.confirm_claim(claim)
    assert "may take its confirmation away" in read_text(
        await people.checker.get(f"/claims/{claim}/correction")
    )
    [link_view] = (await desk.checker.get(f"/v1/claims/{claim}/links")).json()["items"]
    assert link == link_view["id"]
    address = f"/statements/{link_view['statement']['id']}/correction"
    assert "may take its confirmation away" in read_text(await people.checker.get(address))
    answer = await submit(people.checker, address, address, party="belgrade", reason=WHY)
    assert answer.status_code == 303, read_text(answer)
    assert (await desk.read_claim(claim))["status"] != "confirmed"
