"""A claim from its recording to its withdrawal, as the API's contract has it."""

import itertools
from typing import Any

import httpx

from service.domain.claims import Kind, Precision
from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support.desk import SOURCE, Desk, build_claim, build_quote, build_statement


async def patch_claim(desk: Desk, claim: str, **change: Any) -> httpx.Response:
    return await desk.checker.patch(f"/v1/claims/{claim}", json=change, headers={"If-Match": "*"})


async def read_origin(desk: Desk, claim: dict[str, Any]) -> dict[str, Any]:
    """The statement that a claim comes from, as its record names it."""
    history = (await desk.reader.get(f"/v1/claims/{claim['id']}/history")).json()["items"]
    origin = history[0]["data"]["origin_statement"]
    return dict((await desk.reader.get(f"/v1/statements/{origin}")).json())


async def test_a_claim_is_recorded_as_it_was_sent(desk: Desk) -> None:
    """The answer, its ETag and its Location tell one claim, the same that is read afterwards."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    body = build_claim(
        text="  Serbia cut its troops from 8,350 to 4,500  ",
        kind="figure",
        story="border",
        tags=["troops", " troops ", "north"],
        claimed_at="2023-10-02T14:30:00+02:00",
        precision="minute",
    )
    response = await desk.checker.post("/v1/claims", json=body)
    claim = response.json()
    assert response.headers["Location"] == f"/v1/claims/{claim['id']}"
    assert response.headers["ETag"] == '"1"'
    read = await desk.reader.get(response.headers["Location"])
    assert read.json() == claim
    expected = {
        "text": "Serbia cut its troops from 8,350 to 4,500",
        "kind": "figure",
        "revision": 1,
        "claimant": {
            "party": "belgrade",
            "name": "Belgrade",
            "speaker": {"name": "Gen. Milan Mojsilović", "role": "chief of staff"},
        },
        "claimed_at": "2023-10-02T12:30:00Z",
        "precision": "minute",
        "status": "asserted",
        "version": 1,
        "finding": None,
        "lifecycle": "active",
        "merged_into": None,
        "suggested_status": "asserted",
        "agrees": True,
        "challenged": False,
        "override": False,
        "evidence": {"supports": [], "contradicts": [], "requests_confirmation": []},
        "story": "border",
        "tags": ["troops", "north"],
        "assignee": None,
        "due_at": None,
        "part_of": None,
        "components": [],
    }
    assert {name: claim[name] for name in expected} == expected
    assert claim["status_since"] == claim["created_at"] == claim["updated_at"]


async def test_every_kind_and_precision_is_accepted(desk: Desk) -> None:
    """Each is recorded and served back."""
    await desk.record_parties()
    for kind in Kind:
        assert (await desk.record_claim(kind=kind.value))["kind"] == kind.value
    for precision in Precision:
        claim = await desk.record_claim(precision=precision.value)
        assert claim["precision"] == precision.value
        assert (await read_origin(desk, claim))["precision"] == precision.value


async def test_origin_takes_its_missing_fields_from_the_claim(desk: Desk) -> None:
    """Party, speaker, instant and precision; a claim may also be known from what another party
    says, or from words of nobody."""
    await desk.record_parties()
    plain = await read_origin(desk, await desk.record_claim())
    assert (plain["party"], plain["speaker"]["name"]) == ("belgrade", "Gen. Milan Mojsilović")
    assert (plain["said_at"], plain["precision"]) == ("2023-10-02T00:00:00Z", "day")
    assert plain["basis"] == "unstated"
    other = await read_origin(
        desk,
        await desk.record_claim(
            origin={
                "party": "kosovo-police",
                "said_at": "2023-10-01T10:00:00Z",
                "precision": "hour",
                "basis": "documents",
                "quotes": [build_quote("They told us so"), build_quote("Das sagten sie uns")],
            }
        ),
    )
    assert (other["party"], other["root"], other["speaker"]) == ("kosovo-police", "pristina", None)
    assert (other["said_at"], other["precision"]) == ("2023-10-01T10:00:00Z", "hour")
    assert [quote["text"] for quote in other["quotes"]] == ["They told us so", "Das sagten sie uns"]
    nobodys = await read_origin(
        desk, await desk.record_claim(origin={"party": None, "quotes": [build_quote()]})
    )
    assert (nobodys["party"], nobodys["speaker"]) == (None, None)


async def test_unattributed_claim_can_be_confirmed_by_any_party(desk: Desk) -> None:
    """Without a claimant every party is independent, so Belgrade too can confirm it."""
    await desk.record_parties()
    claim = await desk.record_claim(claimant=None, speaker=None)
    assert claim["claimant"] is None
    assert claim["print_line"].startswith("Unattributed claim (2 October 2023).")
    assert (await read_origin(desk, claim))["party"] is None
    await desk.link_statement(claim["id"], "supports", "belgrade")
    assert (await desk.read_claim(claim["id"]))["suggested_status"] == "confirmed"


async def test_claim_can_originate_from_a_recorded_statement(desk: Desk) -> None:
    """Its party's speaker is the claimant's too; a withdrawn statement cannot be an origin."""
    await desk.record_parties()
    statement = await desk.post(
        "/v1/statements", build_statement("belgrade", speaker={"name": "Miloš Vučević"})
    )
    claim = await desk.record_claim(speaker=None, origin=None, origin_statement=statement["id"])
    assert claim["claimant"]["speaker"] == {"name": "Miloš Vučević", "role": None}
    withdrawal = await desk.checker.post(
        f"/v1/statements/{statement['id']}/withdrawal", json={"reason": "denied", "source": SOURCE}
    )
    assert withdrawal.status_code == 200
    assert (await desk.read_claim(claim["id"]))["lifecycle"] == "withdrawn"
    async with nothing_changes(desk):
        body = build_claim(origin=None, origin_statement=statement["id"])
        require_problem(await desk.checker.post("/v1/claims", json=body), "statement-withdrawn")


async def test_a_parent_shows_its_components(desk: Desk) -> None:
    """A part shows on its parent with text and status, and moves the parent's version with each
    change that shows; the parent's own status stays its own."""
    await desk.record_parties()
    parent = (await desk.record_claim(text="Serbia reduced troops to normal"))["id"]
    part = await desk.record_claim(text="8,350 to 4,500", part_of=parent)
    assert part["part_of"] == parent
    whole = await desk.read_claim(parent)
    assert whole["components"] == [
        {"id": part["id"], "text": "8,350 to 4,500", "status": "asserted"}
    ]
    assert (whole["version"], whole["status"]) == (2, "asserted")
    await desk.link_statement(part["id"], "requests_confirmation", "washington")
    whole = await desk.read_claim(parent)
    assert [component["status"] for component in whole["components"]] == ["awaiting_confirmation"]
    assert (whole["version"], whole["status"]) == (3, "asserted")
    await desk.link_statement(part["id"], "comments", "nato")
    assert (await desk.read_claim(parent))["version"] == 3
    await patch_claim(desk, part["id"], text="8,350 to 4,500 men", material=False)
    whole = await desk.read_claim(parent)
    assert (whole["version"], whole["components"][0]["text"]) == (4, "8,350 to 4,500 men")
    parts = (await desk.reader.get("/v1/claims", params={"part_of": parent})).json()["items"]
    assert [each["id"] for each in parts] == [part["id"]]


