"""Claims that may be the same: asked for, told on recording one, and tried without recording."""

from itertools import pairwise
from typing import Any

import pytest

from tests.api.problems import (
    NOBODY,
    nothing_changes,
    record_of,
    require_field_error,
    require_problem,
)
from tests.support.desk import Desk, build_claim, build_quote

TROOPS = "Serbia cut its troops near Kosovo from 8,350 to 4,500"
AGAIN = "The number of Serbian soldiers near Kosovo was reduced from 8350 to 4500"
DENIED = "Serbia did not cut its troops near Kosovo from 8,350 to 4,500"
OTHER = "Serbia cut its troops near Kosovo from 14,000 to 8,350"
UNRELATED = "The minister of culture opened a library"
KEY = {"Idempotency-Key": "once"}


async def record(desk: Desk, **changes: Any) -> dict[str, Any]:
    """Record a claim, and ask what may be the same."""
    return await desk.post("/v1/claims?similar=true", build_claim(**changes))


async def list_similar(desk: Desk, claim: str) -> list[dict[str, Any]]:
    response = await desk.reader.get(f"/v1/claims/{claim}/similar")
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["next_cursor"] is None
    return list(body["items"])


async def test_claim_recorded_twice_is_offered_as_similar(desk: Desk) -> None:
    """The answer to recording it names the one before, which says why; so does the question, asked
    of either."""
    await desk.record_parties()
    first = await record(desk, text=TROOPS, kind="figure")
    assert first["similar"] == []
    assert await list_similar(desk, first["id"]) == []
    await record(desk, text=UNRELATED)
    second = await record(desk, text=AGAIN, kind="figure")
    (similar_claim,) = second["similar"]
    assert similar_claim == {
        "id": first["id"],
        "text": TROOPS,
        "kind": "figure",
        "claimant": first["claimant"],
        "claimed_at": first["claimed_at"],
        "precision": "day",
        "status": "asserted",
        "lifecycle": "active",
        "score": similar_claim["score"],
        "probably_same": True,
        "shares": similar_claim["shares"],
        "differs": [],
    }
    assert similar_claim["score"] == round(similar_claim["score"], 2) > 0.9
    assert "figures: 8350, 4500" in similar_claim["shares"]
    assert [each["id"] for each in await list_similar(desk, first["id"])] == [second["id"]]
    assert await list_similar(desk, second["id"]) == second["similar"]


async def test_similar_claims_are_not_looked_for_by_default(desk: Desk) -> None:
    """Nothing is compared for a plain POST, and its answer has no such field."""
    await desk.record_parties()
    await desk.record_claim(text=TROOPS)
    for query in ("", "?similar=false"):
        claim_view = await desk.post(f"/v1/claims{query}", build_claim(text=AGAIN))
        assert "similar" not in claim_view
    refusal = await desk.checker.post("/v1/claims?similar=perhaps", json=build_claim(text=AGAIN))
    require_field_error(refusal, "query", "similar")


async def test_similar_claims_say_what_sets_them_apart(desk: Desk) -> None:
    """Other figures and a denial lower the score and are named; likeliest first."""
    await desk.record_parties()
    for text in (DENIED, OTHER, AGAIN, UNRELATED):
        await record(desk, text=text)
    similar_claims = (await record(desk, text=TROOPS))["similar"]
    assert similar_claims[0]["text"] == AGAIN
    assert [each["probably_same"] for each in similar_claims] == [True, False, False]
    scores = [each["score"] for each in similar_claims]
    assert scores == sorted(scores, reverse=True)
    differences = {each["text"]: each["differs"] for each in similar_claims}
    assert differences[DENIED] == ["one denies what the other claims"]
    assert differences[OTHER] == ["figures differ: 4,500 and 14,000"]


async def test_dry_run_changes_nothing(desk: Desk) -> None:
    """What would be recorded, without an id, and what is similar; no row, event, delivery, source
    or speaker is left behind, and nothing wakes whoever sends webhooks."""
    await desk.record_parties()
    hook = {"url": "https://example.org/hook"}
    assert (await desk.admin.post("/v1/webhooks", json=hook)).status_code in (201, 422)
    first = await record(desk, text=TROOPS)
    wakeup_calls: list[bool] = []
    desk.database.wakeups.subscribe(lambda: wakeup_calls.append(True))
    body = build_claim(
        text=AGAIN,
        part_of=None,
        speaker={"name": "Somebody New", "role": "spokesman"},
        origin={"quotes": [build_quote("…") | {"source": {"url": "https://example.org/new"}}]},
    )
    before = await record_of(desk)
    answer = await desk.checker.post("/v1/claims?dry_run=true", json=body)
    assert answer.status_code == 200, answer.text
    assert await record_of(desk) == before
    assert not wakeup_calls
    preview = answer.json()
    assert preview["id"] is None
    assert "Location" not in answer.headers
    assert "ETag" not in answer.headers
    assert [each["id"] for each in preview["similar"]] == [first["id"]]
    claim_view = await desk.post("/v1/claims?similar=true", body)
    assert wakeup_calls
    moments = ("id", "created_at", "updated_at", "status_since")
    assert preview == claim_view | {name: preview[name] for name in moments}


async def test_dry_run_of_component_does_not_change_its_parent(desk: Desk) -> None:
    """The parent keeps its version, and is not offered as similar."""
    await desk.record_parties()
    parent = (await record(desk, text=TROOPS))["id"]
    async with nothing_changes(desk):
        preview = await desk.checker.post(
            "/v1/claims?dry_run=1", json=build_claim(text=AGAIN, part_of=parent)
        )
    assert (preview.status_code, preview.json()["similar"]) == (200, [])


