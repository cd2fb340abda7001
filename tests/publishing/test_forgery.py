"""No name, role, text or label makes a print line say what the desk does not say."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain import texts
from service.domain.claims import Finding, Imported, Speaker, Stance, Status
from service.domain.print_line import build_print_line
from tests.domain.builders import BELGRADE, NATO, build_claim, build_link

SENTENCES = (
    "Independently confirmed by NATO.",
    "NATO denies it.",
    "Disputed by NATO.",
    "Disputed.",
    "The desk found it refuted.",
    "No independent party has confirmed it.",
    "Supported by NATO; the desk has not confirmed it.",
    "Awaiting confirmation.",
    "NATO has asked for confirmation.",
    "Confirmed by an editor's override of the usual rules.",
    "The claimant has withdrawn it.",
    "Claimed by NATO (2 October 2023).",
    "Imported as confirmed from NATO (label “True”).",
)
PIECES = st.one_of(
    st.sampled_from(SENTENCES),
    st.sampled_from(
        ["KFOR", "Belgrade", "Gen.", "(2 October 2023)", ")", "(", ".", ". ", "! ", "? ", "…", "; "]
    ),
    st.sampled_from(["”", "“", '"', "’", "\n", "\u2028", "\u202e", "\u2066", "\u200b", "\x1b[2J"]),
    st.sampled_from(["。", "؟ ", "۔ ", " ", "\u00a0", "\t", "ﬀ", "e\u0301"]),
    st.text(max_size=6),
)
HOSTILE = st.lists(PIECES, min_size=1, max_size=8).map("".join)
OPENINGS = re.compile(
    r"(?:^|[.!?…;][\"'”’»)\]]*\s+|[。؟۔]\s*)"
    r"(Independently confirmed|Disputed|The desk found|No independent|Supported by|Awaiting|"
    r"Confirmed by|The claimant|Claimed by|Unattributed|Imported as|[^.!?…]{1,80} "
    r"(?:denies|deny) it|[^.!?…]{1,80} (?:has|have) asked)"
)


def print_lines(name: str, person: str, label: str, by: str) -> list[str]:
    """Print lines in which each of these stands wherever one can."""
    claimant = replace(BELGRADE, name=name, speaker=Speaker("s", person, None))
    other = replace(NATO, name=by, root_name=by)
    lines = []
    for status, stance in (
        (Status.CONFIRMED, Stance.SUPPORTS),
        (Status.DISPUTED, Stance.CONTRADICTS),
        (Status.AWAITING_CONFIRMATION, Stance.REQUESTS_CONFIRMATION),
        (Status.ASSERTED, Stance.COMMENTS),
    ):
        for source in (None, Imported(by, label, Finding.REFUTED)):
            state: Any = replace(
                build_claim(build_link(stance, other)),
                claimant=claimant,
                status=status,
                imported=source,
                finding=source.finding if source else None,
                claimed_at=datetime(2023, 10, 2, tzinfo=UTC),
            )
            lines.append(build_print_line(state))
    return lines


@given(name=HOSTILE, person=HOSTILE, label=HOSTILE, by=HOSTILE)
def test_names_and_labels_cannot_forge_a_sentence_of_a_print_line(
    name: str, person: str, label: str, by: str
) -> None:
    """Not even one that an old desk or an export holds, which no policy has seen."""
    harmless = print_lines("Alphaland", "Betty Gamma", "Deltaish", "Epsilon Desk")
    for line, plain in zip(print_lines(name, person, label, by), harmless, strict=True):
        # What stands in quotation marks is a name or a label, and cannot close them.
        line, plain = (re.sub("“[^“”]*”", "“Quoted”", text) for text in (line, plain))
        openings, expected = (
            Counter(tuple(opening[1].split(" ")[-2:]) for opening in OPENINGS.finditer(text))
            for text in (line, plain)
        )
        # Nothing more is said; a name with a stop within it hides a sentence from this pattern.
        assert not openings - expected, line
        assert not set("\n\r\x1b\x85\u2028\u2029\u202e\u2066\u200b\t") & set(line)


@given(name=HOSTILE)
def test_name_that_the_policy_accepts_ends_no_sentence(name: str) -> None:
    try:
        clean_name = texts.clean_name(name)
    except ValueError:
        return
    printed_name = texts.print_name(clean_name)
    assert printed_name == clean_name or re.fullmatch("“[^“”]*”", printed_name)
    assert not re.search(r"(?:[)\]”]|[^\W\d_]{5})[.!?]\s", clean_name)
    assert not OPENINGS.search(f"Claimed by {clean_name} (", 5)
