"""Which status may follow which: every pair, every guard, every part of a guard."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from service.domain import amendments, evidence, guards, history, lifecycle, plain_data, proposals
from service.domain.claims import (
    Basis,
    ClaimState,
    Kind,
    Lifecycle,
    Link,
    Override,
    Scope,
    Status,
)
from service.domain.errors import (
    ClaimMerged,
    ClaimWithdrawn,
    DecisionOutdated,
    DecisionPending,
    Invalid,
    NotFound,
    SecondPersonNeeded,
    TransitionRefused,
)
from service.domain.guards import Move
from tests.domain.builders import (
    ANA,
    ARMY,
    ASSERTED,
    AWAITING,
    BORIS,
    CONFIRMED,
    DISPUTED,
    MILLER,
    NATO,
    OVERRIDE,
    POLICE,
    PRISTINA,
    VUCEVIC,
    WASHINGTON,
    Record,
    build_claim,
    build_comment,
    build_contradiction,
    build_request,
    build_support,
    move,
    set_aside,
)

EDGES = {
    (ASSERTED, AWAITING),
    (ASSERTED, CONFIRMED),
    (ASSERTED, DISPUTED),
    (AWAITING, ASSERTED),
    (AWAITING, CONFIRMED),
    (AWAITING, DISPUTED),
    (CONFIRMED, AWAITING),
    (CONFIRMED, DISPUTED),
    (DISPUTED, ASSERTED),
    (DISPUTED, AWAITING),
    (DISPUTED, CONFIRMED),
}
PAIRS = list(itertools.product(Status, Status))
REASON = "needs a reason"
CITE = "needs at least one cited supporting statement that counts to rest on"
SUPPORT = "1 cited supporting statement that counts"
GROUND = "1 cited request for confirmation or supporting statement"
DENY = "needs at least one cited contradicting statement that stands open to rest on"
DENIAL = "1 cited contradicting statement that stands open"


def decide(state: ClaimState, requested: Move, *, four_eyes: bool = False) -> ClaimState:
    draft = lifecycle.change_status(
        state, requested, actor=ANA, decision_id="decision-1", four_eyes=four_eyes
    )
    event = history.Event(state.version + 1, draft.type, state.updated_at, draft.data)
    return history.apply_event(state, event, claim_id=state.id)


def list_details(state: ClaimState, requested: Move) -> list[str]:
    return [lacking.detail for lacking in lifecycle.list_missing(state, requested)]


# The table.


def test_the_table_has_exactly_these_edges() -> None:
    """Eleven of the sixteen pairs have a guard; confirmed → asserted has none."""
    assert set(lifecycle.TRANSITIONS) == EDGES
    assert len(PAIRS) == 16


@pytest.mark.parametrize(("before", "to"), PAIRS)
@pytest.mark.parametrize(
    "links", [(), (build_support(), build_support(NATO)), (build_contradiction(),)]
)
def test_missing_edge_is_refused_to_overrides_too(
    before: Status, to: Status, links: tuple[Link, ...]
) -> None:
    """Off the table nothing passes: neither any evidence nor an override."""
    state = build_claim(*links, status=before)
    fitting = [link for link in links if link in guards.list_citable_links(state, to)]
    override = move(to, *fitting, override=OVERRIDE)
    if (before, to) in EDGES:
        assert decide(state, override).status is to
        return
    word = f"the claim is {to} already"
    if before is not to:
        word = f"a claim never goes from {before} to {to}"
    for attempt in (move(to, *fitting), override):
        with pytest.raises(TransitionRefused) as refusal:
            decide(state, attempt)
        assert refusal.value.extras["missing"] == [
            {"need": "another target status", "has": 0, "detail": word}
        ]
        assert refusal.value.detail == f"{before} → {to}: {word}."
        assert refusal.value.extras["version"] == state.version


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("version", [1, 17])
def test_status_change_records_the_previous_status_and_its_number(kind: Kind, version: int) -> None:
    """The draft carries both statuses, the reason, the links, who decided, and its sequence."""
    support = (build_support(), build_support(NATO))
    state = build_claim(*support, kind=kind, version=version, sequence=4, status=AWAITING)
    draft = lifecycle.change_status(
        state, move(CONFIRMED, *support), actor=ANA, decision_id="unused", four_eyes=False
    )
    assert draft == history.Draft(
        "claim.status_changed",
        {
            "previous_status": "awaiting_confirmation",
            "status": "confirmed",
            "reason": "read the report",
            "cause": "decision",
            "cites": [link.id for link in support],
            "set_aside": [],
            "override": None,
            "decision": None,
            "decided_by": "Ana",
            "approved_by": None,
            "approval_note": None,
            "sequence": 5,
        },
    )


# The guards, row by row of docs/rules.md: satisfied, then each part missing.

yes, also, no, ask = (
    build_support(),
    build_support(NATO),
    build_contradiction(PRISTINA),
    build_request(),
)
echo = build_support(VUCEVIC)
partial = build_support(scope=Scope.PARTIAL)
conditional = build_support(MILLER, conditional=True)
hearsay = build_support(NATO, basis=Basis.THIRD_PARTY)
bare = build_contradiction(PRISTINA, basis=Basis.UNSTATED)

OK = [
    pytest.param(ASSERTED, (), move(AWAITING), id="a checker opens verification"),
    pytest.param(ASSERTED, (yes,), move(CONFIRMED, yes), id="asserted, supported"),
    pytest.param(ASSERTED, (no,), move(DISPUTED, no), id="asserted, contradicted"),
    pytest.param(ASSERTED, (bare,), move(DISPUTED, bare), id="asserted, barely denied"),
    pytest.param(AWAITING, (), move(ASSERTED), id="awaiting, nothing left"),
    pytest.param(AWAITING, (build_comment(),), move(ASSERTED), id="a comment is no ground"),
    pytest.param(AWAITING, (build_request(ARMY),), move(ASSERTED), id="one's own request is none"),
    pytest.param(AWAITING, (ask, yes), move(CONFIRMED, yes), id="awaiting, supported"),
    pytest.param(AWAITING, (ask, bare), move(DISPUTED, bare), id="awaiting, contradicted"),
    pytest.param(CONFIRMED, (yes, no), move(DISPUTED, no), id="a contradiction with a basis"),
    pytest.param(CONFIRMED, (yes, bare, no), move(DISPUTED, no), id="one with, one without"),
    pytest.param(DISPUTED, (), move(ASSERTED), id="disputed, nothing left"),
    pytest.param(
        DISPUTED,
        (build_contradiction(withdrawn=True),),
        move(ASSERTED),
        id="disputed, denial withdrawn",
    ),
    pytest.param(DISPUTED, (ask,), move(AWAITING, ask), id="disputed, a request remains"),
    pytest.param(
        DISPUTED, (partial,), move(AWAITING, partial), id="disputed, some support remains"
    ),
    pytest.param(DISPUTED, (yes,), move(AWAITING, yes), id="disputed, support remains"),
    pytest.param(
        DISPUTED,
        (yes, build_contradiction(retracted=True)),
        move(CONFIRMED, yes),
        id="disputed, denial retracted: k",
    ),
    pytest.param(
        DISPUTED,
        (yes, also, no),
        move(CONFIRMED, yes, set_aside=set_aside(no)),
        id="disputed, denial set aside: two",
    ),
]


@pytest.mark.parametrize(("before", "links", "requested"), OK)
def test_a_guard_lets_pass_what_the_table_allows(
    before: Status, links: tuple[Link, ...], requested: Move
) -> None:
    """With everything that the table's row asks for, nothing is missing and the status changes."""
    state = build_claim(*links, status=before)
    assert lifecycle.list_missing(state, requested) == []
    assert decide(state, requested).status is requested.to


