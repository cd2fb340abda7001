"""docs/rules.md states the rules that the code has: its tables equal those in code."""

from __future__ import annotations

import re
from pathlib import Path

from service.domain import evidence, guards, lifecycle
from service.domain.claims import Basis, Stance, Status

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def read_table(header: str) -> list[tuple[str, ...]]:
    """The rows of the one table in docs/rules.md whose header line is `header`."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert lines.count(header) == 1, f"docs/rules.md has one table '{header}'"
    rows = []
    for line in lines[lines.index(header) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    assert rows
    return rows


def unquote(cell: str) -> str:
    """The word of a cell that holds nothing but that word in backquotes."""
    match = re.fullmatch(r"`(\w+)`", cell)
    assert match is not None, f"'{cell}' is one word in backquotes"
    return match[1]


def list_words(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_document_lists_exactly_the_edges_and_guards_of_the_code() -> None:
    in_document = sorted(tuple(map(unquote, row)) for row in read_table("| From | To | Guard |"))
    in_code = sorted(
        (before.value, after.value, guard.__name__)
        for (before, after), guard in lifecycle.TRANSITIONS.items()
    )
    assert in_document == in_code


def test_document_explains_each_guard_that_keeps_an_edge_once() -> None:
    in_document = sorted(unquote(guard) for guard, _ in read_table("| Guard | Asks for |"))
    assert in_document == sorted({guard.__name__ for guard in lifecycle.TRANSITIONS.values()})


def test_document_explains_each_status_once() -> None:
    in_document = sorted(unquote(status) for status, _ in read_table("| Status | Meaning |"))
    assert in_document == sorted(status.value for status in Status)


def test_document_lists_the_moves_of_the_rules_in_their_order() -> None:
    """Causes of moves, from which statuses to which: the first that follows is made."""
    in_document = [
        (unquote(cause), list_words(begins), unquote(to))
        for cause, begins, to, _ in read_table("| Cause | From | To | When |")
    ]
    assert in_document == [
        (row.cause.value, {status.value for status in row.begins}, row.to.value)
        for row in lifecycle.AUTOMATIC_MOVES
    ]


def test_document_says_which_bases_qualify() -> None:
    in_document = {unquote(basis): answer for basis, answer in read_table("| Basis | Qualifies |")}
    assert in_document == {
        basis.value: "yes" if basis in evidence.QUALIFYING_BASES else "no" for basis in Basis
    }


def test_document_says_what_a_decision_for_each_status_cites() -> None:
    header = "| To | May cite | At least one | May cite nothing |"
    rows = read_table(header)
    assert sorted(unquote(row[0]) for row in rows) == sorted(s.value for s in guards.GROUNDS)
    for to, stances, needed_roots, may_cite_nothing in rows:
        ground = guards.GROUNDS[Status(unquote(to))]
        every = {stance.value for stance in Stance}
        stances_in_document = every if stances == "every stance" else list_words(stances)
        assert stances_in_document == {stance.value for stance in ground.stances}
        assert needed_roots == ground.needed
        if may_cite_nothing == "from every status":
            assert ground.may_cite_nothing == {*Status}
        elif may_cite_nothing == "never":
            assert not ground.may_cite_nothing
        else:
            assert list_words(may_cite_nothing) == ground.may_cite_nothing
