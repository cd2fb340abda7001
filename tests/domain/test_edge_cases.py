"""The ten edge cases of the domain, as far as the rulebook itself decides them.

What HTTP makes of them (412, 428, 308) is tested at the API.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import amendments, evidence, history, lifecycle
from service.domain.claims import (
    Cause,
    ClaimState,
    Finding,
    Kind,
    Lifecycle,
    Link,
    Precision,
    Stance,
    Status,
)
from service.domain.errors import (
    AlreadySettled,
    ClaimMerged,
    ClaimWithdrawn,
    Invalid,
    MergeCycle,
    NotFound,
    TransitionRefused,
)
from service.domain.history import Draft
from service.domain.instants import normalize_instant
from service.domain.names import normalize_letters, normalize_spelling
from tests.domain.builders import (
    ARMY,
    ASSERTED,
    AWAITING,
    BELGRADE,
    BORIS,
    CONFIRMED,
    DISPUTED,
    MINUTE,
    NATO,
    OVERRIDE,
    POLICE,
    PRISTINA,
    WASHINGTON,
    Record,
    build_claim,
    build_comment,
    build_contradiction,
    build_request,
    build_support,
    fold_until,
    move,
    set_aside,
)


def build_confirmed(*links: Link, **changes: Any) -> Record:
    record = Record(**changes)
    cited_links = [record.link(link) for link in links]
    record.decide(CONFIRMED, *cited_links)
    return record


# 1. A statement withdrawn after it confirmed a claim.


@pytest.mark.parametrize("taken_back", ["withdraw", "retract"])
def test_1_a_confirmation_falls_with_its_support(taken_back: str) -> None:
    """The claim awaits confirmation in the same act; the change names its cause and the link."""
    support = build_support()
    record = build_confirmed(support)
    getattr(record, taken_back)(support)
    assert record.state.status is AWAITING
    assert record.rules[-1] == "support_withdrawn"
    assert record.events[-2].recorded_at == record.events[-1].recorded_at
    data = record.last().data
    assert data["cause"] == data["reason"] == "support_withdrawn"
    assert data["cites"] == [support.id]
    assert data["previous_status"] == "confirmed"
    assert data["decided_by"] is None
    assert data["sequence"] == 2


def test_1_a_confirmation_outlives_support_it_can_spare() -> None:
    """With another party's support left, k is still reached and nothing moves."""
    spare, kept_link = build_support(), build_support(NATO)
    record = build_confirmed(spare, kept_link)
    record.withdraw(spare)
    assert record.state.status is CONFIRMED
    record.withdraw(kept_link)
    assert record.state.status is AWAITING


def test_1_a_second_voice_of_the_same_party_keeps_it_confirmed() -> None:
    """Parties are counted: the same root still supports it through another statement."""
    first, second = build_support(), build_support()
    record = build_confirmed(first, second)
    record.withdraw(first)
    assert record.state.status is CONFIRMED


def test_1_a_figure_falls_below_two() -> None:
    """Of two parties one takes its word back; the cause names that party's link alone."""
    first, second = build_support(), build_support(NATO)
    record = build_confirmed(first, second, kind=Kind.FIGURE)
    record.withdraw(first)
    assert record.state.status is AWAITING
    assert record.last().data["cites"] == [first.id]


def test_1_two_parties_that_turn_out_to_be_one_are_one() -> None:
    """Re-parented below the other supporter, a party is independent of it no longer."""
    first, second = build_support(), build_support(NATO)
    record = build_confirmed(first, second, kind=Kind.FIGURE)
    below = {"name": "NATO", "root": "washington", "root_name": "Washington"}
    record.act(Draft("party.changed", {"party": "nato", "parties": {"nato": below}}))
    assert record.state.status is AWAITING
    assert record.last().data["cites"] == [second.id]


def test_1_a_supporter_that_turns_out_to_be_the_claimants_own_is_none() -> None:
    """Re-parented below the claimant, its only supporter carries the claim no more."""
    record = build_confirmed(build_support())
    below = {"name": "Washington", "root": "belgrade", "root_name": "Belgrade"}
    record.act(Draft("party.changed", {"party": "x", "parties": {"washington": below}}))
    assert record.state.status is AWAITING


