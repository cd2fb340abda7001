"""A way back beside whatever ends something: forms without JavaScript, for those who may."""

import httpx
import pytest

from tests.desk.conftest import People, parse_page, read_text, send_form, submit
from tests.support.desk import Desk

WHY = "Recorded from a parody account"


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    return str((await desk.record_claim())["id"])


async def list_links(people: People, page: str, *, who: str = "checker") -> list[str]:
    """The addresses to which a page leads."""
    response = await getattr(people, who).get(page)
    assert response.status_code == 200, response.text[:300]
    return [link.get("href") for link in parse_page(response).cssselect("main a[href]")]


async def read_way_back(people: People, answer: httpx.Response, *, who: str = "checker") -> str:
    """Where the message leads that says what was done; readers are offered no way back."""
    page = answer.headers["location"]
    assert not parse_page(await people.reader.get(page)).cssselect(".done a")
    [link] = parse_page(await getattr(people, who).get(page)).cssselect(".done a")
    return str(link.get("href"))


async def test_claim_is_voided_and_restored(people: People, claim: str) -> None:
    """From its page and back; the form that lacks a reason is shown again; readers see that it is
    void, and no way back."""
    page, address = f"/claims/{claim}", f"/claims/{claim}/void"
    assert address in await list_links(people, page)
    assert address not in await list_links(people, page, who="reader")
    refusal = await submit(people.checker, address, address, reason="")
    assert refusal.status_code == 422
    answer = await send_form(people.checker, refusal, address, reason=WHY)
    assert answer.headers["location"] == f"{page}?done=voided"
    assert await read_way_back(people, answer) == f"{page}/restoration"
    assert "do not use it" in read_text(await people.reader.get(page))
    assert f"{page}/restoration" not in await list_links(people, page, who="reader")
    links = await list_links(people, page)
    assert f"{page}/restoration" in links
    assert f"{page}/link" not in links
    assert WHY in read_text(await people.checker.get(page))
    assert claim not in (await people.checker.get("/")).text
    assert claim in (await people.checker.get("/", params={"lifecycle": "void"})).text
    back = await submit(
        people.checker, f"{page}/restoration", f"{page}/restoration", reason="It was theirs"
    )
    assert back.headers["location"] == f"{page}?done=restored"
    assert "do not use it" not in read_text(await people.reader.get(page))
    second_restoration = await submit(
        people.checker, f"{page}/restoration", f"{page}/restoration", reason="Once more"
    )
    assert second_restoration.status_code == 409
    assert "not void" in read_text(second_restoration)


async def test_restoration_of_a_confirmed_claim_waits_on_its_page(
    desk: Desk, people: People, claim: str
) -> None:
    """The proposal stands on the page of the void claim, where somebody else approves it."""
    await desk.confirm_claim(claim)
    page = f"/claims/{claim}"
    await submit(people.checker, f"{page}/void", f"{page}/void", reason=WHY)
    proposal = await submit(
        people.checker, f"{page}/restoration", f"{page}/restoration", reason="It was theirs"
    )
    assert proposal.headers["location"] == f"{page}?done=proposed#pending"
    assert claim in (await people.editor.get("/review")).text
    claim_page = await people.editor.get(page)
    [form] = [
        form
        for form in parse_page(claim_page).forms
        if (form.get("action") or "").endswith("/approval")
    ]
    approval = await send_form(people.editor, claim_page, form.get("action"))
    assert approval.status_code == 303
    assert (await desk.read_claim(claim))["lifecycle"] == "active"


async def test_version_that_the_page_showed_is_the_one_that_is_voided(
    desk: Desk, people: People, claim: str
) -> None:
    """Whoever changed the claim meanwhile is shown; nothing is lost of what was typed."""
    address = f"/claims/{claim}/void"
    page = await people.checker.get(address)
    await desk.link_statement(claim, "supports", "nato")
    late = await send_form(people.checker, page, address, reason=WHY)
    assert late.status_code == 412
    assert "changed this claim" in read_text(late)
    assert WHY in late.text


