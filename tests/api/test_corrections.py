"""Corrections through the API: what was recorded wrongly is right from then on, and nothing that
was believed before is lost."""

from typing import Any

import orjson
import pytest

from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.api.test_four_eyes import record_confirmed_claim
from tests.api.test_reversals import require_sound_record
from tests.support.desk import Desk, Json, build_claim, build_statement


async def correct(desk: Desk, path: str, **changes: Any) -> Json:
    """Correct something as a checker, and expect it to happen."""
    body = {"reason": "It was taken down wrongly.", **changes}
    answer = await desk.checker.post(f"{path}/corrections", json=body)
    assert answer.status_code == 201, answer.text
    view: Json = answer.json()
    return view


async def read_link(desk: Desk, claim: str) -> Json:
    links = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"]
    link: Json = links[0]
    return link


async def read_status_changes(desk: Desk, claim: str) -> list[Json]:
    items: list[Json] = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()[
        "items"
    ]
    return items


async def test_claim_falls_when_its_support_was_the_claimants_own(desk: Desk) -> None:
    """The supporting statement was said by another party: the rules take the confirmation away by
    themselves, and an instant before shows what was believed then."""
    claim = await record_confirmed_claim(desk)
    before = desk.clock.now.isoformat()
    link = await read_link(desk, claim)
    statement = link["statement"]["id"]
    statement_view = await correct(desk, f"/v1/statements/{statement}", party="belgrade")
    assert statement_view["party"] == "belgrade"
    claim_view = await desk.read_claim(claim)
    assert claim_view["status"] == "awaiting_confirmation"
    assert claim_view["corrected_at"] is not None
    assert "NATO" not in claim_view["print_line"]
    assert (await read_status_changes(desk, claim))[-1]["cause"] == "correction"
    earlier_view = await desk.read_claim(claim, as_of=before)
    assert earlier_view["status"] == "confirmed"
    assert "NATO" in earlier_view["print_line"]
    (correction,) = (await desk.reader.get(f"/v1/claims/{claim}/corrections")).json()["items"]
    assert correction["type"] == "statement.corrected"
    assert (correction["before"], correction["after"]) == (
        {"party": "nato"},
        {"party": "belgrade"},
    )
    assert correction["statement"] == statement
    assert (await read_link(desk, claim))["statement"]["party"] == "belgrade"
    await require_sound_record(desk)


async def test_confirmation_ends_where_another_party_supports(desk: Desk) -> None:
    """It would suffice, but two people agreed to print another name; no correction confirms."""
    claim = await record_confirmed_claim(desk)
    statement = (await read_link(desk, claim))["statement"]["id"]
    await correct(desk, f"/v1/statements/{statement}", party="pristina")
    claim_view = await desk.read_claim(claim)
    assert claim_view["status"] == "awaiting_confirmation"
    assert (await read_status_changes(desk, claim))[-1]["cause"] == "correction"
    await correct(desk, f"/v1/statements/{statement}", party="nato")
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    await require_sound_record(desk)