def test_1_confirmation_falls_when_more_support_is_needed() -> None:
    """A contradiction set aside while it was the claimant's own asks for two once it is not."""
    record = Record()
    first, second, own = (
        record.link(build_support()),
        record.link(build_support(NATO)),
        record.link(build_contradiction(PRISTINA)),
    )
    record.decide(CONFIRMED, first, set_aside=set_aside(own))
    home = {"name": "Pristina", "root": "belgrade", "root_name": "Belgrade"}
    record.act(Draft("party.changed", {"party": "pristina", "parties": {"pristina": home}}))
    record.retract(second)
    assert record.state.status is CONFIRMED
    new_root = {"name": "Pristina", "root": "pristina", "root_name": "Pristina"}
    record.act(Draft("party.changed", {"party": "pristina", "parties": {"pristina": new_root}}))
    assert record.state.status is AWAITING


# 2. A withdrawn denial reopens, it does not confirm.


@pytest.mark.parametrize("enough", [True, False])
def test_2_a_withdrawn_denial_confirms_nothing(enough: bool) -> None:
    """The status stays disputed until a person decides, however well it is supported."""
    record = Record()
    denial = record.link(build_contradiction(PRISTINA))
    if enough:
        record.link(build_support())
        record.link(build_support(NATO))
    record.withdraw(denial)
    assert record.state.status is DISPUTED
    assert evidence.suggest_status(record.state).status is (CONFIRMED if enough else ASSERTED)
    assert record.decide(AWAITING if enough else ASSERTED).status is not DISPUTED


# 3. Two checkers decide at once.


def test_3_every_event_is_a_new_version() -> None:
    """The version that a decision was read at is spent by any other change of the claim."""
    record = Record()
    versions = [record.state.version]
    record.link(build_request())  # moves it by itself too: two events
    versions.append(record.state.version)
    record.decide(DISPUTED, override=OVERRIDE, four_eyes=True)
    versions.append(record.state.version)
    assert versions == [1, 3, 4]


def test_3_an_event_follows_one_version_only() -> None:
    """Two events made from the same version cannot both be in the record."""
    record = Record()
    read = record.state
    event = history.Event(read.version + 1, "claim.withdrawn", record.now, {})
    next_state = history.apply_event(read, event, claim_id=read.id)
    with pytest.raises(ValueError, match="event 2 cannot follow event 2"):
        history.apply_event(next_state, event, claim_id=read.id)


# 4. Amended materially after confirmation.


def amend(record: Record, *, material: bool, **changes: Any) -> ClaimState:
    return record.act(*amendments.draft_amendment(record.state, changes, material=material))


def test_4_a_material_amendment_asks_for_confirmation_again() -> None:
    """A new revision, awaiting confirmation by rule, and no link counts until affirmed."""
    support, denial = build_support(), build_contradiction(PRISTINA)
    record = build_confirmed(support)
    record.link(denial)
    amend(record, material=True, text="Serbia has returned some units to normal")
    state = record.state
    assert (state.revision, state.status) == (2, AWAITING)
    assert record.rules[-1] == "amendment"
    assert record.last().data["cause"] == "amendment"
    assert record.last().data["sequence"] == 2
    assert [link.affirmed for link in state.links] == [False, False]
    assert evidence.suggest_status(state).support == ()
    # Caution outlives doubt: the contradiction stands though nobody affirmed it.
    assert evidence.suggest_status(state).status is DISPUTED


def test_4_links_are_affirmed_one_by_one() -> None:
    """Each affirmation counts for its own link, and none confirms the claim by itself."""
    first, second = build_support(), build_support(NATO)
    record = build_confirmed(first, second)
    amend(record, material=True, text="another wording")
    with pytest.raises(TransitionRefused, match="the wording has changed since"):
        record.decide(CONFIRMED, first)
    record.act(amendments.draft_affirmation(record.state, first.id))
    assert [link.affirmed for link in record.state.links] == [True, False]
    assert record.state.status is AWAITING
    record.decide(CONFIRMED, first)
    assert record.state.status is CONFIRMED