async def test_typo_keeps_the_revision_and_a_material_change_makes_a_new_one(desk: Desk) -> None:
    """A typo keeps status and links; a material change takes a confirmation back, and each link
    must be affirmed before it counts again."""
    await desk.record_parties()
    claim = (await desk.record_claim(text="Serbia has returnd to normal"))["id"]
    link = await desk.confirm_claim(claim)
    mend = await patch_claim(desk, claim, text="Serbia has returned to normal", material=False)
    assert mend.status_code == 202, "two people vouch for what is confirmed"
    await desk.editor.post(f"/v1/decisions/{mend.json()['id']}/approval")
    typo = await desk.read_claim(claim)
    assert (typo["revision"], typo["status"], typo["agrees"]) == (1, "confirmed", True)
    revision = (await patch_claim(desk, claim, text="Serbia has left", material=True)).json()
    assert (revision["revision"], revision["status"]) == (2, "awaiting_confirmation")
    assert revision["suggested_status"] == "awaiting_confirmation"
    changes = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()["items"]
    assert [change["cause"] for change in changes] == ["decision", "amendment"]
    items = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    assert [each["affirmed"] for each in items] == [False]
    affirmation = await desk.checker.post(f"/v1/links/{link}/affirmation")
    assert affirmation.json()["suggested_status"] == "confirmed"
    assert affirmation.json()["status"] == "awaiting_confirmation"
    async with nothing_changes(desk):
        second_affirmation = await desk.checker.post(f"/v1/links/{link}/affirmation")
        require_problem(second_affirmation, "already-settled")
        bare = await patch_claim(desk, claim, text="Another")
        assert "material" in require_problem(bare, "invalid-request")["detail"]
        require_problem(await patch_claim(desk, claim, material=True), "invalid-request")


