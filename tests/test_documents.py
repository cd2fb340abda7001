"""What documents, docstrings and comments cite is in the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("docs/**/*.md"))),
)
CODE = tuple(
    str(path.relative_to(ROOT))
    for folder in ("service", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__)
)
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|srcset|href)=\"([^\"]+)\"")
PATH = re.compile(
    r"(?<![\w./-])((?:docs|migrations|openapi|seeds|service|tests)/[\w./-]*\w/?|[\w-]+\.md)(?!\w)"
)
"""A path from the top of the repository, or the bare name of a document."""


def list_links(text: str) -> Iterator[str]:
    """The targets of a document's links and pictures that are files."""
    for match in LINK.finditer(text):
        target = (match[1] or match[2]).partition("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            yield target


def list_cited_files(text: str) -> Iterator[str]:
    """The files and folders that a text names: with a file's ending, or with a slash at the end."""
    for match in PATH.finditer(text):
        path = match[1]
        if path.endswith("/") or "." in path.rpartition("/")[2]:
            yield path


def is_there(path: str, citing: Path) -> bool:
    """Whether a cited file is there, from the top, from docs/, or beside the file that cites it."""
    return any((place / path).exists() for place in (ROOT, ROOT / "docs", citing.parent))


def list_missing(name: str) -> list[str]:
    citing = ROOT / name
    text = citing.read_text(encoding="utf-8")
    missing = {path for path in list_cited_files(text) if not is_there(path, citing)}
    if citing.suffix == ".md":
        missing |= {link for link in list_links(text) if not (citing.parent / link).exists()}
    return sorted(missing)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_cites_only_files_that_exist(name: str) -> None:
    assert list_missing(name) == []


def test_code_cites_only_files_that_exist() -> None:
    missing = {name: paths for name in CODE if (paths := list_missing(name))}
    assert missing == {}


def test_citations_are_found_where_they_stand() -> None:
    text = (
        "See (ghost.md), `service/ghost.py`, docs/ghost.md. Not tests/api or https://a.example/x."
    )
    assert [*list_cited_files(text)] == ["ghost.md", "service/ghost.py", "docs/ghost.md"]
    assert [*list_links('[a](ghost.md#part) <img src="ghost.png"> [b](https://a.example)')] == [
        "ghost.md",
        "ghost.png",
    ]