BELGRADES = "1 supporting statement from a party other than Belgrade"
NOBODY = f"needs {BELGRADES}; has 0"
TWO = "2 supporting statements from 2 independent parties other than Belgrade"
OPEN = "needs every contradiction withdrawn, retracted or set aside; still open: "
GONE = "needs every request and every support withdrawn or retracted; still there: "

MISSING = [
    # asserted → awaiting_confirmation
    (ASSERTED, (), move(AWAITING, reason=" "), [("a reason", 0, REASON)]),
    # asserted, awaiting → confirmed
    (
        ASSERTED,
        (),
        move(CONFIRMED),
        [(BELGRADES, 0, NOBODY), (SUPPORT, 0, CITE)],
    ),
    (
        ASSERTED,
        (echo,),
        move(CONFIRMED, echo),
        [
            (
                BELGRADES,
                0,
                "needs 1 supporting statement from a party other than Belgrade; has 0 "
                "(Vučević: same party as the claimant)",
            )
        ],
    ),
    (
        AWAITING,
        (conditional, hearsay, ask),
        move(CONFIRMED, conditional),
        [
            (
                BELGRADES,
                0,
                f"needs {BELGRADES}; has 0 (Matthew Miller: conditional; NATO: basis is "
                "third_party, not own_observation or documents)",
            )
        ],
    ),
    (
        AWAITING,
        (yes, no, build_contradiction(POLICE)),
        move(CONFIRMED, yes),
        [
            (
                "0 open contradictions",
                2,
                OPEN + "Pristina (contradicts), Kosovo Police (contradicts)",
            )
        ],
    ),
    (
        AWAITING,
        (no, build_contradiction(POLICE), ask, build_contradiction(POLICE)),
        move(ASSERTED),
        [
            (
                "0 open contradictions",
                3,
                OPEN + "Pristina (contradicts), Kosovo Police (contradicts, 2 times)",
            ),
            (
                "0 open requests for confirmation and no support",
                1,
                GONE + "Washington (requests_confirmation)",
            ),
        ],
    ),
    (AWAITING, (yes,), move(CONFIRMED), [(SUPPORT, 0, CITE)]),
    (ASSERTED, (yes,), move(CONFIRMED, yes, reason=""), [("a reason", 0, REASON)]),
    # asserted, awaiting → disputed
    (
        ASSERTED,
        (
            build_contradiction(ARMY),
            build_contradiction(withdrawn=True),
            build_contradiction(NATO, retracted=True),
        ),
        move(DISPUTED),
        [
            (
                "1 contradicting statement from a party other than Belgrade",
                0,
                "needs 1 contradicting statement from a party other than Belgrade; has 0 (Serbian "
                "Army: same party as the claimant; Washington: the statement was withdrawn; "
                "NATO: the link was retracted)",
            ),
            (DENIAL, 0, DENY),
        ],
    ),
    (
        AWAITING,
        (build_contradiction(set_aside=True),),
        move(DISPUTED),
        [
            (
                "1 contradicting statement from a party other than Belgrade",
                0,
                "needs 1 contradicting statement from a party other than Belgrade; has 0 "
                "(Washington: set aside by a decision)",
            ),
            (DENIAL, 0, DENY),
        ],
    ),
    (ASSERTED, (no,), move(DISPUTED, no, reason="\t"), [("a reason", 0, REASON)]),
    # confirmed → disputed
    (
        CONFIRMED,
        (yes, bare),
        move(DISPUTED, bare),
        [
            (
                "1 contradicting statement with a basis other than unstated from a party other "
                "than Belgrade",
                0,
                "needs 1 contradicting statement with a basis other than unstated from a party "
                "other than Belgrade; has 0 (Pristina: basis is unstated)",
            )
        ],
    ),
    (CONFIRMED, (yes, no), move(DISPUTED, no, reason=""), [("a reason", 0, REASON)]),
    # confirmed → awaiting_confirmation
    (
        CONFIRMED,
        (yes,),
        move(AWAITING, yes),
        [
            (
                "fewer than 1 independent supporting parties",
                1,
                "a confirmed claim returns to awaiting_confirmation by itself when its support "
                "is withdrawn; it has 1 of 1",
            )
        ],
    ),
    # awaiting → asserted
    (
        AWAITING,
        (ask, partial),
        move(ASSERTED),
        [
            (
                "0 open requests for confirmation and no support",
                2,
                GONE + "Washington (requests_confirmation), Washington (supports)",
            )
        ],
    ),
    (
        AWAITING,
        (yes,),
        move(ASSERTED),
        [
            (
                "0 open requests for confirmation and no support",
                1,
                GONE + "Washington (supports)",
            )
        ],
    ),
    # disputed → awaiting, asserted
    (
        DISPUTED,
        (ask, no),
        move(AWAITING, ask),
        [("0 open contradictions", 1, OPEN + "Pristina (contradicts)")],
    ),
    (
        DISPUTED,
        (build_contradiction(withdrawn=True),),
        move(AWAITING),
        [
            (
                "1 request for confirmation, or support that is not enough yet",
                0,
                "needs an open request for confirmation or some support; has none: the claim can "
                "return to asserted",
            ),
            (GROUND, 0, f"needs at least one cited {GROUND[2:].removeprefix('cited ')} to rest on"),
        ],
    ),
    (
        DISPUTED,
        (no, ask),
        move(ASSERTED),
        [
            ("0 open contradictions", 1, OPEN + "Pristina (contradicts)"),
            (
                "0 open requests for confirmation and no support",
                1,
                GONE + "Washington (requests_confirmation)",
            ),
        ],
    ),
    # disputed → confirmed
    (
        DISPUTED,
        (yes, also, no),
        move(CONFIRMED, yes),
        [("0 open contradictions", 1, OPEN + "Pristina (contradicts)")],
    ),
    (
        DISPUTED,
        (yes, also, no, build_contradiction(POLICE)),
        move(CONFIRMED, yes, set_aside=set_aside(no)),
        [("0 open contradictions", 1, OPEN + "Kosovo Police (contradicts)")],
    ),
    (
        DISPUTED,
        (yes, no),
        move(CONFIRMED, yes, set_aside=set_aside(no)),
        [(TWO, 1, f"needs {TWO}; has 1")],
    ),
    (
        DISPUTED,
        (yes, build_contradiction(retracted=True)),
        move(CONFIRMED),
        [(SUPPORT, 0, CITE)],
    ),
    (
        DISPUTED,
        (yes, also, no, bare),
        move(CONFIRMED, yes, set_aside=(*set_aside(no), *set_aside(bare, reason=""))),
        [
            (
                "a reason for each contradiction set aside",
                1,
                "needs a reason for each contradiction set aside",
            )
        ],
    ),
    (
        DISPUTED,
        (yes, build_contradiction(withdrawn=True)),
        move(CONFIRMED, yes, reason=""),
        [("a reason", 0, REASON)],
    ),
]