async def test_withdrawal_and_merge_of_a_claim_are_taken_back(
    desk: Desk, people: People, claim: str
) -> None:
    """The way back from each is on the page that it leads to."""
    page = f"/claims/{claim}"
    reversal = await submit(
        people.checker, f"{page}/withdraw", f"{page}/withdraw", reason="They took it back"
    )
    assert await read_way_back(people, reversal) == f"{page}/reinstatement"
    assert f"{page}/reinstatement" in await list_links(people, page)
    answer = await submit(
        people.checker, f"{page}/reinstatement", f"{page}/reinstatement", reason="They did not"
    )
    assert answer.headers["location"] == f"{page}?done=reinstated"
    other = (await desk.record_claim(text="another matter"))["id"]
    reversal = await submit(
        people.checker, f"{page}/merge", f"{page}/merge", into=f"/claims/{other}"
    )
    address = f"{page}/separation"
    assert await read_way_back(people, reversal) == address
    assert address in await list_links(people, f"/claims/{other}")
    assert address not in await list_links(people, f"/claims/{other}", who="reader")
    separation = await submit(people.checker, address, address, reason="They speak of two days")
    assert separation.headers["location"] == f"{page}?done=separated"
    assert (await people.reader.get(page)).status_code == 200


async def test_link_and_statement_are_voided_and_restored(
    desk: Desk, people: People, claim: str
) -> None:
    """Beside “retract” and “took it back”; what is void is struck through, and says why."""
    link = await desk.link_statement(claim, "comments", "nato")
    page = f"/claims/{claim}"
    for way, outcome, back in (
        ("void", "link-voided", "restoration"),
        ("retraction", "retracted", "restoration"),
    ):
        address = f"/links/{link['id']}/{way}"
        form = f"/links/{link['id']}/retract" if way == "retraction" else address
        place = page if way == "retraction" else f"/links/{link['id']}/retract"
        assert form in await list_links(people, place)
        answer = await submit(people.checker, form, address, reason=WHY)
        assert answer.headers["location"] == f"{page}?done={outcome}&undo={link['id']}"
        assert await read_way_back(people, answer) == f"/links/{link['id']}/{back}"
        card = parse_page(await people.reader.get(page)).get_element_by_id(f"l-{link['id']}")
        assert card.cssselect("s")
        assert WHY in card.text_content()
        address = f"/links/{link['id']}/{back}"
        assert address in await list_links(people, page)
        restoration = await submit(people.checker, address, address, reason="It was none")
        assert restoration.headers["location"] == f"{page}?done=link-restored"
    page = f"/statements/{link['statement']['id']}"
    for form, way, back in (
        ("void", "void", "restoration"),
        ("withdraw", "withdraw", "reinstatement"),
    ):
        assert f"{page}/{form}" in await list_links(people, page)
        void_answer = await submit(people.checker, f"{page}/{form}", f"{page}/{way}", reason=WHY)
        assert await read_way_back(people, void_answer) == f"{page}/{back}"
        assert f"{page}/{back}" in await list_links(people, f"/claims/{claim}")
        statement_page = await people.checker.get(page)
        assert parse_page(statement_page).cssselect("figure s")
        assert WHY in read_text(statement_page)
        assert f"{page}/{back}" in await list_links(people, page)
        done_back = await submit(
            people.checker, f"{page}/{back}", f"{page}/{back}", reason="It was none"
        )
        assert done_back.headers["location"] == f"{page}?done=statement-restored"


async def test_statement_of_a_claim_in_force_is_not_voided(
    desk: Desk, people: People, claim: str
) -> None:
    """The refusal says what to do, and what was typed stays."""
    answer = await desk.checker.get("/v1/statements")
    address = f"/statements/{answer.json()['items'][0]['id']}/void"
    refusal = await submit(people.checker, address, address, reason=WHY)
    assert refusal.status_code == 409
    assert "void the claim first" in read_text(refusal)
    assert WHY in refusal.text