async def test_tags_and_assignee_can_be_amended(desk: Desk) -> None:
    """Fields that are not sent stay, null clears; an amendment without a change is no new
    version."""
    await desk.record_parties()
    claim = (await desk.record_claim(tags=["a"]))["id"]
    me = (await desk.checker2.get("/v1/me")).json()["id"]
    view = (await patch_claim(desk, claim, tags=["b", "c", "b"], assignee=me)).json()
    assert (view["tags"], view["assignee"]) == (["b", "c"], me)
    async with nothing_changes(desk):
        for change in ({}, {"tags": ["b", "c"], "assignee": me}):
            same = await patch_claim(desk, claim, **change)
            assert (same.status_code, same.json()) == (200, view)
        require_field_error(await patch_claim(desk, claim, assignee="nobody"), "body", "assignee")
        require_problem(await patch_claim(desk, claim, finding="refuted"), "invalid-request")
        require_problem(await patch_claim(desk, claim, tags=None), "invalid-request")
        require_problem(await patch_claim(desk, claim, status="confirmed"), "invalid-request")
    cleared_view = (await patch_claim(desk, claim, assignee=None, tags=[])).json()
    assert (cleared_view["assignee"], cleared_view["tags"]) == (None, [])


async def test_a_withdrawn_claim_keeps_its_status(desk: Desk) -> None:
    """The claimant takes it back: its status stands, its record is closed, its line says so."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.link_statement(claim, "requests_confirmation", "washington")
    response = await desk.checker.post(
        f"/v1/claims/{claim}/withdrawal",
        json={"reason": "a mistake", "source": SOURCE | {"sha256": "a" * 64}},
    )
    view = response.json()
    assert (view["lifecycle"], view["status"]) == ("withdrawn", "awaiting_confirmation")
    assert view["print_line"].endswith("The claimant has withdrawn it.")
    items = (await desk.reader.get("/v1/claims")).json()["items"]
    assert [each["lifecycle"] for each in items] == ["withdrawn"]


async def test_links_show_their_statements_speakers_quotes_and_sources(desk: Desk) -> None:
    """expand=links gives what the list of links gives, retracted ones too; as of an instant only
    what was known by then."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    miller = {"name": "Matthew Miller", "role": "spokesman"}
    body = {
        "statement": build_statement("state-department", speaker=miller),
        "stance": "requests_confirmation",
        "conditional": True,
        "note": "if true",
    }
    link = await desk.post(f"/v1/claims/{claim}/links", body)
    instant = desk.clock.now.isoformat()
    statement = link["statement"]
    assert (statement["party"], statement["root"]) == ("state-department", "washington")
    assert statement["speaker"]["name"] == "Matthew Miller"
    assert statement["quotes"][0]["source"]["url"] == SOURCE["url"]
    assert (link["note"], link["conditional"], link["scope"]) == ("if true", True, "full")
    statement_view = await desk.post(
        f"/v1/statements/{statement['id']}/quotes", build_quote("Wir warten") | {"language": "de"}
    )
    assert [quote["language"] for quote in statement_view["quotes"]] == ["en", "de"]
    await desk.checker.post(f"/v1/links/{link['id']}/retraction", json={"reason": "mistaken"})
    page = (await desk.checker.get(f"/v1/claims/{claim}/links")).json()
    claim_view = await desk.checker.get(f"/v1/claims/{claim}?expand=links")
    assert claim_view.json()["links"] == page["items"]
    assert [item["retraction_reason"] for item in page["items"]] == ["mistaken"]
    assert len(page["items"][0]["statement"]["quotes"]) == 2
    earlier_view = await desk.read_claim(claim, expand="links", as_of=instant)
    assert earlier_view["links"] == [link | {"note": None}], "the note is for the desk"
    before = await desk.reader.get(
        f"/v1/claims/{claim}", params={"as_of": "2023-10-02T00:00:00Z", "expand": "links"}
    )
    require_problem(before, "not-yet-recorded")


