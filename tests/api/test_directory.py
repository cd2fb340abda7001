"""Parties, speakers, sources and stories: recorded once, found without diacritics."""

from typing import Any

import pytest

from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support.desk import SOURCE, Desk


async def test_a_source_is_recorded_once(desk: Desk) -> None:
    """The same URL and text hash is 200 with the first, another hash or URL is another source;
    sources given inline are the same."""
    answer = await desk.checker.post("/v1/sources", json=SOURCE | {"sha256": "a" * 64})
    assert answer.status_code == 201
    async with nothing_changes(desk):
        second_answer = await desk.checker.post(
            "/v1/sources", json={"url": SOURCE["url"], "sha256": "a" * 64, "title": "Other"}
        )
    assert (second_answer.status_code, second_answer.json()) == (200, answer.json())
    assert second_answer.headers["Location"] == answer.headers["Location"]
    for other in ({"sha256": "b" * 64}, {}, {"url": SOURCE["url"] + "?page=2"}):
        response = await desk.checker.post("/v1/sources", json=SOURCE | other)
        assert response.status_code == 201
    await desk.record_parties()
    await desk.record_claim()
    items = (await desk.reader.get("/v1/sources", params={"url": SOURCE["url"]})).json()["items"]
    assert [each["sha256"] for each in items] == [None, "b" * 64, "a" * 64]
    read = await desk.reader.get(answer.headers["Location"])
    assert read.json() == answer.json()


async def test_spellings_of_an_address_make_one_source(desk: Desk) -> None:
    """Case of the host, its port, Punycode, a fragment and a campaign's parameters: the first
    stays as it was given, and is found by any of them."""
    source = await desk.post("/v1/sources", {"url": "https://bücher.example/a?p=1", "title": "T"})
    spellings = [
        "https://BÜCHER.example:443/a?p=1#top",
        "HTTPS://xn--bcher-kva.example/a/?utm_source=mail&p=1",
    ]
    async with nothing_changes(desk):
        for url in spellings:
            second_source = await desk.post(
                "/v1/sources", {"url": url, "title": "Other"}, status=200
            )
            assert second_source == source
    for url in spellings:
        items = (await desk.reader.get("/v1/sources", params={"url": url})).json()["items"]
        assert items == [source]
    other = await desk.post("/v1/sources", {"url": "HTTPS://Other.example/"})
    assert other["url"] == "https://Other.example/"


async def test_address_alone_refers_to_the_known_source(desk: Desk) -> None:
    """Whatever the hash of its text: another source would have no headline."""
    source = await desk.post("/v1/sources", SOURCE | {"title": "T", "sha256": "a" * 64})
    known_source = await desk.post(
        "/v1/sources", {"url": SOURCE["url"] + "#end", "language": "en"}, status=200
    )
    assert known_source == source


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://example.org/x"},
        {"url": "javascript:alert(1)"},
        {"url": "https://"},
        {"url": "//example.org"},
        {"url": "https://exa mple.org/"},
        {"url": "https://[::1"},
        {"url": "https://.example.org/"},
        {"url": "https://example.org:99999/"},
        {"url": "https://example.org/" + "x" * 2048},
        {"url": "https://example.org/\x00"},
        {"sha256": "A" * 64},
        {"sha256": "a" * 63},
        {"language": "english language"},
        {"published_at": "2023-10-03"},
        {"archive_url": "data:text/html,x"},
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_invalid_source_is_refused(desk: Desk, change: dict[str, Any]) -> None:
    """Addresses that are no web address, hashes and languages that are none."""
    async with nothing_changes(desk):
        response = await desk.checker.post("/v1/sources", json=SOURCE | change)
        require_field_error(response, "body", *change)


async def test_speaker_is_found_without_diacritics(desk: Desk) -> None:
    """Vucevic is Vučević, in the directory, in claims and in statements; a new role is somebody
    new; without a role the latest of that name is meant."""
    await desk.record_parties()
    body = {"name": "Miloš Vučević", "role": "Defence Minister", "party": "belgrade"}
    response = await desk.checker.post("/v1/speakers", json=body)
    assert response.status_code == 201
    plain = body | {"name": "MILOS  vucevic", "role": "defence minister"}
    second_answer = await desk.checker.post("/v1/speakers", json=plain)
    assert (second_answer.status_code, second_answer.json()) == (200, response.json())
    claim = await desk.record_claim(speaker={"name": "Milos Vucevic"})
    assert claim["claimant"]["speaker"]["name"] == "Miloš Vučević"
    later = await desk.checker.post("/v1/speakers", json=body | {"role": "Prime Minister"})
    assert later.json()["id"] != response.json()["id"]
    claim = await desk.record_claim(speaker={"name": "Milos Vucevic"})
    assert claim["claimant"]["speaker"]["role"] == "Prime Minister"
    other = await desk.checker.post("/v1/speakers", json=body | {"party": "nato"})
    assert other.status_code == 201, "another party's namesake is another person"
    for query, count in (
        ({"name": "vucev"}, 3),
        ({"name": "Vučević"}, 3),
        ({"name": "%"}, 0),
        ({"name": "_"}, 0),
        ({"name": "vucevic", "party": "nato"}, 1),
        ({"party": "washington"}, 0),
    ):
        items = (await desk.reader.get("/v1/speakers", params=query)).json()["items"]
        assert len(items) == count, query
        assert all("folded_name" not in each for each in items)


