"""The print line: what may be pasted into an article, for every status a claim can have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain import inquiry_drafts
from service.domain.claims import Basis, Finding, Lifecycle, Link, Precision
from service.domain.inquiries import InquiryOutcome
from service.domain.print_line import build_print_line
from service.domain.print_phrases import PHRASES, Language, format_date, join_names
from tests.domain.builders import (
    ARMY,
    ASSERTED,
    AWAITING,
    BELGRADE,
    CONFIRMED,
    DISPUTED,
    MILLER,
    NATO,
    POLICE,
    PRISTINA,
    VUCEVIC,
    Record,
    build_claim,
    build_comment,
    build_contradiction,
    build_inquiry,
    build_request,
    build_support,
)

CLAIMED = "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023)."
UNCONFIRMED = "No independent party has confirmed it."


def print_after_claimed(*links: Link, **changes: Any) -> str:
    line = build_print_line(build_claim(*links, **changes))
    assert line.startswith(CLAIMED)
    return line.removeprefix(CLAIMED).strip()


def test_example_prints_as_documented() -> None:
    """The contract's line, word for word: claim C1 with Miller's conditional request."""
    request = build_request(MILLER, conditional=True, basis=Basis.UNSTATED)
    assert build_print_line(build_claim(request, status=AWAITING)) == (
        "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). Washington has asked for "
        "confirmation. No independent party has confirmed it."
    )


@pytest.mark.parametrize(
    ("links", "status", "line"),
    [
        ((), ASSERTED, UNCONFIRMED),
        ((build_comment(), build_support(ARMY), build_support(VUCEVIC)), ASSERTED, UNCONFIRMED),
        ((), AWAITING, f"Awaiting confirmation. {UNCONFIRMED}"),
        ((build_support(conditional=True),), AWAITING, f"Awaiting confirmation. {UNCONFIRMED}"),
        (
            (build_request(), build_request(MILLER), build_request(NATO)),
            AWAITING,
            f"Washington and NATO have asked for confirmation. {UNCONFIRMED}",
        ),
        (
            (build_request(NATO), build_support()),
            AWAITING,
            "NATO has asked for confirmation. Supported by Washington; the desk has not "
            "confirmed it.",
        ),
        ((build_request(ARMY),), AWAITING, f"Awaiting confirmation. {UNCONFIRMED}"),
        (
            (build_request(withdrawn=True),),
            AWAITING,
            f"Awaiting confirmation. {UNCONFIRMED}",
        ),
        (
            (build_contradiction(POLICE), build_contradiction(PRISTINA), build_contradiction(NATO)),
            DISPUTED,
            f"Disputed by Pristina and NATO. {UNCONFIRMED}",
        ),
        ((build_contradiction(withdrawn=True),), DISPUTED, f"Disputed. {UNCONFIRMED}"),
        (
            (build_contradiction(PRISTINA), build_request(NATO), build_support()),
            DISPUTED,
            "Disputed by Pristina. NATO has asked for confirmation. Supported by Washington; the "
            "desk has not confirmed it.",
        ),
        ((build_support(MILLER),), CONFIRMED, "Independently confirmed by Washington."),
        (
            (
                build_support(),
                build_support(NATO),
                build_support(PRISTINA),
                build_request(PRISTINA),
            ),
            CONFIRMED,
            "Independently confirmed by Washington, NATO and Pristina.",
        ),
        (
            (build_support(), build_contradiction(PRISTINA, set_aside=True)),
            CONFIRMED,
            "Independently confirmed by Washington.",
        ),
    ],
)
def test_print_line_of_each_status_names_the_parties(
    links: tuple[Link, ...], status: Any, line: str
) -> None:
    """Root parties, once each; only what stands; and never that a claim is true or false."""
    assert print_after_claimed(*links, status=status) == line


@pytest.mark.parametrize("status", [ASSERTED, AWAITING])
def test_a_denial_is_printed_before_it_is_decided(status: Any) -> None:
    """Nobody is given a line without the denial because the desk has not got round to it."""
    line = print_after_claimed(build_contradiction(PRISTINA), status=status)
    assert line.startswith("Pristina denies it. ")
    assert line.endswith(UNCONFIRMED)


def test_a_challenged_claim_prints_its_denials() -> None:
    """Confirmed, and denied without a basis: both are said, with the verb in its number."""
    bare = {"basis": Basis.UNSTATED}
    line = print_after_claimed(
        build_support(), build_contradiction(PRISTINA, **bare), status=CONFIRMED
    )
    assert line == "Independently confirmed by Washington. Pristina denies it."
    two = print_after_claimed(
        build_support(),
        build_contradiction(PRISTINA, **bare),
        build_contradiction(NATO, **bare),
        status=CONFIRMED,
    )
    assert two == "Independently confirmed by Washington. Pristina and NATO deny it."


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (
            ASSERTED,
            f"{UNCONFIRMED} This status was set by an editor's override of the usual rules.",
        ),
        (
            AWAITING,
            f"Awaiting confirmation. {UNCONFIRMED} This status was set by an editor's override of "
            "the usual rules.",
        ),
        (
            DISPUTED,
            f"Disputed. {UNCONFIRMED} This status was set by an editor's override of the usual "
            "rules.",
        ),
        (CONFIRMED, "Confirmed by an editor's override of the usual rules."),
    ],
)
def test_an_override_is_marked_wherever_the_status_is_shown(status: Any, line: str) -> None:
    """In every status, and never as independent confirmation."""
    assert print_after_claimed(status=status, override=True) == line


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (Finding.REFUTED, "The desk found it refuted."),
        (Finding.CONFLICTING, "The desk found the evidence conflicting."),
        (Finding.UNPROVABLE, "The desk found that it cannot be proved."),
    ],
)
def test_a_finding_is_the_desks_own_sentence(finding: Finding, sentence: str) -> None:
    """Beside the status, which it does not change."""
    line = print_after_claimed(build_contradiction(PRISTINA), status=DISPUTED, finding=finding)
    assert line == f"Disputed by Pristina. {UNCONFIRMED} {sentence}"


def test_a_withdrawn_claim_says_so_last() -> None:
    """After whatever was its last status, which is kept."""
    line = print_after_claimed(
        build_support(),
        status=CONFIRMED,
        lifecycle=Lifecycle.WITHDRAWN,
        finding=Finding.CONFLICTING,
    )
    assert line == (
        "Independently confirmed by Washington. The desk found the evidence conflicting. The "
        "claimant has withdrawn it."
    )


def test_a_claim_without_a_claimant_or_speaker() -> None:
    """Unattributed is said; a party without a speaker stands with the date alone; a party below
    another is named itself."""
    assert build_print_line(build_claim(claimant=None)) == (
        f"Unattributed claim (2 October 2023). {UNCONFIRMED}"
    )
    assert build_print_line(build_claim(claimant=POLICE)) == (
        f"Claimed by Kosovo Police (2 October 2023). {UNCONFIRMED}"
    )
    own = build_print_line(build_claim(build_support(BELGRADE), claimant=None, status=CONFIRMED))
    assert own.endswith("Independently confirmed by Belgrade.")


@pytest.mark.parametrize(
    ("precision", "printed_date"),
    [
        (Precision.YEAR, "2023"),
        (Precision.MONTH, "October 2023"),
        (Precision.DAY, "2 October 2023"),
        (Precision.HOUR, "2 October 2023, 08:00 UTC"),
        (Precision.MINUTE, "2 October 2023, 08:05 UTC"),
        (Precision.SECOND, "2 October 2023, 08:05:09 UTC"),
    ],
)
def test_a_date_is_as_precise_as_it_is_known(precision: Precision, printed_date: str) -> None:
    """No hour is printed where none is known."""
    minute, second = (0, 0) if precision is Precision.HOUR else (5, 9)
    moment = datetime(2023, 10, 2, 8, minute, second, tzinfo=UTC)
    assert format_date(moment, precision) == printed_date


def test_names_are_joined_by_commas_and_and() -> None:
    """One, two, and more."""
    assert [
        join_names([]),
        join_names(["a"]),
        join_names(["a", "b"]),
        join_names(["a", "b", "c"]),
    ] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@given(
    st.lists(
        st.sampled_from(
            [
                build_support(),
                build_support(NATO),
                build_request(),
                build_contradiction(PRISTINA),
                build_comment(),
                MILLER,
            ]
        ).filter(lambda link: isinstance(link, Link)),
        max_size=5,
        unique_by=id,
    ),
    st.sampled_from([ASSERTED, AWAITING, CONFIRMED, DISPUTED]),
    st.sampled_from(Lifecycle),
    st.booleans(),
)
def test_only_a_confirmed_claim_is_called_confirmed(
    links: list[Link], status: Any, lifecycle: Lifecycle, override: bool
) -> None:
    """Whatever stands: no other status has "Independently confirmed", every denial that stands
    is named, and the line is whole sentences on one line."""
    state = build_claim(*links, status=status, lifecycle=lifecycle, override=override)
    line = build_print_line(state)
    if lifecycle is Lifecycle.VOID:
        assert line == "Do not use: the desk recorded this claim by mistake."
        return
    assert ("Independently confirmed" in line) <= (status is CONFIRMED)
    has_denial = any(link.stance == "contradicts" for link in links)
    assert ("Pristina" in line) is has_denial
    assert ("override" in line) is override
    assert line == " ".join(line.split())
    assert line.endswith(".")
    assert build_print_line(replace(state, assignee="ana", version=99)) == line


@pytest.mark.parametrize("language", Language)
def test_silence_is_said_in_every_language(language: Language) -> None:
    """Of one party, and of several, by the names that are recorded."""
    record = Record()
    former_line = build_print_line(record.state, language=language)
    for party in (BELGRADE, NATO):
        inquiry = build_inquiry(f"inquiry-{party.party}", party)
        record.act(*inquiry_drafts.draft_inquiry(record.state, inquiry, now=inquiry.until))
    phrases = PHRASES[language]
    names = join_names([BELGRADE.name, NATO.name], language)
    sentence = phrases.silent[1].format(names=names)
    assert build_print_line(record.state, language=language) == f"{former_line} {sentence}"
    change: inquiry_drafts.InquiryChange = {"outcome": InquiryOutcome.DECLINED}
    (last,) = record.state.inquiries[1:]
    record.act(*inquiry_drafts.draft_inquiry_change(record.state, last.id, change, now=last.until))
    sentence = phrases.silent[0].format(names=BELGRADE.name)
    refusal = phrases.declined[0].format(names=NATO.name)
    assert (
        build_print_line(record.state, language=language) == f"{former_line} {sentence} {refusal}"
    )