async def test_confirmation_ends_where_one_supporter_less_is_printed(desk: Desk) -> None:
    """Enough remain, but what two people agreed to print was wrong."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "washington")
    await desk.confirm_claim(claim)
    assert "Washington" in (await desk.read_claim(claim))["print_line"]
    await correct(desk, f"/v1/statements/{link['statement']['id']}", party="belgrade")
    claim_view = await desk.read_claim(claim)
    assert (claim_view["status"], claim_view["agrees"]) == ("awaiting_confirmation", False)
    assert (await read_status_changes(desk, claim))[-1]["cause"] == "correction"
    await require_sound_record(desk)


async def test_material_correction_asks_for_affirmation(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    link = await read_link(desk, claim)
    statement = link["statement"]
    quote = {"id": statement["quotes"][0]["id"], "text": "They have left nearly everything."}
    statement_view = await correct(
        desk, f"/v1/statements/{statement['id']}", quotes=[quote], material=True
    )
    assert statement_view["quotes"][0]["text"] == quote["text"]
    assert not (await read_link(desk, claim))["affirmed"]
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    items = (await desk.reader.get("/v1/claims", params={"q": "nearly"})).json()["items"]
    assert [item["id"] for item in items] == [claim]
    (correction,) = (await desk.reader.get(f"/v1/statements/{statement['id']}/corrections")).json()[
        "items"
    ]
    assert correction["before"]["quotes"][0]["text"] == statement["quotes"][0]["text"]
    assert correction["material"] is True
    await require_sound_record(desk)


async def test_immaterial_correction_leaves_a_confirmation(desk: Desk) -> None:
    """Another hour, basis and spelling of a quote print nothing else."""
    claim = await record_confirmed_claim(desk)
    spoken_statement = (await read_link(desk, claim))["statement"]
    statement, (quote, *_) = spoken_statement["id"], spoken_statement["quotes"]
    spelling = {"id": quote["id"], "text": f"“{quote['text'].upper()}”", "language": "en-GB"}
    await correct(desk, f"/v1/statements/{statement}", quotes=[spelling])
    statement_view = await correct(
        desk,
        f"/v1/statements/{statement}",
        said_at="2023-10-01T17:00:00Z",
        precision="hour",
        basis="documents",
    )
    assert (statement_view["said_at"], statement_view["precision"]) == (
        "2023-10-01T17:00:00Z",
        "hour",
    )
    assert (await desk.read_claim(claim))["status"] == "confirmed"
    await correct(desk, f"/v1/statements/{statement}", basis="third_party")
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    await require_sound_record(desk)


@pytest.mark.parametrize(
    "change", [{"text": "They have nearly left."}, {"rendering": "paraphrase"}]
)
@pytest.mark.parametrize("place", ["support", "origin"])
async def test_confirmation_ends_where_words_it_rests_on_change(
    desk: Desk, change: Json, place: str
) -> None:
    """One person says that the words were others: two had agreed on those, material or not."""
    claim = await record_confirmed_claim(desk)
    if place == "support":
        statement = (await read_link(desk, claim))["statement"]
    else:
        events = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()["items"]
        origin = events[0]["data"]["origin_statement"]
        statement = (await desk.reader.get(f"/v1/statements/{origin}")).json()
    quote = {"id": statement["quotes"][0]["id"], **change}
    await correct(desk, f"/v1/statements/{statement['id']}", quotes=[quote], material=False)
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    assert (await read_status_changes(desk, claim))[-1]["cause"] == "correction"
    assert (await read_link(desk, claim))["affirmed"]
    await require_sound_record(desk)


async def test_words_of_a_comment_are_no_part_of_a_confirmation(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    link = await desk.link_statement(claim, "comments", "washington")
    quote = {"id": link["statement"]["quotes"][0]["id"], "text": "Something else altogether."}
    await correct(desk, f"/v1/statements/{link['statement']['id']}", quotes=[quote])
    assert (await desk.read_claim(claim))["status"] == "confirmed"


async def test_claim_is_corrected_field_by_field(desk: Desk) -> None:
    """Kind, claimant, date, story and parent; lists, the matrix and the parent follow."""
    await desk.record_parties()
    for slug in ("border", "trade"):
        await desk.post("/v1/stories", {"slug": slug, "title": slug})
    parent = (await desk.record_claim(text="The army has left"))["id"]
    claim = (await desk.record_claim(story="border"))["id"]
    claim_view = await correct(
        desk,
        f"/v1/claims/{claim}",
        kind="prediction",
        claimant="pristina",
        claimed_at="2023-09-01T00:00:00Z",
        precision="month",
        story="trade",
        part_of=parent,
    )
    assert claim_view["claimant"]["party"] == "pristina"
    assert claim_view["claimant"]["speaker"] is None
    assert (claim_view["kind"], claim_view["story"]) == ("prediction", "trade")
    assert "Claimed by Pristina (September 2023)" in claim_view["print_line"]
    assert [part["id"] for part in (await desk.read_claim(parent))["components"]] == [claim]
    for slug, ids in (("border", []), ("trade", [claim])):
        items = (await desk.reader.get("/v1/claims", params={"story": slug})).json()["items"]
        assert [item["id"] for item in items] == ids
    await correct(desk, f"/v1/claims/{claim}", part_of=None, story=None)
    assert (await desk.read_claim(parent))["components"] == []
    corrections = (await desk.reader.get(f"/v1/claims/{claim}/corrections")).json()["items"]
    assert [item["after"].get("story") for item in corrections] == ["trade", None]
    await require_sound_record(desk)


async def test_claimant_who_confirmed_is_no_independent_voice(desk: Desk) -> None:
    """Independence is judged anew against the right claimant."""
    claim = await record_confirmed_claim(desk)
    claim_view = await correct(desk, f"/v1/claims/{claim}", claimant="nato")
    assert claim_view["status"] == "awaiting_confirmation"
    assert (await read_status_changes(desk, claim))[-1]["cause"] == "correction"
    await require_sound_record(desk)


async def test_kind_figure_needs_two_voices(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    claim_view = await correct(desk, f"/v1/claims/{claim}", kind="figure")
    assert claim_view["status"] == "awaiting_confirmation"


async def test_source_is_corrected_on_the_claims_that_show_it(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    version = (await desk.read_claim(claim))["version"]
    source = (await read_link(desk, claim))["statement"]["quotes"][0]["source"]["id"]
    source_view = await correct(
        desk, f"/v1/sources/{source}", publisher="Agency", url="https://example.org/right"
    )
    assert (source_view["publisher"], source_view["url"]) == ("Agency", "https://example.org/right")
    claim_view = await desk.read_claim(claim)
    assert (claim_view["status"], claim_view["version"]) == ("confirmed", version + 1)
    other = await desk.post("/v1/sources", {"url": "https://example.org/other"})
    body = {"url": "https://example.org/other", "reason": "typed wrongly"}
    async with nothing_changes(desk):
        refusal = await desk.checker.post(f"/v1/sources/{source}/corrections", json=body)
    assert other["id"] in require_problem(refusal, "already-exists")["detail"]
    await require_sound_record(desk)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None),
        ({"kind": "event"}, None),
        ({"text": "other words"}, "text"),
        ({"kind": None}, "kind"),
        ({"claimant": "nowhere"}, "claimant"),
        ({"claimant": None, "speaker": {"name": "Somebody"}}, "speaker"),
        ({"story": "nowhere"}, "story"),
        ({"claimed_at": "2024-10-02T00:00:00Z"}, "claimed_at"),
        ({"origin_statement": "01970000-0000-7000-8000-000000000000"}, "origin_statement"),
        ({"figure": {"value": 12}}, "figure"),
    ],
)
async def test_correction_that_does_not_fit_changes_nothing(
    desk: Desk, changes: Json, field: str | None
) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    async with nothing_changes(desk):
        body = {"reason": "taken down wrongly", **changes}
        refusal = await desk.checker.post(f"/v1/claims/{claim}/corrections", json=body)
    assert refusal.status_code == 422, refusal.text
    if field is not None:
        require_field_error(refusal, "body", field)


async def test_claim_is_no_part_of_itself(desk: Desk) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    part = (await desk.record_claim(text="One brigade has left", part_of=claim))["id"]
    for parent in (claim, part):
        body = {"part_of": parent, "reason": "so it seemed"}
        refusal = await desk.checker.post(f"/v1/claims/{claim}/corrections", json=body)
        require_field_error(refusal, "body", "part_of")


async def test_correction_honours_the_version_that_was_read(desk: Desk) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    body = {"kind": "figure", "reason": "it says how many"}
    stale = await desk.checker.post(
        f"/v1/claims/{claim}/corrections", json=body, headers={"If-Match": '"7"'}
    )
    require_problem(stale, "version-conflict")
    reader = await desk.reader.post(f"/v1/claims/{claim}/corrections", json=body)
    require_problem(reader, "forbidden")


async def test_reason_of_an_unnamed_source_stays_with_editors(desk: Desk) -> None:
    """A named source becomes one that is not: it counts for nothing any more."""
    claim = await record_confirmed_claim(desk)
    statement = (await read_link(desk, claim))["statement"]["id"]
    statement_view = await correct(
        desk,
        f"/v1/statements/{statement}",
        attribution="unnamed",
        party=None,
        speaker=None,
        description="a senior official",
        withheld_reason="She would lose her post.",
    )
    assert statement_view["description"] == "a senior official"
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    for path in (f"/v1/statements/{statement}", f"/v1/claims/{claim}"):
        for client, may_know in ((desk.reader, False), (desk.editor, path.startswith("/v1/st"))):
            page = await client.get(f"{path}/corrections")
            assert ("lose her post" in page.text) == may_know, (path, client)
    await require_sound_record(desk)


async def test_correction_takes_a_confirmation_from_a_withdrawn_claim(desk: Desk) -> None:
    """It is printed still, and one person does not change what two agreed to print."""
    claim = await record_confirmed_claim(desk)
    await desk.post(f"/v1/claims/{claim}/withdrawal", {"reason": "denied"}, status=200)
    claim_view = await correct(desk, f"/v1/claims/{claim}", claimant="pristina")
    assert (claim_view["status"], claim_view["lifecycle"]) == ("awaiting_confirmation", "withdrawn")
    await require_sound_record(desk)


async def test_words_of_an_unnamed_source_get_no_claimant(desk: Desk) -> None:
    """Neither by the claimant's correction nor by the origin's."""
    await desk.record_parties()
    unnamed_source = {"attribution": "unnamed", "description": "an official", "reason": "as agreed"}
    origin = {"quotes": build_statement("nato")["quotes"], **unnamed_source}
    unattributed_claim = (await desk.record_claim(claimant=None, speaker=None, origin=origin))["id"]
    claim = (await desk.record_claim())["id"]
    statement = await desk.post("/v1/statements", {**build_statement("nato"), **unnamed_source})
    for path, changes in (
        (unattributed_claim, {"claimant": "nato"}),
        (claim, {"origin_statement": statement["id"]}),
    ):
        async with nothing_changes(desk):
            body = {**changes, "reason": "so it seemed"}
            refusal = await desk.checker.post(f"/v1/claims/{path}/corrections", json=body)
        require_field_error(refusal, "body", "claimant")


async def test_quote_is_corrected_once_at_a_time(desk: Desk) -> None:
    claim = await record_confirmed_claim(desk)
    statement = (await read_link(desk, claim))["statement"]
    quote = statement["quotes"][0]["id"]
    quotes = [{"id": quote, "text": text} for text in ("one thing", "another")]
    async with nothing_changes(desk):
        refusal = await desk.checker.post(
            f"/v1/statements/{statement['id']}/corrections",
            json={"quotes": quotes, "reason": "so it seemed"},
        )
    require_field_error(refusal, "body", "quotes", 1, "id")


async def test_origin_is_corrected(desk: Desk) -> None:
    """The claim comes from other words; what it came from is no part of it any more."""
    await desk.record_parties()
    claim = (await desk.post("/v1/claims", build_claim()))["id"]
    origin = await desk.post("/v1/statements", build_statement("belgrade"))
    claim_view = await correct(desk, f"/v1/claims/{claim}", origin_statement=origin["id"])
    assert claim_view["version"] == 2
    await require_sound_record(desk)


async def read_evidence(desk: Desk, claim: str, as_of: str) -> Json:
    answer = await desk.reader.get(f"/v1/claims/{claim}/links", params={"as_of": as_of})
    (link,) = answer.json()["items"]
    claim_view = await desk.read_claim(claim, as_of=as_of, expand="links")
    assert claim_view["links"] == [link]
    statement: Json = link["statement"]
    return statement


async def test_evidence_as_of_an_instant_is_what_was_believed_then(desk: Desk) -> None:
    """Whose words, when, on what basis, which words, in which language, from where: an answer from
    before has what the desk believed, and says when it was corrected since."""
    claim = await record_confirmed_claim(desk)
    statement_view = (await read_link(desk, claim))["statement"]
    first = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    quote = {
        "id": statement_view["quotes"][0]["id"],
        "text": "Ostalo je samo nekoliko vozila.",
        "language": "sr-Latn",
        "rendering": "translated",
        "source": {"url": "https://example.org/another", "publisher": "Another"},
        "selector": {"exact": "samo nekoliko", "prefix": "je ", "suffix": " vozila"},
    }
    changes = {"party": "pristina", "speaker": {"name": "Somebody"}, "basis": "third_party"}
    await correct(
        desk,
        f"/v1/statements/{statement_view['id']}",
        said_at="2023-10-01T16:00:00Z",
        precision="hour",
        quotes=[quote],
        **changes,
    )
    second, corrected_statement = (
        desk.clock.now.isoformat(),
        (await read_link(desk, claim))["statement"],
    )
    desk.clock.advance(minutes=5)
    await correct(desk, f"/v1/statements/{statement_view['id']}", party="washington")
    last = {"corrected_since": desk.clock.now.isoformat().replace("+00:00", "Z")}
    assert await read_evidence(desk, claim, first) == statement_view | last
    assert await read_evidence(desk, claim, second) == corrected_statement | last
    now = desk.clock.now.isoformat()
    assert await read_evidence(desk, claim, now) == (await read_link(desk, claim))["statement"]
    assert (await desk.read_claim(claim, as_of=second))["corrected_since"] == last[
        "corrected_since"
    ]
    assert "corrected_since" not in await desk.read_claim(claim, as_of=now)
    assert "corrected_since" not in await desk.read_claim(claim)
    page = (await desk.reader.get(f"/claims/{claim}", params={"as_of": first})).text
    assert "It was recorded wrongly, and corrected on" in page
    assert statement_view["quotes"][0]["text"] in page
    assert "samo nekoliko" not in page


async def test_source_as_of_an_instant_is_what_was_believed_then(desk: Desk) -> None:
    """Its address and title before they were corrected, and the source that another took the place
    of, until they are separated again."""
    claim = await record_confirmed_claim(desk)
    source_view = (await read_link(desk, claim))["statement"]["quotes"][0]["source"]
    first = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    path = f"/v1/sources/{source_view['id']}"
    await correct(desk, path, url="https://example.org/right", title="The right one")
    corrected_at = desk.clock.now.isoformat().replace("+00:00", "Z")
    corrected_source = (await read_link(desk, claim))["statement"]["quotes"][0]["source"]
    second = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    other = await desk.post("/v1/sources", {"url": "https://example.org/the-same"})
    merge = await desk.editor.post(f"{path}/merge", json={"into": other["id"]})
    assert merge.status_code == 200, merge.text
    third = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    for moment, source in (
        (first, source_view | {"corrected_since": corrected_at}),
        (second, corrected_source),
        (third, other),
    ):
        statement = await read_evidence(desk, claim, moment)
        assert statement["quotes"][0]["source"] == source
    separation = await desk.editor.post(f"{path}/separation", json={"reason": "They differ."})
    assert separation.status_code == 200, separation.text
    for moment, source in (
        (second, corrected_source),
        (third, other),
        (desk.clock.now.isoformat(), corrected_source),
    ):
        statement = await read_evidence(desk, claim, moment)
        assert statement["quotes"][0]["source"] == source


async def test_origin_as_of_an_instant_is_what_was_believed_then(desk: Desk) -> None:
    """The statement that a claim comes from, too, on the claim's page."""
    await desk.record_parties()
    claim = await desk.record_claim()
    first = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    statements = (await desk.reader.get("/v1/statements")).json()["items"]
    (origin,) = [item for item in statements if item["party"] == "belgrade"]
    quote = {"id": origin["quotes"][0]["id"], "text": "Nothing of the kind was said."}
    await correct(
        desk,
        f"/v1/statements/{origin['id']}",
        attribution="named",
        party="pristina",
        speaker={"name": "Somebody Else"},
        quotes=[quote],
    )
    page = (await desk.reader.get(f"/claims/{claim['id']}", params={"as_of": first})).text
    assert origin["quotes"][0]["text"] in page
    assert "Somebody Else" not in page
    assert quote["text"] not in page
    assert quote["text"] in (await desk.reader.get(f"/claims/{claim['id']}")).text


