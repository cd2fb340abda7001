"""Parties that are called otherwise within a sentence: “the Interior Ministry”, not “MUP”."""

from __future__ import annotations

from dataclasses import replace

from service.domain import history, plain_data
from service.domain.claims import SentenceVoice, Unnamed
from service.domain.history import Draft
from service.domain.print_line import build_print_line
from service.domain.print_phrases import Language
from tests.api.problems import require_problem
from tests.domain.builders import (
    BELGRADE,
    NATO,
    Record,
    build_claim,
    build_contradiction,
    build_support,
    get_voice,
)
from tests.support.desk import Desk


def test_print_line_uses_the_name_within_a_sentence() -> None:
    """Of the claimant, and of the root of whoever takes a stance; every other place has the
    name."""
    ministry = SentenceVoice("mup", "MUP", "belgrade", "Belgrade", None, "the Interior Ministry")
    mission = SentenceVoice("kfor", "KFOR", "nato", "NATO", None, "KFOR", "the Alliance")
    line = build_print_line(build_claim(build_contradiction(mission), claimant=ministry))
    assert line.startswith("Claimed by the Interior Ministry (2 October 2023).")
    assert "the Alliance denies it." in line
    assert "MUP" not in line


def test_other_languages_use_the_name_itself() -> None:
    """What a party is called within an English sentence does not belong into another's."""
    ministry = SentenceVoice("mup", "MUP", "belgrade", "Belgrade", None, "the Interior Ministry")
    mission = SentenceVoice("kfor", "KFOR", "nato", "NATO", None, "KFOR", "the Alliance")
    unnamed_link = replace(build_contradiction(NATO), voice=Unnamed("an officer", ministry))
    claim = build_claim(build_contradiction(mission), unnamed_link, claimant=ministry)
    for language in Language:
        line = build_print_line(claim, language=language)
        assert ("the Interior Ministry" in line) is (language is Language.EN), line
        assert ("the Alliance" in line) is (language is Language.EN), line
        assert (line.count("MUP") == 2 and "NATO" in line) is (language is not Language.EN), line


def test_voice_without_such_a_name_is_recorded_as_before() -> None:
    """No older event and no older state gets another field, and a name goes as it came."""
    record = Record()
    support = record.link(build_support(NATO))
    assert set(plain_data.make_plain(support.voice)) == {
        "party",
        "name",
        "root",
        "root_name",
        "speaker",
    }
    names = {"name": "NATO", "root": "nato", "root_name": "NATO"}
    names_in_sentence = {**names, "in_sentence": "the Alliance", "root_in_sentence": "the Alliance"}
    for voice in (names_in_sentence, names):
        record.act(Draft("party.changed", {"party": "nato", "parties": {"nato": voice}}))
        state = record.state
        assert history.fold(record.claim_id, record.events) == state
        assert plain_data.read_voice(plain_data.make_plain(state.links[0].voice)) == get_voice(
            state.links[0]
        )
        is_called = voice is names_in_sentence
        assert isinstance(state.links[0].voice, SentenceVoice) is is_called
    assert record.state.links[0].voice == NATO
    assert record.state.claimant == BELGRADE


async def test_name_within_a_sentence_reaches_every_claim(desk: Desk) -> None:
    """Of parties below it too; null takes it back."""
    await desk.record_parties()
    party = await desk.post(
        "/v1/parties", {"slug": "mup", "name": "MUP", "in_sentence": "the Interior Ministry"}
    )
    assert party["in_sentence"] == "the Interior Ministry"
    claim = (await desk.record_claim(claimant="mup", speaker=None))["id"]
    await desk.link_statement(claim, "contradicts", "state-department")
    claim_view = await desk.read_claim(claim)
    assert claim_view["print_line"].startswith("Claimed by the Interior Ministry (")
    assert claim_view["claimant"]["name"] == "MUP"
    assert "Disputed by Washington." in claim_view["print_line"]
    url = "/v1/parties/washington"
    for name, printed_name in (("the United States", "the United States"), (None, "Washington")):
        change = await desk.editor.patch(url, json={"in_sentence": name})
        assert change.status_code == 200, change.text
        assert change.json().get("in_sentence") == name
        assert f"Disputed by {printed_name}." in (await desk.read_claim(claim))["print_line"]
    refusal = await desk.editor.patch(url, json={"in_sentence": "NATO denies it."})
    require_problem(refusal, "invalid-request")


async def test_name_within_a_sentence_of_a_confirmed_claim_takes_two_people(desk: Desk) -> None:
    """It prints: a second editor approves it on the claim."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim)
    before = (await desk.read_claim(claim))["print_line"]
    proposal = await desk.editor.patch("/v1/parties/nato", json={"in_sentence": "the Alliance"})
    assert proposal.status_code == 202, proposal.text
    assert (await desk.read_claim(claim))["print_line"] == before
    approval = f"/v1/decisions/{proposal.json()['id']}/approval"
    assert (await desk.editor2.post(approval)).status_code == 200
    assert "by the Alliance." in (await desk.read_claim(claim))["print_line"]