@pytest.mark.parametrize(
    ("recorded_name", "typed_name"),
    [
        ("Michael O’Neill", "michael o'neill"),
        ("Michael O’Neill", "ONeill"),
        ("Ana Đukić", "Ana Djukic"),
        ("Ana Đukić", "dukic"),
        ("Мирослав Лајчак", "Miroslav Lajcak"),
        ("Abdel Fattah al-Sisi", "Al Sisi"),
        ("Iğdır Kaymakamı", "igdir"),
    ],
)
async def test_a_speaker_is_found_however_the_name_is_spelled(
    desk: Desk, recorded_name: str, typed_name: str
) -> None:
    await desk.post("/v1/parties", {"slug": "belgrade", "name": "Belgrade"})
    speaker_view = await desk.post("/v1/speakers", {"party": "belgrade", "name": recorded_name})
    items = (await desk.reader.get("/v1/speakers", params={"name": typed_name})).json()["items"]
    assert [speaker["id"] for speaker in items] == [speaker_view["id"]]


async def test_one_name_in_two_spellings_is_one_speaker(desk: Desk) -> None:
    await desk.post("/v1/parties", {"slug": "belgrade", "name": "Belgrade"})
    body = {"party": "belgrade", "name": "Ana Đukić-Perić", "role": "Foreign-Minister"}
    speaker = await desk.post("/v1/speakers", body)
    same = body | {"name": "Ana Djukic Peric", "role": "foreign minister"}
    second_answer = await desk.checker.post("/v1/speakers", json=same)
    assert (second_answer.status_code, second_answer.json()["id"]) == (200, speaker["id"])


async def test_corrected_speaker_changes_on_every_claim(desk: Desk) -> None:
    """A correction shows on each claim the speaker made or spoke of, and in its record."""
    await desk.record_parties()
    claim = await desk.record_claim(speaker={"name": "Milan Mojsilovic", "role": "chief"})
    speaker = (await desk.reader.get("/v1/speakers")).json()["items"][0]
    answer = await desk.editor.patch(
        f"/v1/speakers/{speaker['id']}", json={"name": "Milan Mojsilović"}
    )
    assert answer.json() == speaker | {"name": "Milan Mojsilović"}
    read = await desk.read_claim(claim["id"])
    assert read["claimant"]["speaker"] == {"name": "Milan Mojsilović", "role": "chief"}
    assert "Mojsilović" in read["print_line"]
    assert read["version"] == 2


async def test_moved_or_renamed_party_changes_its_claims(desk: Desk) -> None:
    """A party put under the claimant no longer confirms for it; a renamed one is shown with its new
    name."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim, party="kosovo-police")
    move_answer = await desk.editor.patch("/v1/parties/pristina", json={"parent": "belgrade"})
    assert move_answer.json()["root"] == "belgrade"
    police = (await desk.reader.get("/v1/parties/kosovo-police")).json()
    assert (police["parent"], police["root"]) == ("pristina", "belgrade")
    claim_view = await desk.read_claim(claim)
    assert (claim_view["status"], claim_view["evidence"]["supports"]) == (
        "awaiting_confirmation",
        [],
    )
    await desk.editor.patch("/v1/parties/belgrade", json={"name": "Beograd"})
    assert (await desk.read_claim(claim))["claimant"]["name"] == "Beograd"
    below = (await desk.reader.get("/v1/parties", params={"parent": "belgrade"})).json()["items"]
    assert [each["slug"] for each in below] == ["belgrade", "kosovo-police", "pristina"]


async def test_a_story_names_the_parties_in_it(desk: Desk) -> None:
    """Who claims and who takes a stance is in the story; a retracted link is not."""
    await desk.record_parties()
    border_story = await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    assert border_story["parties"] == []
    claim = (await desk.record_claim(story="border"))["id"]
    await desk.link_statement(claim, "comments", "state-department")
    mistaken = await desk.link_statement(claim, "supports", "nato")
    story = (await desk.reader.get("/v1/stories/border")).json()
    assert [party["slug"] for party in story["parties"]] == ["belgrade", "nato", "state-department"]
    await desk.checker.post(f"/v1/links/{mistaken['id']}/retraction", json={"reason": "x"})
    story = (await desk.reader.get("/v1/stories/border")).json()
    assert [party["slug"] for party in story["parties"]] == ["belgrade", "state-department"]
    change = await desk.editor.patch("/v1/stories/border", json={"description": "2023"})
    assert (change.json()["title"], change.json()["description"]) == ("The border", "2023")
    async with nothing_changes(desk):
        second_answer = await desk.checker.post(
            "/v1/stories", json={"slug": "border", "title": "x"}
        )
        require_problem(second_answer, "already-exists")
        missing_answer = await desk.editor.patch("/v1/stories/nowhere", json={"title": "x"})
        require_problem(missing_answer, "not-found")
        require_problem(
            await desk.editor.patch("/v1/stories/border", json={"title": None}), "invalid-request"
        )


async def test_story_change_without_a_difference_changes_nothing(desk: Desk) -> None:
    """An empty change, or one to the present values, keeps `updated_at`."""
    story = await desk.post("/v1/stories", {"slug": "border", "title": "Border"})
    for change in ({}, {"title": "Border"}):
        answer = await desk.editor.patch("/v1/stories/border", json=change)
        assert answer.json()["updated_at"] == story["updated_at"]
    title_change = await desk.editor.patch("/v1/stories/border", json={"title": "The border"})
    assert title_change.json()["updated_at"] > story["updated_at"]