def test_4_a_material_amendment_ends_a_waiting_decision() -> None:
    """It was proposed about other words."""
    record = Record()
    record.link(support := build_support())
    record.decide(CONFIRMED, support, four_eyes=True)
    amend(record, material=True, text="another wording")
    assert record.state.pending is None
    assert record.state.status is ASSERTED


def test_4_what_was_set_aside_stands_again_against_other_words() -> None:
    """Setting aside was about the old wording."""
    record = Record()
    first, _, denial = (
        record.link(build_support()),
        record.link(build_support(NATO)),
        record.link(build_contradiction(PRISTINA)),
    )
    record.decide(CONFIRMED, first, set_aside=set_aside(denial))
    amend(record, material=True, text="another wording")
    assert [link.id for link in evidence.list_open_contradictions(record.state)] == [denial.id]


def test_4_a_typo_fix_keeps_the_revision() -> None:
    """Status, links and a waiting decision stay; only the text is another."""
    record = build_confirmed(build_support())
    amend(record, material=False, text="Serbia has returnd")
    assert (record.state.revision, record.state.status) == (1, CONFIRMED)
    assert record.state.links[0].affirmed
    assert record.last().data == {"text": "Serbia has returnd", "material": False}


def test_4_amendment_that_changes_nothing_is_not_recorded() -> None:
    """The same text, tags, assignee and finding make no event, material or not."""
    record = Record()
    amend(record, material=False, tags=["kosovo"], finding="unprovable", assignee="ana")
    before = record.state
    for material in (True, False):
        amend(
            record,
            material=material,
            text=before.text,
            tags=["kosovo"],
            assignee="ana",
        )
    assert record.state is before
    amend(record, material=True, assignee=None, tags=[])
    assert record.last().data == {"assignee": None, "tags": []}
    assert (record.state.assignee, record.state.tags) == (None, ())


def test_4_affirming_needs_something_to_affirm() -> None:
    """A link that stands affirmed, one taken back, and one that is not there are refused."""
    lost_link = build_support(affirmed=False, withdrawn=True)
    state = build_claim(live_link := build_support(), lost_link)
    with pytest.raises(AlreadySettled, match="affirmed already"):
        amendments.draft_affirmation(state, live_link.id)
    with pytest.raises(AlreadySettled, match="cannot be affirmed"):
        amendments.draft_affirmation(state, lost_link.id)
    with pytest.raises(NotFound):
        amendments.draft_affirmation(state, "link-0")


# 5. Duplicates merged.


def absorb(survivor: Record, loser: Record) -> ClaimState:
    loser.act(Draft("claim.merged", {"into": survivor.claim_id}))
    new_ids = {link.id: f"{link.id}-moved" for link in loser.state.links}
    drafts = amendments.draft_absorption(survivor.state, loser.state, new_ids, None)
    return survivor.act(*drafts, cause=Cause.MERGE)


def test_5_the_losers_links_move_once_for_each_statement() -> None:
    """Active links move under new ids; what the survivor has, was taken back, or is its own
    origin stays behind; the copies keep when they were first recorded, and set aside nothing."""
    survivor, loser = Record("survivor"), Record("loser", origin="other origin")
    shared_link = survivor.link(build_comment(NATO))
    loser.link(build_comment(NATO, statement=shared_link.statement))
    moved_link = loser.link(build_support())
    loser.retract(loser.link(build_support(NATO)))
    loser.withdraw(loser.link(build_contradiction(POLICE)))
    loser.link(build_comment(BELGRADE, statement="origin"))
    absorb(survivor, loser)
    ids = [link.id for link in survivor.state.links]
    assert ids == [shared_link.id, f"{moved_link.id}-moved"]
    copy = survivor.state.links[1]
    assert (copy.statement, copy.stance, copy.recorded_at) == (
        moved_link.statement,
        Stance.SUPPORTS,
        moved_link.recorded_at,
    )
    assert survivor.last().data["merged"] == "loser"
    assert survivor.last().data["conflicts"] == []


def test_5_no_status_is_inherited() -> None:
    """The survivor of a confirmed duplicate is what it was; its suggestion has changed."""
    survivor = Record("survivor")
    loser = build_confirmed(build_support(), claim_id="loser")
    absorb(survivor, loser)
    assert survivor.state.status is ASSERTED
    assert evidence.suggest_status(survivor.state).status is CONFIRMED