async def test_parties_and_speakers_are_merged_and_separated(
    desk: Desk, people: People, claim: str
) -> None:
    """By editors, from the page of the party; what is merged says so, and offers the way back."""
    await desk.post("/v1/parties", {"slug": "alliance", "name": "The Alliance", "parent": None})
    page = "/parties/alliance"
    assert f"{page}/merge" not in await list_links(people, page)
    assert f"{page}/merge" in await list_links(people, page, who="editor")
    refusal = await submit(
        people.editor, f"{page}/merge?into=nato", f"{page}/merge", reason="x" * 2001
    )
    assert refusal.status_code == 422
    answer = await send_form(people.editor, refusal, f"{page}/merge", reason="One")
    assert answer.headers["location"] == f"{page}?done=parties-merged&undo=alliance"
    assert await read_way_back(people, answer, who="editor") == f"{page}/separation"
    assert "“The Alliance” was merged into NATO" in read_text(await people.reader.get(page))
    assert "The Alliance merged" in read_text(await people.reader.get("/parties/nato"))
    back = await submit(people.editor, f"{page}/separation", f"{page}/separation", reason="Two")
    assert back.headers["location"] == f"{page}?done=parted"
    assert "was merged into" not in read_text(await people.reader.get(page))
    for name in ("Jens S.", "Jens Stoltenberg"):
        await desk.post("/v1/speakers", {"party": "nato", "name": name})
    items = (await desk.reader.get("/v1/speakers", params={"party": "nato"})).json()["items"]
    short, long_name = (
        person["id"] for person in sorted(items, key=lambda each: len(each["name"]))
    )
    address = f"/speakers/{short}/merge"
    assert address in await list_links(people, "/parties/nato", who="editor")
    answer = await submit(people.editor, f"{address}?into={long_name}", address)
    assert answer.headers["location"] == f"/parties/nato?done=people-merged&undo={short}"
    assert await read_way_back(people, answer, who="editor") == f"/speakers/{short}/separation"
    assert "recorded as Jens S." in read_text(await people.reader.get("/parties/nato"))
    address = f"/speakers/{short}/separation"
    back = await submit(people.editor, address, address, reason="Two people")
    assert back.headers["location"] == "/parties/nato?done=parted"


async def test_sources_are_merged_and_separated(desk: Desk, people: People, claim: str) -> None:
    """By editors, from the page of the source; words from it show the one that remains, until the
    two are separated again."""
    statement = (await desk.checker.get("/v1/statements")).json()["items"][-1]
    source = statement["quotes"][0]["source"]["id"]
    page = f"/sources/{source}"
    other = (await desk.post("/v1/sources", {"url": "https://example.org/same", "title": "S"}))[
        "id"
    ]
    assert f"{page}/merge" not in await list_links(people, page)
    assert f"{page}/merge" in await list_links(people, page, who="editor")
    answer = await submit(people.editor, f"{page}/merge?into={other}", f"{page}/merge")
    assert answer.headers["location"] == f"{page}?done=sources-merged&undo={source}"
    address = f"{page}/separation"
    assert await read_way_back(people, answer, who="editor") == address
    assert "was merged into S" in read_text(await people.reader.get(page))
    for place in (page, f"/sources/{other}"):
        assert address in await list_links(people, place, who="editor")
        assert address not in await list_links(people, place)
    statement_path = f"/statements/{statement['id']}"
    assert f"/sources/{other}" in await list_links(people, statement_path)
    back = await submit(people.editor, address, address, reason="Two texts")
    assert back.headers["location"] == f"{page}?done=parted"
    assert page in await list_links(people, statement_path)


async def test_withdrawal_is_entered_as_precisely_as_it_is_known(
    desk: Desk, people: People, claim: str
) -> None:
    """With an hour, a day, or only a month; what is wrong with it is said at once."""
    address = f"/claims/{claim}/withdraw"
    refusal = await submit(people.checker, address, address, said_hour="18:05", publisher="News")
    faulty_fields = {link.get("href")[1:] for link in parse_page(refusal).cssselect("#faults a")}
    assert faulty_fields == {"reason", "said_on", "url"}
    answer = await submit(people.checker, address, address, reason=WHY, said_in="August 2023")
    assert answer.status_code == 303
    assert "August 2023" in read_text(await people.reader.get(f"/claims/{claim}"))
    link = await desk.link_statement(
        str((await desk.record_claim(text="another"))["id"]), "comments", "nato"
    )
    page = f"/statements/{link['statement']['id']}"
    address = f"{page}/withdraw"
    answer = await submit(
        people.checker, address, address, reason=WHY, said_on="2023-10-02", said_hour="09:30"
    )
    assert answer.status_code == 303
    right = (await desk.checker.get(f"/v1{page}")).json()
    assert right["withdrawal_said_at"] == "2023-10-02T09:30:00Z"
    assert right["withdrawal_precision"] == "minute"