async def test_suggestion_explains_each_link(desk: Desk) -> None:
    """Each link is counted or not, and why; as of an instant from what was known then."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.link_statement(claim, "supports", "belgrade")
    instant = desk.clock.now.isoformat()
    await desk.link_statement(claim, "contradicts", "pristina")
    url = f"/v1/claims/{claim}/suggestion"
    now = (await desk.reader.get(url)).json()
    assert now["status"] == "disputed"
    assert [(each["party"], each["counted"]) for each in now["trace"]] == [
        ("belgrade", False),
        ("pristina", True),
    ]
    assert now["trace"][0]["why"] == "same party as the claimant"
    assert now["needs"]["open_contradictions"] == 1
    earlier = (await desk.reader.get(url, params={"as_of": instant})).json()
    assert earlier["status"] == "awaiting_confirmation"
    assert len(earlier["trace"]) == 1


async def test_notes_are_no_change_of_the_claim(desk: Desk) -> None:
    """A note is listed with its author, oldest first."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    url = f"/v1/claims/{claim}/notes"
    for text in ("first", "second", "third"):
        await desk.post(url, {"text": text})
    first = (await desk.editor.get(url, params={"limit": 2})).json()
    rest = (await desk.editor.get(url, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    notes = first["items"] + rest["items"]
    assert [note["text"] for note in notes] == ["first", "second", "third"]
    assert notes[0]["author"]["name"] == "checker"
    assert rest["next_cursor"] is None


async def test_author_changes_note_and_former_text_stays_readable(desk: Desk) -> None:
    """Nobody else may change it, editors included; the same text is refused; the claim's version
    stays, and verification folds the note's record to what it says now."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    notes = f"/v1/claims/{claim}/notes"
    note = await desk.post(notes, {"text": "Call KFOR"})
    version = (await desk.reader.get(f"/v1/claims/{claim}")).headers["ETag"]
    url = f"/v1/notes/{note['id']}"
    for client in (desk.reader, desk.editor):
        require_problem(await client.patch(url, json={"text": "No"}), "forbidden")
    require_field_error(await desk.checker.patch(url, json={"text": "Call KFOR"}), "body", "text")
    require_field_error(await desk.checker.patch(url, json={"text": "x", "by": "me"}), "body", "by")
    absent_note = "/v1/notes/00000000-0000-7000-8000-000000000000"
    require_problem(await desk.checker.patch(absent_note, json={"text": "x"}), "not-found")
    for text in ("Call EULEX", "Call both"):
        response = await desk.checker.patch(url, json={"text": text})
        assert response.status_code == 200
    changed_note = response.json()
    assert changed_note["text"] == "Call both"
    assert [former_text["text"] for former_text in changed_note["former"]] == [
        "Call KFOR",
        "Call EULEX",
    ]
    assert changed_note["edited_at"] >= changed_note["former"][-1]["until"]
    assert (await desk.editor.get(notes)).json()["items"] == [changed_note]
    assert (await desk.reader.get(f"/v1/claims/{claim}")).headers["ETag"] == version
    assert (await desk.read_claim(claim))["version"] == 1


async def test_history_is_a_complete_chain_of_hashes(desk: Desk) -> None:
    """Every event in order, paged without a gap, each bound to the one before by its hash."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim)
    await patch_claim(desk, claim, tags=["x"])
    url = f"/v1/claims/{claim}/history"
    pages: list[dict[str, Any]] = []
    cursor: str | None = None
    while not pages or cursor:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await desk.checker.get(url, params=params)).json()
        pages += page["items"]
        cursor = page["next_cursor"]
    assert [each["type"] for each in pages] == [
        "claim.created",
        "link.created",
        "decision.proposed",
        "claim.status_changed",
        "claim.amended",
    ]
    assert [each["seq"] for each in pages] == [1, 2, 3, 4, 5]
    assert pages[0]["previous_hash"] == "0" * 64
    for before, after in itertools.pairwise(pages):
        assert after["previous_hash"] == before["hash"]
    assert pages[3]["actor"]["name"] == "editor"
    assert pages[3]["data"]["approved_by"] == "editor"