async def test_dry_run_refuses_what_recording_refuses(desk: Desk) -> None:
    """Fields, references and roles are checked, and so is the parameter itself."""
    await desk.record_parties()
    url = "/v1/claims?dry_run=true"
    async with nothing_changes(desk):
        for changes, loc in (
            ({"text": ""}, ("body", "text")),
            ({"story": "nowhere"}, ("body", "story")),
            ({"claimant": "nobody"}, ("body", "claimant")),
            ({"part_of": NOBODY}, ("body", "part_of")),
            ({"claimed_at": "2124-01-01T00:00:00Z"}, ("body", "claimed_at")),
        ):
            response = await desk.checker.post(url, json=build_claim(**changes))
            require_field_error(response, *loc)
        require_problem(await desk.reader.post(url, json=build_claim()), "forbidden")
        response = await desk.checker.post("/v1/claims?dry_run=perhaps", json=build_claim())
        require_field_error(response, "query", "dry_run")
        response = await desk.checker.post("/v1/claims?dryrun=true", json=build_claim())
        require_field_error(response, "query", "dryrun")


async def test_retry_repeats_the_similar_claims_of_the_first_answer(desk: Desk) -> None:
    """The first answer comes again, though more is similar by now; a dry run leaves its key
    unused, and does not replay."""
    await desk.record_parties()
    await record(desk, text=TROOPS)
    body = build_claim(text=AGAIN)
    dry = await desk.checker.post("/v1/claims?dry_run=true", json=body, headers=KEY)
    first = await desk.checker.post("/v1/claims?similar=true", json=body, headers=KEY)
    assert (dry.status_code, first.status_code) == (200, 201)
    await record(desk, text=TROOPS)
    retry = await desk.checker.post("/v1/claims?similar=true", json=body, headers=KEY)
    assert retry.headers["Idempotent-Replayed"] == "true"
    assert retry.content == first.content
    dry = await desk.checker.post("/v1/claims?dry_run=true", json=body, headers=KEY)
    assert "Idempotent-Replayed" not in dry.headers
    assert len(dry.json()["similar"]) == 3


async def test_merged_claim_is_offered_as_its_survivor(desk: Desk) -> None:
    """Once, by the better of both wordings, however many merges there were; not as similar to the
    claim it went into."""
    await desk.record_parties()
    claims = [(await record(desk, text=text))["id"] for text in (TROOPS, OTHER, UNRELATED)]
    for loser, into in pairwise(claims):
        merge = await desk.checker.post(
            f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
        )
        assert merge.status_code == 200, merge.text
    (similar_claim,) = (await record(desk, text=AGAIN))["similar"]
    assert (similar_claim["id"], similar_claim["text"], similar_claim["probably_same"]) == (
        claims[2],
        UNRELATED,
        True,
    )
    assert [each["id"] for each in await list_similar(desk, claims[2])] == []


async def test_withdrawn_claim_is_offered_and_marked(desk: Desk) -> None:
    """Its claimant may be making it again."""
    await desk.record_parties()
    first = (await record(desk, text=TROOPS))["id"]
    await desk.post(f"/v1/claims/{first}/withdrawal", {"reason": "corrected"}, status=200)
    (similar_claim,) = (await record(desk, text=AGAIN))["similar"]
    assert (similar_claim["id"], similar_claim["lifecycle"]) == (first, "withdrawn")


async def test_components_are_not_offered_as_similar_to_their_claim(desk: Desk) -> None:
    """Two components may be similar to each other."""
    await desk.record_parties()
    parent = (await record(desk, text=TROOPS))["id"]
    component = (await record(desk, text=AGAIN, part_of=parent))["id"]
    other = (await record(desk, text=TROOPS, part_of=parent))["id"]
    assert await list_similar(desk, parent) == []
    assert [claim["id"] for claim in await list_similar(desk, component)] == [other]


async def test_similar_claims_are_found_in_other_scripts_and_languages(desk: Desk) -> None:
    """The same in Serbian, in Latin and Cyrillic letters, and without diacritics."""
    await desk.record_parties()
    first = await record(desk, text="Srbija je smanjila broj vojnika u blizini Kosova na 4.500")
    for text in (
        "Србија је смањила број војника у близини Косова на 4.500",
        "Serbia cut the number of its soldiers near Kosovo to 4,500",
    ):
        response = await desk.checker.post("/v1/claims?dry_run=true", json=build_claim(text=text))
        (similar_claim,) = response.json()["similar"]
        assert (similar_claim["id"], similar_claim["probably_same"]) == (first["id"], True), text


async def test_unknown_claim_has_no_similar_claims(desk: Desk) -> None:
    """An unknown claim is 404, an unknown parameter 422."""
    for unknown in (NOBODY, "nothing"):
        require_problem(await desk.reader.get(f"/v1/claims/{unknown}/similar"), "not-found")
    await desk.record_parties()
    claim = (await record(desk))["id"]
    response = await desk.reader.get(f"/v1/claims/{claim}/similar?limit=5")
    require_field_error(response, "query", "limit")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 2000,
        "Serbia 4,500 " * 150,
        "word " * 400,
        "\" OR 1' | & ! <-> ) ( * : NEAR AND NOT",
        "🕊️ \u200fabc <b>x</b>",
        "…!?",
    ],
)
async def test_any_text_can_be_compared(desk: Desk, text: str) -> None:
    """Whatever a claim may say is looked for and found again."""
    await desk.record_parties()
    first = await record(desk, text=text)
    second_claim = await record(desk, text=text)
    words = any(each.isalnum() for each in text)
    assert [each["id"] for each in second_claim["similar"]] == ([first["id"]] if words else [])
