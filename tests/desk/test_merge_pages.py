"""Choosing what a party, speaker or source is merged into, and confirming it: no JavaScript."""

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert

from service.store import tables
from tests.desk.conftest import People, parse_page, read_text, send_form
from tests.support.desk import Desk

MANY = 230


@pytest.fixture
async def claim(desk: Desk) -> str:
    await desk.record_parties()
    return str((await desk.record_claim())["id"])


def _insert_many(connection: Connection, *, now: Any) -> None:
    rows = [
        {"slug": f"ministry-{n:03}", "name": f"Министарство {n:03}", "root": f"ministry-{n:03}"}
        | {"created_at": now, "updated_at": now}
        for n in range(MANY)
    ]
    connection.execute(insert(tables.parties), rows)


async def list_choices(people: People, address: str, **query: str | int) -> list[str]:
    """What may be chosen there, by the address at which it is confirmed."""
    page = await people.editor.get(address, params=query)
    assert page.status_code == 200, page.text[:300]
    return [link.get("href") for link in parse_page(page).cssselect(".candidates a.words")]


async def test_any_of_more_than_two_hundred_parties_is_chosen(
    desk: Desk, people: People, claim: str
) -> None:
    """By its name however it is spelled, by its slug or address, or page by page."""
    await desk.database.write(_insert_many, now=desk.clock())
    address, last = "/parties/nato/merge", f"ministry-{MANY - 1}"
    for words in (f"ministarstvo {MANY - 1}", last, f"https://desk.example/parties/{last}"):
        [choice] = await list_choices(people, address, q=words)
        assert f"into={last}" in choice
    choices: list[str] = []
    page = await people.editor.get(address, params={"q": "Ministarstvo"})
    while True:
        choices += [link.get("href") for link in parse_page(page).cssselect(".candidates a.words")]
        following = parse_page(page).cssselect("a[rel=next]")
        if not following:
            break
        page = await people.editor.get(following[0].get("href"))
    assert len(set(choices)) == len(choices) == MANY
    confirmation = await people.editor.get(choice)
    answer = await send_form(people.editor, confirmation, address, reason="One")
    assert answer.headers["location"].startswith("/parties/nato?done=parties-merged")
    party = (await desk.reader.get("/v1/parties/nato")).json()
    assert party["merged_into"] == last


async def test_candidates_and_confirmation_count_what_is_recorded(
    desk: Desk, people: People, claim: str
) -> None:
    """Statements, claims and links, of parties below too; nothing is merged before the button."""
    await desk.link_statement(claim, "contradicts", "state-department")
    await desk.link_statement(claim, "comments", "washington")
    await desk.link_statement(claim, "comments", "nato")
    page = await people.editor.get("/parties/nato/merge", params={"q": "state"})
    text = read_text(page)
    assert "state-department" in text
    assert "part of \u2068Washington\u2069" in text or "part of Washington" in text
    assert "1 statement, 0 claims, 1 link" in text
    confirmation = await people.editor.get("/parties/washington/merge", params={"into": "nato"})
    text = read_text(confirmation)
    assert "2 statements, 0 claims that began with them and 2 links to claims move" in text
    assert "separation" in text
    assert "1 statement, 0 claims, 1 link" in text
    assert "merged_into" not in (await desk.reader.get("/v1/parties/washington")).json()


