"""How `claimdesk import` detects the format of a file."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.desk import Json

pytestmark = pytest.mark.usefixtures("migrated_database")

Content = str | bytes | Json
REVIEW = {
    "@type": "ClaimReview",
    "claimReviewed": "The bridge is closed",
    "url": "https://check.example/1",
    "datePublished": "2023-10-03",
    "author": {"name": "Example Check"},
    "reviewRating": {"alternateName": "False"},
}
SHEET = "Claim,Date,Link\nThe dam holds,2023-10-02,https://x.example/1\n"
LIST = [{"Claim": "The dam holds", "Date": "2023-10-02", "Link": "https://x.example/1"}]
MAPPING = 'name = "x"\n[columns]\ntext = "Claim"\ndate = "Date"\nurl = "Link"\n'


@pytest.mark.parametrize(
    ("content", "mapped", "form"),
    [
        (json.dumps(REVIEW), False, "claimreview"),
        (f"\n\n[{json.dumps(REVIEW)}]", False, "claimreview"),
        (f"{json.dumps(REVIEW)}\n{json.dumps(REVIEW)}\n", False, "claimreview"),
        ({"padding": "x" * 70_000, "item": REVIEW}, False, "claimreview"),
        (f'<script type="application/ld+json">{json.dumps(REVIEW)}</script>', False, "claimreview"),
        (json.dumps(REVIEW).encode("utf-16"), False, "claimreview"),
        (SHEET, True, "csv"),
        (f"\ufeff{SHEET}", True, "csv"),
        (SHEET.encode("utf-16"), True, "csv"),
        (json.dumps(LIST), True, "json"),
        (json.dumps(LIST[0]), True, "json"),
    ],
)
def test_format_of_a_file_is_detected(
    run: Run, folder: Path, content: Content, mapped: bool, form: str
) -> None:
    write(folder / "given", content)
    (folder / "mapping.toml").write_text(MAPPING)
    options = ["--mapping", "mapping.toml"] if mapped else []
    result = run("import", "given", "--json", *options)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["records"]["claim"]["new"] == 1
    assert report["notes"][0] == f"The file was taken for --format {form}."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file was cut off"),
        (SHEET, "needs --mapping"),
        (b"PK\x03\x04[Content_Types].xml", "save it as CSV"),
        (b"\x1f\x8b\x08rest", "unpack it"),
        ("[]", "no ClaimReview in the file"),
        (json.dumps(LIST), "no ClaimReview in it"),
        ('{"error": {"code": 403, "message": "no"}}', "no ClaimReview in the file"),
    ],
)
def test_file_of_unknown_format_is_refused_with_the_reason(
    run: Run, folder: Path, content: Content, reason: str
) -> None:
    write(folder / "given", content)
    result = run("import", "given")
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr, result.stderr


def write(path: Path, content: Content) -> None:
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