def test_5_what_the_loser_set_aside_stands_against_the_survivor() -> None:
    """Decisions are not inherited either."""
    survivor, loser = Record("survivor"), Record("loser")
    first, denial = loser.link(build_support()), loser.link(build_contradiction(PRISTINA))
    loser.link(build_support(NATO))
    loser.decide(CONFIRMED, first, set_aside=set_aside(denial))
    absorb(survivor, loser)
    assert [link.root for link in evidence.list_open_contradictions(survivor.state)] == ["pristina"]


@pytest.mark.parametrize("before", [ASSERTED, AWAITING])
def test_5_a_contradiction_that_moves_in_disputes_the_survivor(before: Status) -> None:
    """By the usual rule, with the merge as its cause, whether or not it was asked about."""
    survivor, loser = Record("survivor"), Record("loser")
    if before is AWAITING:
        survivor.link(build_request())
    loser.link(build_contradiction(PRISTINA))
    absorb(survivor, loser)
    assert survivor.state.status is DISPUTED
    assert survivor.last().data["cause"] == "merge"


def test_5_a_request_that_moves_in_moves_the_survivor() -> None:
    """By the usual rule, with the merge as its cause."""
    survivor, loser = Record("survivor"), Record("loser")
    loser.link(build_request())
    absorb(survivor, loser)
    assert survivor.state.status is AWAITING
    assert survivor.last().data["cause"] == "merge"


def test_5_conflicting_stances_are_flagged_and_support_nothing() -> None:
    """The survivor's support by a statement that only commented on the loser counts when
    affirmed."""
    survivor, loser = Record("survivor"), Record("loser")
    support = survivor.link(build_support())
    survivor.decide(CONFIRMED, support)
    loser.link(build_comment(statement=support.statement))
    absorb(survivor, loser)
    assert survivor.events[-2].data["conflicts"] == [support.id]
    (link,) = survivor.state.links
    assert (link.stance, link.conflicting) == (Stance.SUPPORTS, True)
    assert survivor.state.status is AWAITING
    assert survivor.last().data["cause"] == "merge"
    assert evidence.suggest_status(survivor.state).support == ()
    survivor.act(amendments.draft_affirmation(survivor.state, link.id))
    assert not survivor.state.links[0].conflicting
    assert survivor.state.status is AWAITING
    assert evidence.suggest_status(survivor.state).status is CONFIRMED


def test_5_the_more_cautious_stance_of_a_statement_stays() -> None:
    """A merge loses no contradiction: the survivor's support by that statement makes way."""
    survivor, loser = Record("survivor"), Record("loser")
    support = survivor.link(build_support(PRISTINA))
    survivor.decide(CONFIRMED, support)
    loser.link(build_contradiction(PRISTINA, statement=support.statement))
    absorb(survivor, loser)
    old_link, new_link = survivor.state.links
    assert (old_link.stance, old_link.retracted) == (Stance.SUPPORTS, True)
    assert (new_link.stance, new_link.conflicting) == (Stance.CONTRADICTS, True)
    assert survivor.state.status is AWAITING
    assert evidence.suggest_status(survivor.state).status is DISPUTED


def test_5_a_flagged_contradiction_goes_on_standing() -> None:
    """Doubt is not lifted by a merge: the contradiction stands though the loser had support."""
    survivor, loser = Record("survivor"), Record("loser")
    denial = survivor.link(build_contradiction(PRISTINA))
    loser.link(build_support(PRISTINA, statement=denial.statement))
    absorb(survivor, loser)
    assert survivor.state.links[0].conflicting
    assert evidence.suggest_status(survivor.state).status is DISPUTED


def test_5_the_loser_names_the_survivor_and_is_closed() -> None:
    """Its status is kept, its waiting decision is over, and nothing more can be linked to it."""
    survivor, loser = Record("survivor"), Record("loser")
    loser.link(support := build_support())
    loser.decide(CONFIRMED, support, four_eyes=True)
    absorb(survivor, loser)
    assert loser.state.lifecycle is Lifecycle.MERGED
    assert loser.state.merged_into == "survivor"
    assert loser.state.pending is None
    with pytest.raises(ClaimMerged) as refusal:
        amendments.draft_link(loser.state, build_comment(), note=None)
    assert refusal.value.extras == {"merged_into": "survivor"}