async def test_candidates_are_counted_in_one_query(desk: Desk, people: People, claim: str) -> None:
    await desk.database.write(_insert_many, now=desk.clock())
    queries: list[str] = []

    def note(*args: Any) -> None:
        queries.append(args[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert len(await list_choices(people, "/parties/nato/merge", q="ministarstvo")) == 20
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len([query for query in queries if "utterances" in query]) == 1
    assert len([query for query in queries if "FROM statements" in query]) == 1


async def test_what_cannot_be_chosen_says_why(desk: Desk, people: People, claim: str) -> None:
    """Nothing found, itself, one that is gone, one below it, one that was merged."""
    address = "/parties/washington/merge"
    for query, words in (
        ({"q": "Atlantis"}, "in its name"),
        ({"q": "nato", "skip": "40"}, "There are no more"),
        ({"into": "washington"}, "Nothing is merged into itself"),
        ({"into": "atlantis"}, "is not there any more"),
        ({"into": "state-department"}, "move it out first"),
    ):
        page = await people.editor.get(address, params=query)
        assert page.status_code == 200
        assert words in read_text(page)
        assert not [form for form in parse_page(page).forms if form.get("action") == address][1:]
    assert not await list_choices(people, address, q="state")
    assert (await people.editor.get(address, params={"skip": "-1"})).status_code == 422
    confirmation = await people.editor.get(address, params={"into": "nato"})
    refusal = await send_form(people.editor, confirmation, address, into="atlantis", reason="One")
    assert refusal.status_code == 422
    assert "is not there any more" in read_text(refusal)
    await desk.post("/v1/parties", {"slug": "alliance", "name": "Alliance", "parent": None})
    editor = desk.editor
    assert (await editor.post("/v1/parties/nato/merge", json={"into": "alliance"})).is_success
    late = await send_form(people.editor, confirmation, address, reason="One")
    assert late.status_code == 422
    assert "was itself merged into another" in read_text(late)
    assert "into=alliance" in late.text
    [choice] = await list_choices(people, address, q="NATO")
    assert "into=alliance" in choice
    merged_page = await people.editor.get("/parties/nato/merge")
    assert "was merged into" in read_text(merged_page)
    links = [link.get("href") for link in parse_page(merged_page).cssselect("main a")]
    assert "/parties/nato/separation" in links
    for reader in (people.reader, people.checker):
        refusal = await reader.get(address, params={"into": "alliance"})
        assert refusal.status_code == 403


async def test_speakers_are_found_among_those_of_their_side(
    desk: Desk, people: People, claim: str
) -> None:
    """By name and role; a speaker who is alone is told so."""
    ids = {}
    for party, name, role in (
        ("washington", "Ана Ст.", "envoy"),
        ("state-department", "Ana Stone", "spokeswoman"),
        ("nato", "Ana Stone", "spokeswoman"),
    ):
        person = {"party": party, "name": name, "role": role}
        ids[party] = (await desk.post("/v1/speakers", person))["id"]
    address = f"/speakers/{ids['washington']}/merge"
    for words in ("", "stone", "STONE spokes", ids["state-department"]):
        [choice] = await list_choices(people, address, q=words)
        assert ids["state-department"] in choice
    assert not await list_choices(people, address, q="Boris")
    alone = await people.editor.get(f"/speakers/{ids['nato']}/merge")
    assert "There is no other speaker yet" in read_text(alone)
    other_side = await people.editor.get(address, params={"into": ids["nato"]})
    assert "cannot be chosen here" in read_text(other_side)
    answer = await send_form(people.editor, await people.editor.get(choice), address)
    assert answer.status_code == 303
    survivor_address = f"/speakers/{ids['state-department']}/merge"
    assert not await list_choices(people, survivor_address, q="Ана")


async def test_sources_are_found_by_words_and_addresses(
    desk: Desk, people: People, claim: str
) -> None:
    """Those that were merged lead to the one that remains."""
    own, first, second = [
        (await desk.post("/v1/sources", {"url": f"https://example.org/{n}", "title": title}))["id"]
        for n, title in enumerate(("Own 100%", "Štrpce вести", "Second"))
    ]
    address = f"/sources/{own}/merge"
    for words in (
        *("ВЕСТИ", "example.org/1", "https://EXAMPLE.org/1#top", first),
        f"https://desk.example/sources/{first}?done=saved",
    ):
        [choice] = await list_choices(people, address, q=words)
        assert first in choice
    for words in ("http://[", "a " * 1000, "й" * 2000):
        await list_choices(people, address, q=words)
    assert not await list_choices(people, address, q="100%")
    assert (await people.editor.get(address, params={"q": "a\0b"})).status_code == 422
    confirmation = await people.editor.get(f"/sources/{first}/merge", params={"into": second})
    assert "0 statements, 0 claims that began with them" in read_text(confirmation)
    await send_form(people.editor, confirmation, f"/sources/{first}/merge")
    [choice] = await list_choices(people, address, q="вести")
    assert second in choice