@pytest.mark.parametrize(("before", "links", "requested", "missing"), MISSING)
def test_a_guard_names_what_is_missing(
    before: Status, links: tuple[Link, ...], requested: Move, missing: list[tuple[str, int, str]]
) -> None:
    """Each part of a guard that fails is named in data, and in words that say whom it concerns."""
    state = build_claim(*links, status=before)
    gaps = lifecycle.list_missing(state, requested)
    assert [(row.need, row.has, row.detail) for row in gaps] == missing


def test_a_refusal_carries_everything_that_is_missing() -> None:
    """The error's `missing` is plain data, its detail one sentence with every shortfall."""
    state = build_claim(no, status=AWAITING, version=9)
    with pytest.raises(TransitionRefused) as refusal:
        decide(state, move(CONFIRMED, reason=""))
    assert [lacking["need"] for lacking in refusal.value.extras["missing"]] == [
        BELGRADES,
        "0 open contradictions",
        "a reason",
        SUPPORT,
    ]
    assert refusal.value.extras["version"] == 9
    assert refusal.value.detail == (
        f"awaiting_confirmation → confirmed: needs {BELGRADES}; has 0; {OPEN}Pristina "
        f"(contradicts); {REASON}; {CITE}."
    )


def test_figure_needs_two_parties() -> None:
    """k is 2 for a figure: one party, or two voices of one, do not confirm it; two do."""
    figure: dict[str, Any] = {"kind": Kind.FIGURE, "status": AWAITING}
    two_voices = build_support(MILLER)
    assert list_details(build_claim(yes, two_voices, **figure), move(CONFIRMED, yes)) == [
        f"needs {TWO}; has 1"
    ]
    assert list_details(build_claim(yes, also, **figure), move(CONFIRMED, yes)) == []


