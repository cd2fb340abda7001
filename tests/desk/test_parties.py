"""Parties at the desk: the tree, who speaks, and changes that weigh claims anew."""

import pytest

from tests.desk.conftest import People, parse_page, read_text, read_words, submit
from tests.desk.test_stories import open_to_all
from tests.support.desk import Desk


@pytest.fixture
async def parties(desk: Desk) -> None:
    await desk.record_parties()
    for name, role in (("Matthew Miller", "spokesman"), ("Antony Blinken", None)):
        body = {"name": name, "role": role, "party": "state-department"}
        await desk.post("/v1/speakers", body)


async def test_tree_shows_who_is_below_whom(people: People, parties: None) -> None:
    """Each party stands within its parent, with its speakers, and leads to the board by it."""
    page = parse_page(await people.reader.get("/parties"))
    (below,) = page.xpath('//li[@id="p-washington"]/ul/li')
    assert below.get("id") == "p-state-department"
    assert "Antony Blinken, Matthew Miller (spokesman)" in read_words(below)
    assert below.xpath('.//a[@href="/?claimant=state-department"]')
    assert below.xpath('.//a[@href="/?party=state-department"]')
    assert not page.xpath('//form[@action="/parties"]'), "readers add nothing"


async def test_empty_tree_explains_parties(people: People) -> None:
    assert "A party is shown by its short name" in read_text(await people.checker.get("/parties"))


async def test_large_tree_has_pages(desk: Desk, people: People) -> None:
    for number in range(53):
        await desk.post("/v1/parties", {"slug": f"p-{number:02}", "name": f"Party {number}"})
    await desk.post("/v1/parties", {"slug": "below", "name": "Below", "parent": "p-51"})
    first = parse_page(await people.reader.get("/parties"))
    (following,) = first.xpath('//a[@rel="next"]/@href')
    second = parse_page(await people.reader.get(following))
    row_ids = [item.xpath('//ul[@class="tree"]/li/@id') for item in (first, second)]
    assert [len(item) for item in row_ids] == [50, 3]
    assert second.xpath('//li[@id="p-p-51"]//li[@id="p-below"]')


async def test_party_can_be_added(people: People, parties: None) -> None:
    answer = await submit(
        people.checker, "/parties", "/parties", name="Kosovo Force", parent="nato", country="xk"
    )
    assert answer.headers["location"] == "/parties/kosovo-force?done=recorded"
    text = read_text(await people.reader.get("/parties/kosovo-force"))
    assert "Parties › NATO" in text
    assert "XK" in text
    assert "confirms no claim of NATO’s" in text


@pytest.mark.parametrize(
    ("fields", "status", "at", "message"),
    [
        ({"name": ""}, 422, "name", "this is needed"),
        ({"name": "北"}, 422, "slug", "none can be made"),
        ({"name": "NATO"}, 409, "slug", "There is a party"),
        ({"name": "X", "slug": "x y"}, 422, "slug", "small letters"),
        ({"name": "Xanadu", "country": "XKX"}, 422, "country", "two letters"),
        ({"name": "Xanadu", "parent": "nowhere"}, 422, "parent", "there is no party"),
    ],
)
async def test_a_refused_party_keeps_what_was_typed(
    people: People, parties: None, fields: dict[str, str], status: int, at: str, message: str
) -> None:
    answer = await submit(people.checker, "/parties", "/parties", full_name="Kept", **fields)
    assert answer.status_code == status
    page = parse_page(answer)
    field = page.get_element_by_id(at)
    assert field.get("aria-invalid") == "true"
    assert message in read_words(page.get_element_by_id(f"fault-{at}"))
    assert page.get_element_by_id("full_name").value == "Kept"


async def test_new_parent_changes_the_partys_claims(
    desk: Desk, people: People, parties: None
) -> None:
    """The page warns, only editors change, and a support that is no longer independent no longer
    confirms."""
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim, "nato")
    url = "/parties/nato/edit"
    assert (await people.checker.get(url)).status_code == 403
    page = await people.editor.get(url)
    assert "weighed anew" in read_text(page)
    assert not parse_page(page).xpath('//option[@value="nato"]'), "nobody is below themselves"
    answer = await submit(people.editor, url, url, parent="belgrade")
    assert answer.headers["location"] == "/parties/nato?done=saved"
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    circle = await submit(
        people.editor, "/parties/belgrade/edit", "/parties/belgrade/edit", parent="nato"
    )
    assert circle.status_code == 422
    assert "its own ancestor" in read_text(circle)


async def test_change_keeps_unnamed_fields(desk: Desk, people: People) -> None:
    """The form shows all that is recorded, so sending it back changes nothing else."""
    await desk.record_parties()
    url = "/parties/state-department/edit"
    await submit(people.editor, url, url, full_name="United States Department of State")
    await submit(people.editor, url, url, name="Foggy Bottom")
    party = (await desk.reader.get("/v1/parties/state-department")).json()
    assert (party["name"], party["full_name"]) == (
        "Foggy Bottom",
        "United States Department of State",
    )
    assert party["parent"] == "washington"


async def test_speakers_can_be_added_and_corrected(
    desk: Desk, people: People, parties: None
) -> None:
    """Adding needs recording, correcting an editor; a namesake in the same role is refused."""
    page_url = "/parties/belgrade"
    creation = await submit(
        people.checker, page_url, f"{page_url}/speakers", name="Milos Vucevic", role="minister"
    )
    assert creation.headers["location"] == "/parties/belgrade?done=recorded"
    empty = await submit(people.checker, page_url, f"{page_url}/speakers", role="minister")
    assert empty.status_code == 422
    assert parse_page(empty).get_element_by_id("role").value == "minister"
    speaker = (await desk.reader.get("/v1/speakers?name=vucevic")).json()["items"][0]["id"]
    url = f"/speakers/{speaker}/edit"
    assert url not in (await people.checker.get(page_url)).text
    assert url in (await people.editor.get(page_url)).text
    change_answer = await submit(people.editor, url, url, name="Miloš Vučević")
    assert change_answer.headers["location"] == "/parties/belgrade?done=saved"
    assert "Miloš Vučević, minister" in read_text(await people.reader.get(page_url))
    await submit(people.checker, page_url, f"{page_url}/speakers", name="Ana", role="minister")
    clash = await submit(people.editor, url, url, name="Ana")
    assert clash.status_code == 409
    assert parse_page(clash).get_element_by_id("name").value == "Ana"


async def test_a_party_shows_the_speakers_below_it_too(people: People, parties: None) -> None:
    text = read_text(await people.reader.get("/parties/washington"))
    assert "Matthew Miller, spokesman State Department" in text
    assert "Below it" in text


async def test_unknown_address_is_answered_404(people: People) -> None:
    unknown_id = "01970000-0000-7000-8000-000000000000"
    for path in ("/parties/none", "/parties/none/edit", f"/speakers/{unknown_id}/edit"):
        assert (await people.editor.get(path)).status_code == 404


async def test_public_cannot_see_parties(desk: Desk, people: People, parties: None) -> None:
    """Not even where claims are."""
    open_to_all(desk)
    for path in ("/parties", "/parties/nato"):
        assert (await people.public.get(path)).status_code == 303
    assert 'href="/parties' not in (await people.public.get("/stories")).text


async def test_form_without_its_token_changes_nothing(people: People, parties: None) -> None:
    for url in ("/parties", "/parties/nato/edit", "/parties/nato/speakers"):
        assert (await people.editor.post(url, data={"name": "Stolen"})).status_code == 403
    assert "Stolen" not in read_text(await people.reader.get("/parties"))