def test_5_as_of_before_the_merge_shows_both() -> None:
    """Both claims are active then, each with its own links."""
    survivor, loser = Record("survivor"), Record("loser")
    loser.link(build_support())
    before = max(survivor.now, loser.now)
    loser.now = survivor.now = before + MINUTE
    absorb(survivor, loser)
    states = [fold_until(record.claim_id, record.events, before) for record in (survivor, loser)]
    assert all(state is not None and state.lifecycle is Lifecycle.ACTIVE for state in states)
    assert [len(state.links) for state in states if state] == [0, 1]


def test_5_no_cycles() -> None:
    """Not into itself, not into a part of itself, not into what is closed."""
    claim, other = build_claim(id="one"), build_claim(id="other")
    amendments.require_mergeable(claim, other, set())
    amendments.require_mergeable(claim, other, {"a parent of other"})
    with pytest.raises(MergeCycle, match="into itself"):
        amendments.require_mergeable(claim, claim, set())
    with pytest.raises(MergeCycle, match="part of itself"):
        amendments.require_mergeable(claim, other, {"one"})
    loser = build_claim(id="gone", lifecycle=Lifecycle.MERGED, merged_into="other")
    with pytest.raises(MergeCycle, match="is merged itself") as cycle:
        amendments.require_mergeable(claim, loser, set())
    assert cycle.value.extras == {"merged_into": "other"}
    with pytest.raises(ClaimMerged):
        amendments.require_mergeable(loser, other, set())
    taken_back = build_claim(id="w", lifecycle=Lifecycle.WITHDRAWN)
    with pytest.raises(MergeCycle, match="is withdrawn itself"):
        amendments.require_mergeable(claim, taken_back, set())
    with pytest.raises(ClaimWithdrawn):
        amendments.require_mergeable(taken_back, other, set())


# 6. Late arrival.


def test_6_a_late_arrival_changes_no_earlier_answer() -> None:
    """Said on 29 September, recorded on 5 October: as-of answers go by the record alone."""
    record = Record()
    second = record.now
    fifth = datetime(2023, 10, 5, 9, tzinfo=UTC)
    speech_time = datetime(2023, 9, 29, tzinfo=UTC)
    link = record.link(build_request(said_at=speech_time), at=fifth)
    assert (link.said_at, link.recorded_at) == (speech_time, fifth)
    for moment in (second, fifth - timedelta(microseconds=1)):
        earlier_state = fold_until(record.claim_id, record.events, moment)
        assert earlier_state is not None
        assert (earlier_state.status, earlier_state.links) == (ASSERTED, ())
    now = fold_until(record.claim_id, record.events, fifth)
    assert now == record.state
    assert now.status is AWAITING
    early = second - timedelta(microseconds=1)
    assert fold_until(record.claim_id, record.events, early) is None


# 7. Components.


def draft_component(record: Record, component: ClaimState, *, removed: bool = False) -> ClaimState:
    return record.act(amendments.draft_component_change(component, is_removed=removed))


def test_7_a_parent_shows_its_components_and_keeps_its_own_status() -> None:
    """A component's new status shows in the same place; the parent's suggestion ignores it."""
    parent = Record("parent")
    part = Record("one", part_of="parent")
    other = Record("other", part_of="parent", kind=Kind.FIGURE)
    assert part.state.part_of == "parent"
    draft_component(parent, part.state)
    draft_component(parent, other.state)
    part.link(support := build_support())
    part.decide(CONFIRMED, support)
    draft_component(parent, part.state)
    assert [(component.id, component.status) for component in parent.state.components] == [
        ("one", CONFIRMED),
        ("other", ASSERTED),
    ]
    assert parent.rules[-1] == "component"
    assert parent.state.status is ASSERTED
    assert evidence.suggest_status(parent.state).status is ASSERTED
    draft_component(parent, other.state, removed=True)
    draft_component(parent, other.state, removed=True)
    assert [component.id for component in parent.state.components] == ["one"]


