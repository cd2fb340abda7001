"""No two names read alike: parties, people and keys, and speakers of one party in one role."""

import asyncio

import pytest

from service.directory.confusable_names import list_confusable_names
from service.store.tables import parties
from tests.support.desk import Desk, Json

ALIKE = {
    "a Cyrillic letter": "NАTO",
    "another case": "nato",
    "full width": "ＮＡＴＯ",
    "a digit for a letter": "NAT0",
    "a Greek letter": "NΑTO",
}


@pytest.mark.parametrize("name", ALIKE.values(), ids=ALIKE.keys())
async def test_a_party_that_reads_like_another_is_refused(desk: Desk, name: str) -> None:
    await desk.record_parties()
    answer = await desk.checker.post("/v1/parties", json={"slug": "other", "name": name})
    assert answer.status_code == 409, answer.text
    assert "NATO" in answer.json()["detail"]
    assert answer.json()["errors"][0]["loc"] == ["body", "name"]
    assert (await desk.reader.get("/v1/parties/other")).status_code == 404


async def test_letters_that_together_look_like_one_are_refused(desk: Desk) -> None:
    await desk.post("/v1/parties", {"slug": "modern", "name": "Modern Times"})
    answer = await desk.checker.post("/v1/parties", json={"slug": "m2", "name": "Modem Times"})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("first", "second"), [("Kurti", "Курти"), ("Office I", "Office L"), ("Unit 10", "Unit 11")]
)
async def test_names_that_do_not_look_alike_are_accepted(
    desk: Desk, first: str, second: str
) -> None:
    await desk.post("/v1/parties", {"slug": "first", "name": first})
    answer = await desk.checker.post("/v1/parties", json={"slug": "second", "name": second})
    assert answer.status_code == 201, answer.text


async def test_a_party_keeps_its_own_name_in_another_spelling(desk: Desk) -> None:
    await desk.record_parties()
    same = await desk.editor.patch("/v1/parties/nato", json={"name": "Nato"})
    assert same.status_code == 200, same.text
    other = await desk.editor.patch("/v1/parties/belgrade", json={"name": "NATО"})
    assert other.status_code == 409


async def test_a_speaker_that_reads_like_another_in_one_role_is_refused(desk: Desk) -> None:
    await desk.record_parties()
    first = {"party": "nato", "name": "Anna Bell", "role": "spokesperson"}
    await desk.post("/v1/speakers", first)
    alike = first | {"name": "Аnna Bell"}
    refusal = await desk.checker.post("/v1/speakers", json=alike)
    assert refusal.status_code == 409, refusal.text
    assert "Anna Bell" in refusal.json()["detail"]
    in_another_role = await desk.checker.post("/v1/speakers", json=alike | {"role": "general"})
    assert in_another_role.status_code == 201
    of_another_party = await desk.checker.post("/v1/speakers", json=alike | {"party": "belgrade"})
    assert of_another_party.status_code == 201


@pytest.mark.parametrize(
    "other",
    [
        {"role": "spokespersоn"},
        {"role": "ｓpokesperson"},
        {"name": "Аnna Bell", "role": "sp0kesperson"},
    ],
    ids=["a Cyrillic letter", "full width", "both"],
)
async def test_a_role_that_reads_like_another_makes_no_second_speaker(
    desk: Desk, other: Json
) -> None:
    await desk.record_parties()
    first = {"party": "nato", "name": "Anna Bell", "role": "spokesperson"}
    speaker = await desk.post("/v1/speakers", first)
    second_answer = await desk.checker.post("/v1/speakers", json=first | other)
    assert second_answer.status_code in (200, 409), second_answer.text
    assert second_answer.json()["id"] == speaker["id"]
    page = await desk.reader.get("/v1/speakers", params={"party": "nato"})
    assert [item["id"] for item in page.json()["items"]] == [speaker["id"]]
    general = await desk.post("/v1/speakers", first | {"role": "general"})
    renaming = await desk.editor.patch(
        f"/v1/speakers/{general['id']}", json={"role": "spokespersоn"}
    )
    assert renaming.status_code == 409, renaming.text


@pytest.mark.parametrize("stop", "․﹒﹗܁ꓸǃ⁉")
async def test_name_cannot_end_with_a_look_alike_of_a_full_stop(desk: Desk, stop: str) -> None:
    """UTS 39: in print it would end a sentence."""
    name = f"Tirana{stop} Confirmed by nobody"
    answer = await desk.checker.post("/v1/parties", json={"slug": "tirana", "name": name})
    assert answer.status_code == 422, answer.text
    assert "reads as the end" in answer.json()["detail"]
    party = {"slug": "tirana", "name": f"Tirana{stop}"}
    assert (await desk.checker.post("/v1/parties", json=party)).status_code == 201


async def test_people_and_keys_share_one_list_of_names(desk: Desk) -> None:
    person = {"email": "ben@example.org", "name": "Ben", "role": "checker"}
    assert (await desk.admin.post("/v1/users", json=person)).status_code == 201
    key = await desk.admin.post("/v1/keys", json={"name": "Веn", "role": "checker"})
    assert key.status_code == 409, key.text
    other = person | {"email": "other@example.org", "name": "BEN"}
    assert (await desk.admin.post("/v1/users", json=other)).status_code == 409


async def test_concurrent_requests_cannot_both_take_a_name(desk: Desk) -> None:
    names = ["Alpha Centre", "Аlpha Centre", "ALPHA CENTRE", "Alpha Ϲentre"]
    answers = await asyncio.gather(
        *(
            desk.checker.post("/v1/parties", json={"slug": f"alpha-{number}", "name": name})
            for number, name in enumerate(names)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_existing_duplicates_stay_and_are_listed(desk: Desk) -> None:
    await desk.record_parties()
    assert await desk.database.read(list_confusable_names) == []
    await desk.post("/v1/parties", {"slug": "other", "name": "Another"})
    await desk.database.write(
        lambda connection: connection.execute(
            parties.update().where(parties.c.slug == "other").values(name="NАTO")
        )
    )
    [alike] = await desk.database.read(list_confusable_names)
    assert (alike.kind, set(alike.ids)) == ("party", {"nato", "other"})
    response = await desk.editor.patch("/v1/parties/other", json={"kind": "agency"})
    assert response.status_code == 200
