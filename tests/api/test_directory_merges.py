"""Parties, speakers and sources that are one: merged, shown as one, and separated again."""

import pytest

from service.claims import rename_batches
from service.store.engine import Connection
from tests.api.problems import NOBODY, nothing_changes, require_field_error, require_problem
from tests.api.test_reversals import (
    WHY,
    approve,
    drop_passing,
    list_ids,
    read_links,
    require_sound_record,
)
from tests.support.desk import Desk, Json, build_statement


async def merge(desk: Desk, path: str, into: str, *, status: int = 200) -> Json:
    answer = await desk.editor.post(f"{path}/merge", json={"into": into, "reason": "They are one."})
    assert answer.status_code == status, answer.text
    view: Json = answer.json()
    return view


async def separate(desk: Desk, path: str) -> Json:
    answer = await desk.editor.post(f"{path}/separation", json=WHY)
    assert answer.status_code == 200, answer.text
    view: Json = answer.json()
    return view


async def record_nato_twice(desk: Desk) -> None:
    await desk.record_parties()
    body = {"slug": "atlantic-alliance", "name": "Atlantic Alliance", "parent": None}
    await desk.post("/v1/parties", body)


async def test_merge_that_makes_two_voices_one_takes_the_confirmation(desk: Desk) -> None:
    """A figure that two parties confirmed falls by itself when they are one; separated, there are
    two again, and it stays fallen; before the merge it was confirmed."""
    await record_nato_twice(desk)
    claim = (await desk.record_claim(kind="figure"))["id"]
    links = [
        (await desk.link_statement(claim, "supports", party))["id"]
        for party in ("nato", "atlantic-alliance")
    ]
    await approve(desk, await desk.change_status(claim, "confirmed", cites=links))
    before = desk.clock.now.isoformat()
    confirmed_claim = await desk.read_claim(claim)
    alone = (await desk.reader.get("/v1/parties/atlantic-alliance")).json()
    party_view = await merge(desk, "/v1/parties/atlantic-alliance", "nato")
    assert (party_view["merged_into"], party_view["merged_name"], party_view["root"]) == (
        "nato",
        "Atlantic Alliance",
        "nato",
    )
    claim_view = await desk.read_claim(claim)
    assert (claim_view["status"], claim_view["evidence"]["supports"]) == (
        "awaiting_confirmation",
        ["nato"],
    )
    assert "Atlantic" not in claim_view["print_line"]
    voices = [link["statement"]["party_name"] for link in await read_links(desk, claim)]
    assert voices == ["NATO", "NATO"]
    assert await list_ids(desk, "/v1/claims", party="nato") == [claim]
    names = await list_ids(desk, "/v1/statements", "party_name", party="nato")
    assert names == ["NATO", "NATO"]
    assert await desk.read_claim(claim, as_of=before) == confirmed_claim
    party_apart = await separate(desk, "/v1/parties/atlantic-alliance")
    passing = ("updated_at",)
    assert {k: v for k, v in party_apart.items() if k not in passing} == {
        k: v for k, v in alone.items() if k not in passing
    }
    claim_apart = await desk.read_claim(claim)
    assert claim_apart["status"] == "awaiting_confirmation"
    assert claim_apart["suggested_status"] == "confirmed"
    assert set(claim_apart["evidence"]["supports"]) == {"nato", "atlantic-alliance"}
    await require_sound_record(desk)


async def test_merge_that_prints_otherwise_takes_two_people(desk: Desk) -> None:
    """A confirmed claim whose supporter gets another name is a decision; so is the way back."""
    await record_nato_twice(desk)
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim, "atlantic-alliance")
    confirmed_claim = await desk.read_claim(claim)
    waiting = await desk.editor.post("/v1/parties/atlantic-alliance/merge", json={"into": "nato"})
    assert "merged_into" not in (await desk.reader.get("/v1/parties/atlantic-alliance")).json()
    await approve_by_another(desk, waiting.json()["id"])
    assert "Independently confirmed by NATO" in (await desk.read_claim(claim))["print_line"]
    back = await desk.editor.post("/v1/parties/atlantic-alliance/separation", json=WHY)
    assert back.json()["reason"] == WHY["reason"]
    await approve_by_another(desk, back.json()["id"])
    assert drop_passing(await desk.read_claim(claim)) == drop_passing(confirmed_claim)
    await require_sound_record(desk)


async def approve_by_another(desk: Desk, decision: str) -> None:
    approval = await desk.editor2.post(f"/v1/decisions/{decision}/approval")
    assert approval.status_code == 200, approval.text