def test_a_figures_half_support_keeps_it_awaiting() -> None:
    """One party of two for a disputed figure is a ground for awaiting, and none for asserted."""
    state = build_claim(yes, build_contradiction(withdrawn=True), kind=Kind.FIGURE, status=DISPUTED)
    assert decide(state, move(AWAITING, yes)).status is AWAITING
    assert list_details(state, move(ASSERTED)) == [GONE + "Washington (supports)"]


def test_an_unattributed_claim_names_no_claimant_in_its_refusals() -> None:
    """Nobody claimed it, so any party's support or contradiction will do."""
    state = build_claim(claimant=None)
    assert list_details(state, move(CONFIRMED)) == [
        "needs 1 supporting statement from a party; has 0",
        CITE,
    ]
    assert list_details(state, move(DISPUTED)) == ["needs 1 contradicting statement; has 0", DENY]
    own = build_support(VUCEVIC)
    assert decide(build_claim(own, claimant=None), move(CONFIRMED, own)).status is CONFIRMED


def test_bare_denial_does_not_move_a_confirmed_claim() -> None:
    """Linking it moves nothing, and nobody can make it dispute the claim without an override."""
    record = Record()
    support = record.link(yes)
    record.decide(CONFIRMED, support)
    record.link(bare)
    assert record.state.status is CONFIRMED
    with pytest.raises(TransitionRefused, match="basis is unstated"):
        record.decide(DISPUTED)
    assert record.decide(DISPUTED, override=OVERRIDE).override


# Setting aside.