async def test_lists_as_of_an_instant_say_what_was_corrected_since(desk: Desk) -> None:
    """As the single claim does: walked, and found by a search; not of what was corrected before,
    nor of what changed otherwise."""
    await desk.record_parties()
    wrong_claim = (await desk.record_claim(text="Two battalions left"))["id"]
    other = (await desk.record_claim(text="Three battalions left"))["id"]
    before = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    await correct(desk, f"/v1/claims/{wrong_claim}", kind="attribution")
    corrected_at = desk.clock.now.isoformat().replace("+00:00", "Z")
    desk.clock.advance(minutes=5)
    after = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    for claim in (wrong_claim, other):
        await desk.link_statement(claim, "comments", "nato")
    for client in (desk.reader, desk.checker):
        for query in ({}, {"sort": "claimed"}, {"q": "battalions"}, {"lang": "fr"}):
            for moment, expected in ((before, corrected_at), (after, None), (None, None)):
                params = {**query, **({"as_of": moment} if moment else {})}
                answer = await client.get("/v1/claims", params=params)
                assert answer.status_code == 200, answer.text
                marks = {item["id"]: item.get("corrected_since") for item in answer.json()["items"]}
                assert marks == {wrong_claim: expected, other: None}, params
    (search_item,) = (
        await desk.reader.get("/v1/claims", params={"as_of": before, "q": '"two battalions"'})
    ).json()["items"]
    del search_item["snippets"]
    assert search_item == await desk.read_claim(wrong_claim, as_of=before)