def test_7_a_component_may_move() -> None:
    """Its record says of which claim it is part from then on."""
    record = Record("one", part_of="parent")
    record.act(Draft("claim.moved", {"part_of": "survivor"}))
    assert record.state.part_of == "survivor"


# 8. Unattributed claims.


def test_8_any_party_counts_for_an_unattributed_claim() -> None:
    """Nobody claimed it, so nobody repeats themselves: request, support and contradiction all
    count, whoever makes them, and two roots are still two."""
    for voice in (BELGRADE, ARMY, WASHINGTON):
        record = Record(claimant=None)
        assert record.state.claimant is None
        record.link(build_request(voice))
        assert record.state.status is AWAITING
        support = record.link(build_support(voice))
        assert record.decide(CONFIRMED, support).status is CONFIRMED
        record.link(build_contradiction(PRISTINA))
        assert record.decide(DISPUTED).status is DISPUTED
    figure = build_claim(
        build_support(BELGRADE), build_support(ARMY), claimant=None, kind=Kind.FIGURE
    )
    assert evidence.suggest_status(figure).support == ("belgrade",)
    assert evidence.suggest_status(figure).status is AWAITING


# 9. Names match without diacritics.


@pytest.mark.parametrize(
    ("typed_name", "known_name"),
    [
        ("Vucevic", "Vučević"),
        ("MOJSILOVIC", "Mojsilović"),
        ("milan  radoicic ", "Milan Radoičić"),
        ("Vučević", unicodedata.normalize("NFD", "Vučević")),
        ("Dukanovic", "Đukanović"),
        ("Djukanovic", "Đukanović"),
        ("Djukanović", "Ђукановић"),
        ("Strasse", "Straße"),
        ("Walesa", "Wałęsa"),
        ("Ozil", "Özil"),
        ("istanbul", "İstanbul"),
        ("kilic", "Kılıç"),
        ("Soren", "Søren"),
        ("Aegir", "Ægir"),
        ("VUČEVIĆ", "𝐕učević"),
    ],
)
def test_9_names_match_without_diacritics(typed_name: str, known_name: str) -> None:
    """However it is typed, the name that was meant is found."""
    assert normalize_letters(typed_name) == normalize_letters(known_name)


@pytest.mark.parametrize(
    ("typed_name", "known_name"),
    [
        ("O'Neill", "O’Neill"),
        ("O`Neill", "ONeill"),
        ("Al Sisi", "al-Sisi"),
        ("Kosovo\u200b Police", "Kosovo Police"),
        ("Ministarstvo odbrane", "Министарство одбране"),
        ("Igdir", "Iğdır"),
        ("Kılıçdaroğlu", "KILICDAROGLU"),
        ("३ Brigade", "3. brigade"),
    ],
)
def test_9_one_name_may_be_spelled_in_several_ways(typed_name: str, known_name: str) -> None:
    assert normalize_spelling(typed_name) == normalize_spelling(known_name)


@given(st.text(max_size=30))
def test_9_normalized_spelling_stays_as_it_is(name: str) -> None:
    assert normalize_spelling(normalize_spelling(name)) == normalize_spelling(name)


def test_9_different_names_stay_different() -> None:
    """Folding takes accents, case and spaces away, not letters."""
    assert normalize_letters("Vučević") == "vucevic"
    assert normalize_letters("Vučić") != normalize_letters("Vučević")
    assert normalize_letters("Albin Kurti") != normalize_letters("Kurti Albin")


@given(st.text(max_size=30))
def test_9_normalizing_twice_changes_nothing(name: str) -> None:
    """What is stored folded is found by folding what is asked."""
    letters = normalize_letters(name)
    assert normalize_letters(letters) == letters
    assert letters == letters.strip()


# 10. The claimant withdraws the claim.


@pytest.mark.parametrize("status", [ASSERTED, CONFIRMED])
def test_10_a_withdrawn_claim_keeps_its_last_status(status: Any) -> None:
    """Lifecycle withdrawn, a waiting decision ended, and no rule moves it any more."""
    record = Record()
    support = record.link(build_support())
    if status is CONFIRMED:
        record.decide(CONFIRMED, support)
    else:
        record.decide(CONFIRMED, support, four_eyes=True)
    record.act(
        amendments.draft_claim_withdrawal(record.state, reason="an error", source="source-1")
    )
    assert record.last().data == {"reason": "an error", "source": "source-1"}
    assert record.state.lifecycle is Lifecycle.WITHDRAWN
    assert record.state.pending is None
    record.withdraw(support)
    assert record.state.status is status
    assert record.state.links[0].withdrawn