def test_contradiction_set_aside_stays_so_and_needs_two_parties() -> None:
    """Once set aside a contradiction is open no more, and the confirmation needs two parties."""
    record = Record()
    first, second, denial = record.link(yes), record.link(also), record.link(no)
    record.decide(CONFIRMED, first, set_aside=set_aside(denial))
    assert [link.id for link in record.state.links if link.set_aside] == [denial.id]
    record.retract(second)
    assert record.state.status is AWAITING


def test_withdrawn_contradiction_no_longer_needs_two_parties() -> None:
    """A contradiction that its speaker withdrew no longer raises what a confirmation needs."""
    record = Record()
    first, second, denial = record.link(yes), record.link(also), record.link(no)
    record.decide(CONFIRMED, first, set_aside=set_aside(denial))
    record.withdraw(denial)
    record.retract(second)
    assert record.state.status is CONFIRMED


@pytest.mark.parametrize("before", [ASSERTED, AWAITING])
def test_only_a_disputed_claim_sets_contradictions_aside(before: Status) -> None:
    """There is nothing to set aside where the claim was never disputed."""
    state = build_claim(yes, also, no, status=before)
    with pytest.raises(Invalid, match="only in going from disputed to confirmed"):
        decide(state, move(CONFIRMED, yes, set_aside=set_aside(no)))


def test_only_contradictions_are_set_aside() -> None:
    """A request or a support is no contradiction; the error points at the entry."""
    state = build_claim(yes, also, ask, status=DISPUTED)
    with pytest.raises(Invalid) as invalid:
        decide(state, move(CONFIRMED, yes, set_aside=set_aside(ask)))
    assert invalid.value.extras["errors"] == [
        {
            "loc": ["body", "set_aside", 0],
            "msg": f"link {ask.id} is no contradiction to set aside",
        }
    ]


# What a decision cites.


@pytest.mark.parametrize(
    ("links", "cited", "message"),
    [
        ((yes,), build_support(), "is not a link of this claim"),
        (
            (lost_link := build_support(NATO, retracted=True),),
            lost_link,
            "was retracted or its statement withdrawn",
        ),
        (
            (lost_link := build_support(NATO, withdrawn=True),),
            lost_link,
            "was retracted or its statement withdrawn",
        ),
    ],
)
def test_a_decision_cites_links_that_stand(
    links: tuple[Link, ...], cited: Link, message: str
) -> None:
    """A link of another claim, or one that was taken back, cannot be cited, by its position."""
    state = build_claim(yes, *links)
    with pytest.raises(Invalid, match=message) as invalid:
        decide(state, move(CONFIRMED, yes, cited))
    assert invalid.value.extras["errors"][0]["loc"] == ["body", "cites", 1]


# Four eyes.


@pytest.mark.parametrize(("before", "to"), sorted(EDGES))
@pytest.mark.parametrize("override", [None, OVERRIDE])
@pytest.mark.parametrize("four_eyes", [True, False])
def test_confirmations_and_overrides_need_two_people(
    before: Status, to: Status, override: Override | None, four_eyes: bool
) -> None:
    """A second person is asked for `confirmed` and for overrides, unless four eyes are off."""
    decision = move(to, override=override)
    expected = four_eyes and (to is CONFIRMED or override is not None)
    assert lifecycle.needs_second_person(decision, four_eyes=four_eyes) is expected


def propose_confirmation(**changes: Any) -> Record:
    """A record on which Ana has proposed to confirm."""
    record = Record()
    record.link(yes)
    record.decide(CONFIRMED, yes, four_eyes=True, **changes)
    return record


def test_proposal_changes_no_status() -> None:
    """The status stays, and the proposal keeps everything it was made with."""
    record = propose_confirmation()
    waiting = record.state.pending
    assert waiting is not None
    assert record.state.status is ASSERTED
    assert record.state.sequence == 0
    assert record.last().type == "decision.proposed"
    assert (waiting.id, waiting.to, waiting.reason) == (
        "decision-1",
        CONFIRMED,
        "read the report",
    )
    assert (waiting.cites, waiting.set_aside, waiting.override) == ((yes.id,), (), None)
    assert (waiting.proposed_by, waiting.proposed_by_name) == ("ana", "Ana")


def test_second_person_can_approve() -> None:
    """The change names who proposed and who approved, with the note; nothing waits any more."""
    record = propose_confirmation()
    record.act(
        lifecycle.approve_status_change(record.state, "decision-1", actor=BORIS, note="checked")
    )
    assert record.state.status is CONFIRMED
    assert record.state.pending is None
    data = record.last().data
    assert (data["decided_by"], data["approved_by"], data["approval_note"]) == (
        "Ana",
        "Boris",
        "checked",
    )
    assert data["decision"] == "decision-1"
    assert data["cites"] == [yes.id]