async def test_merged_party_follows_the_name_of_the_other(desk: Desk) -> None:
    """It keeps its own name for whoever looks for it, cannot be changed itself, and is renamed with
    the party that took its place; what stands below it goes where that goes."""
    await record_nato_twice(desk)
    body = {"slug": "kfor", "name": "KFOR", "parent": "atlantic-alliance"}
    await desk.post("/v1/parties", body)
    claim = (await desk.record_claim())["id"]
    await desk.link_statement(claim, "comments", "atlantic-alliance")
    await desk.link_statement(claim, "comments", "kfor")
    await merge(desk, "/v1/parties/atlantic-alliance", "nato")
    renaming = await desk.editor.patch("/v1/parties/nato", json={"name": "The Alliance"})
    assert renaming.status_code == 200, renaming.text
    names = [
        (link["statement"]["party_name"], link["statement"]["root_name"])
        for link in await read_links(desk, claim)
    ]
    assert names == [("The Alliance", "The Alliance"), ("KFOR", "The Alliance")]
    async with nothing_changes(desk):
        late = await desk.editor.patch("/v1/parties/atlantic-alliance", json={"name": "Other"})
        assert require_problem(late, "conflict")["merged_into"] == "nato"
        name_answer = await desk.checker.post(
            "/v1/parties", json={"slug": "third", "name": "Atlantic Alliance"}
        )
        require_problem(name_answer, "already-exists")
        for slug, into in (("nato", "nato"), ("nato", "kfor"), ("nato", "nobody")):
            refusal = await desk.editor.post(f"/v1/parties/{slug}/merge", json={"into": into})
            require_field_error(refusal, "body", "into")
        second_merge = await desk.editor.post(
            "/v1/parties/atlantic-alliance/merge", json={"into": "belgrade"}
        )
        require_problem(second_merge, "already-settled")
        early = await desk.editor.post("/v1/parties/belgrade/separation", json=WHY)
        require_problem(early, "already-settled")
        early = await desk.checker.post("/v1/parties/nato/merge", json={"into": "belgrade"})
        assert early.status_code == 403
    await separate(desk, "/v1/parties/atlantic-alliance")
    names = [
        (link["statement"]["party_name"], link["statement"]["root_name"])
        for link in await read_links(desk, claim)
    ]
    assert names == [
        ("Atlantic Alliance", "Atlantic Alliance"),
        ("KFOR", "Atlantic Alliance"),
    ]
    await require_sound_record(desk)


async def test_merge_of_a_party_on_many_claims_goes_on_in_batches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like a rename: the party changes at once, its claims follow."""
    monkeypatch.setattr(rename_batches, "BATCH", 1)
    await record_nato_twice(desk)
    claims = [(await desk.record_claim(text=f"claim {n}"))["id"] for n in range(3)]
    for claim in claims:
        await desk.link_statement(claim, "requests_confirmation", "atlantic-alliance")
    await merge(desk, "/v1/parties/atlantic-alliance", "nato")

    def go_on(connection: Connection) -> int:
        return rename_batches.continue_rename(connection, now=desk.clock.now, most=1)

    while await desk.database.write(go_on):
        pass
    for claim in claims:
        assert (await desk.read_claim(claim))["evidence"]["requests_confirmation"] == ["nato"]
    await require_sound_record(desk)


async def test_merged_speakers_are_shown_as_one(desk: Desk) -> None:
    """With the other's name and role; whoever is recorded by the own name is shown so too; of
    different parties they are not merged."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    miller = {"name": "Matthew Miller", "role": "spokesman"}
    matt = {"name": "Matt Miller", "role": "State Department spokesman"}
    for speaker in (miller, matt):
        body = {"statement": build_statement("washington", speaker=speaker), "stance": "comments"}
        await desk.post(f"/v1/claims/{claim}/links", body)
    links = await read_links(desk, claim)
    first, second = (link["statement"]["speaker"]["id"] for link in links)
    speaker_view = await merge(desk, f"/v1/speakers/{second}", first)
    assert (speaker_view["name"], speaker_view["merged_name"], speaker_view["merged_into"]) == (
        "Matthew Miller",
        "Matt Miller",
        first,
    )
    body = {"statement": build_statement("washington", speaker=matt), "stance": "comments"}
    await desk.post(f"/v1/claims/{claim}/links", body)
    change = await desk.editor.patch(f"/v1/speakers/{first}", json={"role": "press secretary"})
    assert change.status_code == 200, change.text
    speakers = [link["statement"]["speaker"] for link in await read_links(desk, claim)]
    assert [(person["name"], person["role"]) for person in speakers] == [
        ("Matthew Miller", "press secretary")
    ] * 3
    other = (await desk.record_claim(text="another"))["id"]
    body = {"statement": build_statement("nato", speaker=miller), "stance": "comments"}
    await desk.post(f"/v1/claims/{other}/links", body)
    stranger = (await read_links(desk, other))[0]["statement"]["speaker"]["id"]
    async with nothing_changes(desk):
        refusal = await desk.editor.post(f"/v1/speakers/{stranger}/merge", json={"into": first})
        assert "merge those first" in require_field_error(refusal, "body", "into")
        late = await desk.editor.patch(f"/v1/speakers/{second}", json={"role": "x"})
        require_problem(late, "conflict")
    await separate(desk, f"/v1/speakers/{second}")
    speakers = [link["statement"]["speaker"]["name"] for link in await read_links(desk, claim)]
    assert speakers == ["Matthew Miller", "Matt Miller", "Matt Miller"]
    await require_sound_record(desk)