async def test_webhook_of_a_correction_comes_before_that_of_the_fall(desk: Desk) -> None:
    """A claim that falls by the correction of its support is told of after the correction."""
    claim = await record_confirmed_claim(desk)
    webhook_view = await desk.admin.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/hook"})
    assert webhook_view.status_code == 201, webhook_view.text
    webhook = f"/v1/webhooks/{webhook_view.json()['id']}/deliveries"
    statement = (await read_link(desk, claim))["statement"]["id"]
    await correct(desk, f"/v1/statements/{statement}", party="belgrade")
    deliveries = (await desk.admin.get(webhook)).json()["items"]
    bodies = []
    for delivery in sorted(deliveries, key=lambda each: each["position"]):
        assert delivery["claim"] == claim
        read = await desk.admin.get(f"{webhook}/{delivery['id']}")
        body = orjson.loads(read.json()["body"])
        bodies.append((body["type"], body["data"]["version"], body["data"].get("cause")))
    version = (await desk.read_claim(claim))["version"]
    assert bodies == [
        ("statement.corrected", version - 1, None),
        ("claim.status_changed", version, "correction"),
    ]
    # What is made first is sent first, and its id is the lesser one.
    assert [each["type"] for each in deliveries] == [type for type, _, _ in reversed(bodies)]