def test_proposer_cannot_approve() -> None:
    """Proposer ≠ approver, by id: the same person under another name is refused too."""
    record = propose_confirmation()
    for same_person in (ANA, type(BORIS)(ANA.id, "Anna", BORIS.role)):
        with pytest.raises(SecondPersonNeeded) as refusal:
            record.approve(actor=same_person)
        assert refusal.value.extras == {"decision": "decision-1"}
    assert record.state.status is ASSERTED


def test_one_proposal_at_a_time() -> None:
    """A second proposal is refused and names the first; a change that needs no second person
    goes through and ends it."""
    record = propose_confirmation()
    with pytest.raises(DecisionPending, match="Ana has proposed confirmed") as refusal:
        record.decide(CONFIRMED, yes, four_eyes=True, actor=BORIS, decision_id="decision-2")
    assert refusal.value.extras == {"decision": "decision-1"}
    record.decide(AWAITING, four_eyes=True, actor=BORIS)
    assert record.state.pending is None
    with pytest.raises(NotFound):
        record.approve()


def test_an_impossible_change_is_not_even_proposed() -> None:
    """The guard is asked before the second person is."""
    with pytest.raises(TransitionRefused):
        decide(build_claim(), move(CONFIRMED, reason="because"), four_eyes=True)


def test_a_denial_that_came_since_outdates_a_proposal() -> None:
    """A contradiction linked while the decision waited stops it; the proposal goes on waiting."""
    record = Record()
    support, denial = record.link(yes), record.link(no)
    record.retract(denial)
    record.decide(CONFIRMED, support, four_eyes=True)
    record.link(build_contradiction(PRISTINA))
    with pytest.raises(DecisionOutdated, match="has changed: contradicts") as refusal:
        record.approve()
    assert refusal.value.extras["changed"] == [
        {"field": "contradicts", "seen": [], "now": [{"party": "pristina", "name": "Pristina"}]}
    ]
    assert record.state.pending is not None


@pytest.mark.parametrize("taken_back", ["retract", "withdraw"])
def test_approval_needs_the_cited_links_to_stand(taken_back: str) -> None:
    """A decision whose cited link was taken back is refused with that link, not carried out on
    what else there is, even where the same party is printed still."""
    record = Record()
    link = record.link(build_support())
    record.link(build_support(MILLER))
    record.decide(CONFIRMED, link, four_eyes=True)
    getattr(record, taken_back)(link)
    with pytest.raises(TransitionRefused) as refusal:
        record.approve()
    assert refusal.value.extras["missing"] == [
        {
            "need": "1 cited links and contradictions set aside",
            "has": 0,
            "detail": "needs the links it rests on; retracted or withdrawn since: "
            "Washington (supports)",
        }
    ]
    assert refusal.value.extras["version"] == record.state.version


def test_what_a_proposal_sets_aside_is_set_aside_on_approval_only() -> None:
    """Until somebody approves, the contradiction stands open."""
    record = Record()
    first, _, denial = record.link(yes), record.link(also), record.link(no)
    record.decide(CONFIRMED, first, set_aside=set_aside(denial), four_eyes=True)
    assert not any(link.set_aside for link in record.state.links)
    record.approve()
    assert record.state.status is CONFIRMED
    assert [link.id for link in record.state.links if link.set_aside] == [denial.id]
    assert record.last().data["set_aside"] == [
        {"link": denial.id, "reason": "spoke of another unit"}
    ]


def test_a_rejection_needs_a_comment() -> None:
    """A blank one is refused; with one the decision waits no more and the status has not moved."""
    record = propose_confirmation()
    with pytest.raises(Invalid) as invalid:
        proposals.draft_rejection(record.state, "decision-1", comment="  ")
    assert invalid.value.extras["errors"][0]["loc"] == ["body", "comment"]
    record.act(proposals.draft_rejection(record.state, "decision-1", comment="the photo is older"))
    assert record.state.pending is None
    assert record.state.status is ASSERTED
    assert record.last().data == {"decision": "decision-1", "comment": "the photo is older"}


def test_only_its_proposer_withdraws_a_decision() -> None:
    """Others reject it, with a comment; the proposer needs no reason."""
    record = propose_confirmation()
    with pytest.raises(SecondPersonNeeded):
        proposals.draft_withdrawal(record.state, "decision-1", actor=BORIS, reason=None)
    record.act(
        proposals.draft_withdrawal(record.state, "decision-1", actor=ANA, reason="too early")
    )
    assert record.state.pending is None
    assert record.last().data == {"decision": "decision-1", "reason": "too early"}