async def link_words_read_elsewhere(desk: Desk, claim: str) -> None:
    """Link a statement with a source of its own."""
    quote = {**build_statement("nato")["quotes"][0], "source": {"url": "https://example.org/amp"}}
    body = {"statement": build_statement("nato", quotes=[quote]), "stance": "comments"}
    await desk.post(f"/v1/claims/{claim}/links", body)


async def test_merged_source_is_shown_as_the_other(desk: Desk) -> None:
    """On every quote that was read there; separated, as itself."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await link_words_read_elsewhere(desk, claim)
    [link] = await read_links(desk, claim)
    source = link["statement"]["quotes"][0]["source"]
    [known_source] = [each for each in await list_ids(desk, "/v1/sources") if each != source["id"]]
    source_view = await merge(desk, f"/v1/sources/{source['id']}", known_source)
    assert (source_view["id"], source_view["merged_into"]) == (source["id"], known_source)
    [link] = await read_links(desk, claim)
    assert link["statement"]["quotes"][0]["source"]["id"] == known_source
    async with nothing_changes(desk):
        onwards = await desk.editor.post(
            f"/v1/sources/{known_source}/merge", json={"into": source["id"]}
        )
        require_field_error(onwards, "body", "into")
        second_merge = await desk.editor.post(
            f"/v1/sources/{source['id']}/merge", json={"into": known_source}
        )
        require_problem(second_merge, "already-settled")
        unknown = await desk.editor.post(f"/v1/sources/{NOBODY}/merge", json={"into": known_source})
        require_problem(unknown, "not-found")
    assert await separate(desk, f"/v1/sources/{source['id']}") == source
    [link] = await read_links(desk, claim)
    assert link["statement"]["quotes"][0]["source"] == source
    await require_sound_record(desk)


async def test_name_of_a_merged_claimant_takes_two_people_too(desk: Desk) -> None:
    """Whoever was merged into another, by way of a third too, is printed by the other's name: to
    change that on a confirmed claim is a decision, whichever of them it is done on."""
    await desk.record_parties()
    speakers = [
        (await desk.post("/v1/speakers", {"name": name, "role": "minister", "party": "belgrade"}))
        for name in ("Milos Vucevic", "Miloš V.", "Minister Vučević")
    ]
    first, second, third = (speaker["id"] for speaker in speakers)
    claim = (await desk.record_claim(speaker=first))["id"]
    await merge(desk, f"/v1/speakers/{first}", second)
    await merge(desk, f"/v1/speakers/{second}", third)
    assert "Minister Vučević" in (await desk.read_claim(claim))["print_line"]
    await desk.confirm_claim(claim)
    confirmed_claim = await desk.read_claim(claim)
    change = await desk.editor.patch(f"/v1/speakers/{third}", json={"name": "Pope Francis"})
    assert change.status_code == 202, change.text
    assert drop_passing(await desk.read_claim(claim)) == drop_passing(confirmed_claim)
    await approve_by_another(desk, change.json()["id"])
    assert "Pope Francis" in (await desk.read_claim(claim))["print_line"]
    await require_sound_record(desk)


async def test_correction_of_a_source_is_on_the_claims_that_show_it_by_a_merge(desk: Desk) -> None:
    """They show its outlet and address in the place of what was recorded with the words."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await link_words_read_elsewhere(desk, claim)
    [link] = await read_links(desk, claim)
    source = link["statement"]["quotes"][0]["source"]["id"]
    other = (await desk.post("/v1/sources", {"url": "https://example.org/full"}))["id"]
    await merge(desk, f"/v1/sources/{source}", other)
    version = (await desk.read_claim(claim))["version"]
    answer = await desk.checker.post(
        f"/v1/sources/{other}/corrections", json={"publisher": "Agency", "reason": "Taken wrongly"}
    )
    assert answer.status_code == 201, answer.text
    [link] = await read_links(desk, claim)
    assert link["statement"]["quotes"][0]["source"]["publisher"] == "Agency"
    assert (await desk.read_claim(claim))["version"] == version + 1
    [correction] = (await desk.reader.get(f"/v1/claims/{claim}/corrections")).json()["items"]
    assert (correction["type"], correction["after"]) == (
        "source.corrected",
        {"publisher": "Agency"},
    )
    await require_sound_record(desk)
