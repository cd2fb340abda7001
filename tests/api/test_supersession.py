"""Claims that replace earlier ones, and figures, through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.problems import NOBODY, require_problem
from tests.support.desk import Desk, Json, build_claim


@pytest.fixture
async def story(desk: Desk) -> str:
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "port", "title": "The port"})
    return "port"


async def record_figure(desk: Desk, text: str, day: int, **changes: object) -> Json:
    fields = {"claimed_at": f"2023-10-0{day}T00:00:00Z", "kind": "figure", "story": "port"}
    return await desk.record_claim(text=text, **fields | changes)


async def test_newer_figure_supersedes_the_former(desk: Desk, story: str) -> None:
    """Each says which it replaces and by which it is replaced; the former's print line ends so."""
    first = await record_figure(desk, "12 died", 1, figure={"value": 12, "what": "dead"})
    assert "superseded_by" not in first
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    second = await record_figure(
        desk, "17 died", 2, supersedes=first["id"], figure={"low": 15, "high": 17.5}
    )
    third = await record_figure(desk, "9 died", 3, supersedes=second["id"])
    assert first["figure"] == {
        "value": 12,
        "low": None,
        "high": None,
        "unit": None,
        "what": "dead",
    }
    assert (second["figure"]["low"], second["figure"]["high"]) == (15, 17.5)
    now = await desk.read_claim(first["id"])
    assert now["superseded_by"] == second["id"]
    assert now["print_line"].endswith(" Superseded on 2 October 2023 by “17 died”.")
    middle = await desk.read_claim(second["id"])
    assert (middle["supersedes"], middle["superseded_by"]) == (first["id"], third["id"])
    assert "superseded_by" not in await desk.read_claim(first["id"], as_of=instant)
    await desk.checker.patch(
        f"/v1/claims/{second['id']}",
        json={"text": "17 people died", "material": False},
        headers={"If-Match": "*"},
    )
    claim_view = await desk.read_claim(first["id"])
    assert claim_view["print_line"].endswith("by “17 people died”.")
    (event,) = [
        each
        for each in (await desk.reader.get(f"/v1/claims/{second['id']}/history")).json()["items"]
        if each["type"] == "claim.superseded"
    ]
    assert (event["data"]["by"], event["actor"]) == (third["id"], {"rule": "supersession"})


async def test_superseded_claim_leaves_the_board(desk: Desk, story: str) -> None:
    """Unasked; in lists and on its own page it is there, and as of before it was superseded."""
    first = await record_figure(desk, "12 died", 1)
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    await record_figure(desk, "17 died", 2, supersedes=first["id"])
    for address, is_shown in (
        ("/", False),
        ("/?story=port", False),
        (f"/?as_of={instant.replace('+', '%2B')}", True),
        ("/?status=asserted", True),
    ):
        assert ("12 died" in (await desk.reader.get(address)).text) is is_shown, address
    items = (await desk.reader.get("/v1/claims")).json()["items"]
    assert {claim["text"] for claim in items} == {"12 died", "17 died"}


async def test_lists_are_asked_for_the_superseded_or_for_the_rest(desk: Desk, story: str) -> None:
    """Now, as of an instant and in the search; unasked, both are listed."""
    first = (await record_figure(desk, "12 died", 1))["id"]
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    second = (await record_figure(desk, "17 died", 2, supersedes=first))["id"]

    async def list_ids(**query: str) -> set[str]:
        answer = await desk.reader.get("/v1/claims", params=query)
        assert answer.status_code == 200, answer.text
        return {claim["id"] for claim in answer.json()["items"]}

    assert await list_ids() == {first, second}
    for query in ({}, {"q": "died"}, {"as_of": desk.clock.now.isoformat()}):
        assert await list_ids(superseded="true", **query) == {first}, query
        assert await list_ids(superseded="false", **query) == {second}, query
    assert await list_ids(superseded="true", as_of=instant) == set()
    assert await list_ids(superseded="false", as_of=instant) == {first}


