"""The house stays readable: no bare participles as names, no over-long lines or files.

Cited documents are looked for by tests/test_documents.py, unused dependencies by
tests/test_dependencies.py."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("service", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
SERVICE = [
    path
    for path in PYTHON
    # The desk's intake is being worked on, and follows.
    if path.startswith("service/") and not path.startswith("service/desk/intake/")
]
BARE = frozenset(
    {
        "told",
        "found",
        "given",
        "asked",
        "shown",
        "beside",
        "one",
        "known",
        "then",
        "ever",
        "here",
        "made",
        "kept",
        "held",
        "left",
        "said",
        "seen",
        "taken",
        "drawn",
        "wanted",
        "meant",
        "wrong",
        "fresh",
        "former",
        "further",
        "ours",
        "mine",
        "theirs",
        "both",
        "anybody",
        "somebody",
        "nobody",
        "nothing",
        "something",
        "everything",
        "others",
        "of",
        "within",
        "without",
        "between",
        "behind",
        "among",
        "again",
        "once",
        "still",
        "already",
        "just",
        "only",
        "another",
        "away",
        "begun",
        "fails",
        "fits",
        "full",
        "how",
        "it",
        "its",
        "meanwhile",
        "says",
        "soon",
        "stands",
        "takes",
        "today",
        "undone",
        "waits",
        "which",
        "done",
        "sent",
        "gone",
        "written",
        "bound",
        "bought",
        "brought",
        "caught",
        "chosen",
        "come",
        "dealt",
        "driven",
        "fallen",
        "felt",
        "fought",
        "flown",
        "forgotten",
        "got",
        "heard",
        "hidden",
        "hurt",
        "laid",
        "led",
        "lent",
        "lost",
        "met",
        "paid",
        "put",
        "rung",
        "sold",
        "spent",
        "spoken",
        "stolen",
        "struck",
        "taught",
        "thought",
        "torn",
        "understood",
        "woken",
        "worn",
        "won",
        "overridden",
        "broken",
        "frozen",
        "grown",
        "shut",
        "swept",
        "stuck",
        "refused",
        "listed",
        "served",
    }
)
"""Words that say nothing of what they name. (`by`, `to` and `at` are fields of the API.)"""
NOUNS = frozenset({"embed", "feed", "need", "seed", "speed"})
"""Words in -ed that are nouns, or what one does."""
TYPED = "typed"
"""What somebody typed into a form, under the name by which templates read it."""
LONGEST_LINE, LONGEST_FILE = 100, 400
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign)


def list_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """List the names that a module gives to functions, parameters and variables, by line."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    fields = [part for body in bodies for part in body if isinstance(part, ASSIGNMENTS)]
    of_fields = {id(node) for field in fields for node in ast.walk(field)}
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            yield node.lineno, node.name.strip("_")
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and id(node) not in of_fields
        ):
            yield node.lineno, node.id.strip("_")


def is_bare_participle(name: str) -> bool:
    """Whether a name is one word in -ed: `stored` what?  (`stored_claim`, `is_stored` say it.)"""
    return name.endswith("ed") and "_" not in name and name not in NOUNS


def list_property_lines(node: ast.AST) -> list[int]:
    """List the line of a property: it is read like a field, as in `answer.delivered`."""
    if isinstance(node, FUNCTIONS) and any(
        isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list
    ):
        return [node.lineno]
    return []


def is_too_long(line: str) -> bool:
    """Whether a line is too long; the linter's marks at its end do not count."""
    return len(line.partition("  # noqa")[0]) > LONGEST_LINE


@pytest.mark.parametrize("path", PYTHON)
def test_names_say_what_they_name(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert [f"{path}:{line} {name}" for line, name in list_names(tree) if name in BARE] == []


@pytest.mark.parametrize("path", SERVICE)
def test_no_variable_of_the_service_is_a_bare_participle(path: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    properties = {line for node in ast.walk(tree) for line in list_property_lines(node)}
    allowed = {TYPED} if path.startswith("service/desk/") else set()
    faults = [
        f"{path}:{line} {name}"
        for line, name in list_names(tree)
        if is_bare_participle(name) and name not in allowed and line not in properties
    ]
    assert faults == []


def test_no_line_and_no_file_is_too_long() -> None:
    faults = []
    for path in (ROOT / "service").rglob("*.*"):
        if path.suffix in (".py", ".html", ".js", ".css"):
            lines = path.read_text().splitlines()
            name = path.relative_to(ROOT)
            faults += [f"{name}:{n}" for n, line in enumerate(lines, 1) if is_too_long(line)]
            if len(lines) > LONGEST_FILE:
                faults.append(f"{name}: {len(lines)} lines")
    assert faults == [], "shorten the lines; move what belongs together into a file of its own"
