"""`claimdesk openapi`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_printed_and_written_documents_are_equal(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = run("openapi").stdout
    assert json.loads(document)["info"]["title"] == "Claimdesk"
    assert document.endswith("}\n")
    # Settings do not show in it.
    monkeypatch.setenv("CLAIMDESK_BASE_URL", "https://desk.example")
    monkeypatch.setenv("CLAIMDESK_DATABASE_URL", "postgresql://u@127.0.0.1:1/desk")
    assert run("openapi", "--write", "new/openapi.json").exit_code == 0
    assert (folder / "new/openapi.json").read_text(encoding="utf-8") == document
    assert run("openapi", "--check", "new/openapi.json").exit_code == 0


def test_difference_is_shown_with_the_remedy(run: Run, folder: Path) -> None:
    run("openapi", "--write", "openapi.json")
    text = (folder / "openapi.json").read_text(encoding="utf-8")
    (folder / "openapi.json").write_text(
        text.replace('"title": "Claimdesk"', '"title": "Other"', 1), encoding="utf-8"
    )
    check = run("openapi", "--check", "openapi.json")
    assert check.exit_code == 1
    assert '-    "title": "Other"' in check.stdout
    assert "make openapi" in check.stderr


def test_check_of_a_missing_document_fails(run: Run) -> None:
    check = run("openapi", "--check", "missing.json")
    assert check.exit_code == 1
    assert "make openapi" in check.stderr


def test_writing_and_checking_at_once_is_a_usage_error(run: Run) -> None:
    assert run("openapi", "--write", "a", "--check", "a").exit_code == 2
