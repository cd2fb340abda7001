"""Sources that are not named: they are printed as described, and count for nothing."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from service.domain import amendments, evidence, guards, history, lifecycle, plain_data, printed
from service.domain.claims import ClaimState, Kind, Link, Stance, Unnamed
from service.domain.errors import TransitionRefused
from service.domain.history import Draft
from service.domain.print_line import build_print_line
from tests.domain.builders import (
    ASSERTED,
    AWAITING,
    CONFIRMED,
    DISPUTED,
    NATO,
    PRISTINA,
    Record,
    build_claim,
    build_contradiction,
    build_link,
    build_support,
)

OFFICIAL = Unnamed("a senior security official")
OF_BELGRADE = Unnamed("an official", PRISTINA)


def build_unnamed(stance: Stance, source: Unnamed = OFFICIAL) -> Link:
    return replace(build_link(stance), voice=source)


@pytest.mark.parametrize("stance", list(Stance))
@pytest.mark.parametrize("source", [OFFICIAL, OF_BELGRADE])
def test_unnamed_source_moves_no_claim(stance: Stance, source: Unnamed) -> None:
    """Whatever it says, whomever it belongs to: no rule moves the claim, and none suggests to."""
    record = Record()
    record.link(build_unnamed(stance, source))
    assert record.state.status is ASSERTED
    assert len(record.events) == 2
    suggestion = evidence.suggest_status(record.state)
    assert suggestion.status is ASSERTED
    assert (suggestion.support, suggestion.contradictions) == ((), ())
    if stance is not Stance.COMMENTS:
        (line,) = suggestion.trace
        assert (line.counted, line.why) == (False, "an unnamed source does not count on its own")


def test_unnamed_source_confirms_nothing_beside_others() -> None:
    """Of a figure two parties are needed, and it is none."""
    named_link, unnamed_link = build_support(), build_unnamed(Stance.SUPPORTS)
    state = build_claim(named_link, unnamed_link, kind=Kind.FIGURE)
    move = guards.Move(CONFIRMED, "two of them", (named_link.id, unnamed_link.id))
    (missing,) = lifecycle.list_missing(state, move)
    assert missing.has == 1
    assert "a senior security official, not named: an unnamed source" in missing.detail


@pytest.mark.parametrize(
    ("status", "stance"),
    [(CONFIRMED, Stance.SUPPORTS), (DISPUTED, Stance.CONTRADICTS), (AWAITING, Stance.SUPPORTS)],
)
def test_decision_needs_more_than_an_unnamed_source(status: object, stance: Stance) -> None:
    """It may be cited beside what counts, and is not enough by itself."""
    record = Record()
    link = record.link(build_unnamed(stance))
    with pytest.raises(TransitionRefused):
        record.decide(status, link)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [ASSERTED, AWAITING, CONFIRMED])
def test_unnamed_contradiction_marks_a_claim_as_challenged(status: object) -> None:
    """In every status that does not say that it is disputed already."""
    denial = build_unnamed(Stance.CONTRADICTS)
    state = build_claim(build_support(), denial, status=status)
    assert evidence.is_challenged(state)
    assert not evidence.is_challenged(replace(state, status=DISPUTED))
    assert not evidence.is_challenged(replace(state, links=(replace(denial, retracted=True),)))


def test_nothing_outstanding_is_left_by_an_unnamed_source() -> None:
    """What counts for nothing keeps no claim from returning to asserted."""
    state = build_claim(build_unnamed(Stance.SUPPORTS), status=AWAITING)
    assert lifecycle.list_missing(state, guards.Move(ASSERTED, "nobody asks")) == []


@pytest.mark.parametrize(
    ("stance", "source", "sentence"),
    [
        (Stance.SUPPORTS, OFFICIAL, "A senior security official, not named, supports it."),
        (Stance.CONTRADICTS, OFFICIAL, "A senior security official, not named, denies it."),
        (
            Stance.REQUESTS_CONFIRMATION,
            OF_BELGRADE,
            "An official of Pristina, not named, has asked for confirmation.",
        ),
    ],
)
@pytest.mark.parametrize("status", [ASSERTED, AWAITING, CONFIRMED, DISPUTED])
def test_print_line_names_an_unnamed_source_as_described(
    stance: Stance, source: Unnamed, sentence: str, status: object
) -> None:
    """Once, in every status, and without taking its word for support."""
    unnamed_link = build_unnamed(stance, source)
    state = build_claim(
        unnamed_link, replace(unnamed_link, id="again", statement="s"), status=status
    )
    line = build_print_line(state)
    assert line.count(sentence) == 1
    assert "Independently confirmed" not in line
    comment = build_claim(build_unnamed(Stance.COMMENTS), status=status)
    assert "not named" not in build_print_line(comment)


def list_fields(before: ClaimState, *links: Link) -> list[str]:
    return printed.list_fields_to_agree_on(before, replace(before, links=(*before.links, *links)))


def test_unnamed_support_of_a_confirmed_claim_takes_two_people() -> None:
    """It prints more boldly; doubt and denial print more cautiously, until they are taken away."""
    confirmed_claim = build_claim(build_support(), status=CONFIRMED)
    assert list_fields(confirmed_claim, build_unnamed(Stance.SUPPORTS)) == ["unnamed"]
    denial = build_unnamed(Stance.CONTRADICTS)
    assert list_fields(confirmed_claim, denial) == []
    denied_claim = replace(confirmed_claim, links=(*confirmed_claim.links, denial))
    undenied_claim = replace(denied_claim, links=confirmed_claim.links)
    assert printed.list_fields_to_agree_on(denied_claim, undenied_claim) == ["unnamed"]
    assert "unnamed" not in printed.read_printed(confirmed_claim), (
        "proposals of older releases lack it"
    )


def test_link_of_an_unnamed_source_folds_and_follows_its_party() -> None:
    """The record gives the state again, and a rename reaches the party that it belongs to."""
    record = Record()
    record.link(build_unnamed(Stance.SUPPORTS, OF_BELGRADE))
    voices = {"pristina": {"name": "Prishtina", "root": "kosovo", "root_name": "Kosovo"}}
    record.act(Draft("party.changed", {"party": "pristina", "parties": voices}))
    state = record.state
    assert history.fold(record.claim_id, record.events) == state
    assert plain_data.read_state(orjson.loads(orjson.dumps(state))) == state
    assert "An official of Prishtina, not named, supports it." in build_print_line(state)


def test_merge_keeps_an_unnamed_voice() -> None:
    """A duplicate that came from an unnamed source leaves its words on the claim that remains."""
    survivor, loser = Record("survivor"), Record("loser", claimant=None, origin="told")
    loser.link(build_contradiction(NATO))
    loser.retract(loser.state.links[0])
    origin = replace(build_unnamed(Stance.SUPPORTS), statement="told")
    new_ids = {link.id: f"{link.id}-moved" for link in loser.state.links}
    survivor.act(*amendments.draft_absorption(survivor.state, loser.state, new_ids, origin))
    (kept_link,) = survivor.state.links
    assert (kept_link.statement, kept_link.voice, kept_link.conflicting) == (
        "told",
        OFFICIAL,
        False,
    )