def test_a_decision_that_does_not_wait_is_not_found() -> None:
    """Neither another id nor a settled decision can be approved, rejected or withdrawn."""
    record = propose_confirmation()
    with pytest.raises(NotFound):
        record.approve("decision-2")
    record.approve()
    with pytest.raises(NotFound):
        proposals.draft_rejection(record.state, "decision-1", comment="late")
    with pytest.raises(NotFound):
        proposals.draft_withdrawal(record.state, "decision-1", actor=ANA, reason=None)


# Overrides.


def test_override_passes_the_guards_and_is_marked() -> None:
    """Nothing supports the claim; the mark stays with the status and goes with the next."""
    record = Record()
    record.decide(CONFIRMED, override=OVERRIDE, four_eyes=True)
    assert not record.state.override
    record.approve()
    assert record.state.status is CONFIRMED
    assert record.state.override
    assert record.last().data["override"] == plain_data.make_plain(OVERRIDE)
    record.link(no)
    assert record.state.override
    record.decide(DISPUTED)
    assert not record.state.override


@pytest.mark.parametrize("override", [Override("", "why", "s"), Override("code", " ", "s")])
def test_an_override_needs_a_code_and_free_text(override: Override) -> None:
    """It passes the guards, not the duty to say why; the reason is needed too."""
    decision = move(CONFIRMED, override=override, reason="")
    assert list_details(build_claim(), decision) == [
        "an override needs a reason code and free text",
        REASON,
    ]
    assert list_details(build_claim(), move(CONFIRMED, override=OVERRIDE, reason="")) == [REASON]


def test_override_is_not_undone_by_known_evidence() -> None:
    """An editor returns a claim to asserted in spite of a request: the rules wait for another."""
    record = Record()
    record.link(ask)
    record.decide(ASSERTED, override=OVERRIDE)
    assert record.state.status is ASSERTED
    record.act(*amendments.draft_amendment(record.state, {"tags": ["kosovo"]}, material=False))
    assert record.state.status is ASSERTED
    record.link(new_request := build_request(PRISTINA))
    assert record.state.status is AWAITING
    assert record.last().data["cites"] == [new_request.id]
    assert record.last().data["reason"] == "Pristina asked for confirmation"


def test_an_override_that_sets_aside_is_not_undone_by_its_own_demand() -> None:
    """One supporter is too few once a contradiction is set aside; the override is to pass that."""
    record = Record()
    record.link(yes)
    denial = record.link(no)
    record.decide(CONFIRMED, set_aside=set_aside(denial), override=OVERRIDE)
    assert record.state.status is CONFIRMED
    assert record.state.override
    record.link(build_comment())
    assert record.state.status is CONFIRMED


def test_an_overridden_confirmation_falls_with_support_that_had_sufficed() -> None:
    """Support that came to suffice and then fell below k moves it like any confirmed claim."""
    record = Record()
    record.decide(CONFIRMED, override=OVERRIDE)
    support = record.link(yes)
    assert record.state.status is CONFIRMED
    record.retract(support)
    assert record.state.status is AWAITING
    assert not record.state.override


# The automatic moves.


def test_request_moves_an_asserted_claim_automatically() -> None:
    """By another root party, conditional or not; the rule is named, nobody decided."""
    record = Record()
    request = record.link(build_request(MILLER, conditional=True, basis=Basis.UNSTATED))
    assert record.state.status is AWAITING
    assert record.rules[-1] == "request"
    data = record.last().data
    assert data["cause"] == "request"
    assert data["reason"] == "Washington asked for confirmation"
    assert data["cites"] == [request.id]
    assert data["decided_by"] is None
    assert not record.state.verification_opened


@pytest.mark.parametrize(
    "new",
    [
        build_request(ARMY),
        build_support(),
        build_support(NATO),
        build_comment(),
        build_contradiction(ARMY),
    ],
)
def test_nothing_else_moves_an_asserted_claim(new: Link) -> None:
    """Support, even enough, never confirms by itself; the claimant's own voices move nothing."""
    record = Record()
    record.link(new)
    assert record.state.status is ASSERTED
    assert len(record.events) == 2