def test_10_nothing_new_is_done_to_a_withdrawn_claim() -> None:
    """It takes no link, amendment, affirmation or second withdrawal; a link made by mistake
    may still be retracted."""
    record = Record()
    link = record.link(build_comment())
    record.act(amendments.draft_claim_withdrawal(record.state, reason="an error", source=None))
    state = record.state
    for act in (
        lambda: amendments.draft_link(state, build_comment(), note=None),
        lambda: amendments.draft_amendment(state, {"tags": ["x"]}, material=False),
        lambda: amendments.draft_affirmation(state, link.id),
        lambda: amendments.draft_claim_withdrawal(state, reason="again", source=None),
        lambda: lifecycle.change_status(
            state, move(AWAITING), actor=BORIS, decision_id="d", four_eyes=False
        ),
    ):
        with pytest.raises(ClaimWithdrawn):
            act()
    record.retract(link)
    assert record.state.links[0].retracted


# And what linking itself refuses.


def test_a_claims_origin_takes_no_stance_on_it() -> None:
    """Whoever claims it does not thereby support it."""
    with pytest.raises(Invalid, match="own origin"):
        amendments.draft_link(build_claim(), build_support(BELGRADE, statement="origin"), note=None)


def test_a_statement_has_one_stance_on_a_claim() -> None:
    """A second link is refused with the first one's id, until that is retracted."""
    record = Record()
    first = record.link(build_support())
    other = build_comment(statement=first.statement)
    with pytest.raises(Invalid, match=first.id):
        record.link(other)
    record.retract(first)
    record.link(other)
    assert [link.stance for link in record.state.links if link.is_active] == [Stance.COMMENTS]


def test_a_link_is_retracted_once() -> None:
    """Twice is a conflict; a link of another claim is not found."""
    record = Record()
    link = record.link(build_support())
    record.retract(link)
    with pytest.raises(AlreadySettled):
        record.retract(link)
    with pytest.raises(NotFound):
        record.retract(build_support())


def test_a_link_goes_into_the_record_with_what_the_rules_need() -> None:
    """Everything but what later events may change; its note is in the record alone."""
    new = build_support()
    data = amendments.draft_link(build_claim(), new, note="seen on video").data["link"]
    assert data["note"] == "seen on video"
    assert not {"retracted", "withdrawn", "affirmed", "set_aside", "recorded_at"} & set(data)
    record = Record()
    assert record.link(new) == replace(new, recorded_at=record.now)


def test_a_day_stays_the_day_that_was_written() -> None:
    """Midnight in Belgrade is not the day before; an hour that is known is told in UTC."""
    midnight = datetime.fromisoformat("2023-10-02T00:00:00+02:00")
    assert normalize_instant(midnight, Precision.DAY) == datetime(2023, 10, 2, tzinfo=UTC)
    assert normalize_instant(midnight, Precision.HOUR) == datetime(2023, 10, 1, 22, tzinfo=UTC)


def test_a_confirmation_supersedes_an_earlier_finding() -> None:
    """Nobody prints "independently confirmed" and "refuted" in one line."""
    record = Record("claim")
    denial = record.link(build_contradiction())
    record.find(Finding.REFUTED, denial)
    assert record.state.finding is Finding.REFUTED
    record.retract(denial)
    record.decide(CONFIRMED, record.link(build_support()))
    assert record.state.finding is None


def test_a_claim_back_from_dispute_awaits_only_what_remains() -> None:
    """Once the last request is withdrawn the suggestion is asserted again: the drift shows."""
    record = Record("claim")
    request, denial = record.link(build_request()), record.link(build_contradiction(PRISTINA))
    record.retract(denial)
    record.decide(AWAITING)
    record.retract(request)
    assert evidence.suggest_status(record.state).status is ASSERTED