async def test_matrix_says_what_is_superseded_or_on_hold(desk: Desk, story: str) -> None:
    """As of an instant it says what was then; a hold that had ended by then is not in it."""
    first = (await record_figure(desk, "12 died", 1))["id"]
    instant = desk.clock.advance(minutes=1)
    until = instant + timedelta(minutes=2)
    hold = await desk.checker.put(
        f"/v1/claims/{first}/hold",
        json={"reason": "counted anew", "until": until.isoformat()},
        headers={"If-Match": "*"},
    )
    assert hold.status_code == 200, hold.text
    second = (await record_figure(desk, "17 died", 2, supersedes=first))["id"]

    async def read_row(**query: str) -> Json:
        answer = await desk.reader.get("/v1/stories/port/matrix", params=query)
        return next(row for row in answer.json()["claims"] if row["id"] == first)

    row = await read_row()
    assert (row["superseded_by"], row["hold"]["reason"]) == (second, "counted anew")
    before = await read_row(as_of=instant.isoformat())
    assert before.keys().isdisjoint({"superseded_by", "hold"})
    desk.clock.advance(minutes=5)
    later_row = await read_row(as_of=until.isoformat())
    assert (later_row["superseded_by"], "hold" in later_row) == (second, False)


async def test_void_claim_supersedes_nothing(desk: Desk, story: str) -> None:
    """What was recorded by mistake gives back what it replaced, until it is restored."""
    first = await record_figure(desk, "12 died", 1)
    second = await record_figure(desk, "17 died", 2, supersedes=first["id"])
    any_version = {"If-Match": "*"}
    url = f"/v1/claims/{second['id']}"
    body = {"reason": "another port"}
    assert (
        await desk.checker.post(f"{url}/void", json=body, headers=any_version)
    ).status_code == 200
    assert "superseded_by" not in await desk.read_claim(first["id"])
    restoration = await desk.checker.post(f"{url}/restoration", json=body, headers=any_version)
    assert restoration.status_code == 200
    assert (await desk.read_claim(first["id"]))["superseded_by"] == second["id"]


async def test_only_a_claim_of_the_same_story_and_claimant_is_superseded(
    desk: Desk, story: str
) -> None:
    await desk.post("/v1/stories", {"slug": "other", "title": "Another"})
    first = (await record_figure(desk, "12 died", 1))["id"]
    for changes, words in (
        ({"supersedes": NOBODY}, "there is no claim"),
        ({"supersedes": first, "story": "other"}, "its own story"),
        ({"supersedes": first, "story": None}, "its own story"),
        ({"supersedes": first, "claimant": "nato", "speaker": None}, "the same claimant"),
        ({"supersedes": first, "claimant": None, "speaker": None}, "the same claimant"),
    ):
        body = build_claim(**{"kind": "figure", "story": "port"} | changes)
        refusal = await desk.checker.post("/v1/claims", json=body)
        assert words in str(require_problem(refusal, "invalid-request")), changes
    second = await record_figure(desk, "17 died", 2, supersedes=first)
    body = build_claim(kind="figure", story="port", supersedes=first)
    second_answer = await desk.checker.post("/v1/claims", json=body)
    problem = str(require_problem(second_answer, "invalid-request"))
    assert f"claim {second['id']} supersedes it already" in problem


@pytest.mark.parametrize(
    "figure",
    [
        {},
        {"value": 12, "low": 1, "high": 2},
        {"low": 1},
        {"low": 3, "high": 2},
        {"value": "12"},
        {"value": 1e16},
        {"value": True},
        {"value": 12, "colour": "red"},
    ],
)
async def test_figure_is_a_value_or_a_range(desk: Desk, story: str, figure: Json) -> None:
    body = build_claim(kind="figure", figure=figure)
    require_problem(await desk.checker.post("/v1/claims", json=body), "invalid-request")


async def test_only_a_figure_has_numbers(desk: Desk, story: str) -> None:
    body = build_claim(kind="event", figure={"value": 12})
    refusal = await desk.checker.post("/v1/claims", json=body)
    assert "kind figure" in str(require_problem(refusal, "invalid-request"))