@pytest.mark.parametrize("before", [ASSERTED, AWAITING])
@pytest.mark.parametrize("denial", [no, bare])
def test_contradiction_disputes_an_unconfirmed_claim_automatically(
    before: Status, denial: Link
) -> None:
    """By another root party, with a basis or without; the rule is named, nobody decided."""
    record = Record()
    if before is AWAITING:
        record.decide(AWAITING)
    link = record.link(denial)
    assert record.state.status is DISPUTED
    assert record.rules[-1] == "contradiction"
    data = record.last().data
    assert data["cause"] == "contradiction"
    assert data["reason"] == "Pristina contradicted the claim"
    assert data["cites"] == [link.id]
    assert data["decided_by"] is None


@pytest.mark.parametrize("before", [CONFIRMED, DISPUTED])
def test_a_contradiction_moves_no_other_status(before: Status) -> None:
    """A confirmed claim is only challenged, with a basis or without."""
    was = build_claim(yes, status=before)
    after = build_claim(yes, no, status=before)
    assert lifecycle.find_automatic_move(was, after) is None
    assert evidence.is_challenged(after) is (before is CONFIRMED)


def test_only_a_new_contradiction_moves_a_claim() -> None:
    """An editor's override in spite of a denial, and a denial that was set aside, stay as they
    are."""
    standing = build_claim(no, status=AWAITING)
    after = build_claim(no, build_comment(), status=AWAITING)
    assert lifecycle.find_automatic_move(standing, after) is None
    aside = build_claim(build_contradiction(set_aside=True, id="d"), status=AWAITING)
    state = build_claim(build_contradiction(id="d"), status=AWAITING)
    assert lifecycle.find_automatic_move(aside, state) is None


def test_contradiction_that_disputes_a_claim_ends_its_waiting_decision() -> None:
    """It was proposed about another status."""
    record = propose_confirmation()
    record.link(no)
    assert record.state.status is DISPUTED
    assert record.state.pending is None


def test_one_change_makes_one_move() -> None:
    """A request and a contradiction that come together, by a merge, dispute the claim."""
    draft = lifecycle.find_automatic_move(build_claim(), build_claim(ask, no))
    assert draft is not None
    assert (draft.rule, draft.data["status"]) == ("contradiction", "disputed")


@pytest.mark.parametrize("before", [AWAITING, DISPUTED])
def test_a_request_moves_no_other_status(before: Status) -> None:
    """The cautious moves start from asserted and from confirmed only."""
    was = build_claim(status=before)
    assert lifecycle.find_automatic_move(was, build_claim(ask, status=before)) is None


def test_request_counts_once_its_party_leaves_the_claimants_root() -> None:
    """Once it is another root, what it asked counts as a request that is new."""
    record = Record()
    record.link(build_request(ARMY))
    free = {"name": "Serbian Army", "root": "serbian-army", "root_name": "Serbian Army"}
    record.act(history.Draft("party.changed", {"party": ARMY.party, "parties": {ARMY.party: free}}))
    assert record.state.status is AWAITING


# Closed claims.


@pytest.mark.parametrize(
    ("lifecycle_now", "error"),
    [(Lifecycle.MERGED, ClaimMerged), (Lifecycle.WITHDRAWN, ClaimWithdrawn)],
)
def test_a_closed_claim_takes_no_decision(lifecycle_now: Lifecycle, error: type[Exception]) -> None:
    """A merged or withdrawn claim refuses changes, approvals and rejections before all else."""
    waiting = propose_confirmation().state
    state = build_claim(
        *waiting.links, pending=waiting.pending, lifecycle=lifecycle_now, merged_into="claim-2"
    )
    with pytest.raises(error):
        decide(state, move(AWAITING))
    with pytest.raises(error):
        lifecycle.approve_status_change(state, "decision-1", actor=BORIS, note=None)
    with pytest.raises(error):
        proposals.draft_rejection(state, "decision-1", comment="no")
    assert lifecycle.find_automatic_move(waiting, state) is None


def test_merged_claim_names_its_survivor() -> None:
    """The refusal carries the claim to change instead."""
    state = build_claim(lifecycle=Lifecycle.MERGED, merged_into="claim-2")
    with pytest.raises(ClaimMerged) as refusal:
        proposals.require_open_claim(state)
    assert refusal.value.extras == {"merged_into": "claim-2"}


@pytest.mark.parametrize("voice", [WASHINGTON, MILLER])
def test_links_are_named_by_their_speaker_else_by_their_party(voice: Any) -> None:
    """A refusal says Matthew Miller where he is known, Washington where nobody is."""
    support = build_support(voice, conditional=True)
    name = voice.speaker.name if voice.speaker else voice.name
    (missing,) = lifecycle.list_missing(build_claim(support), move(CONFIRMED, support))
    assert missing.detail.endswith(f"has 0 ({name}: conditional)")
