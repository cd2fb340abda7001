"""`claimdesk export` and `claimdesk import` as an operator types them."""

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.cli.conftest import ReallyRun, Run, RunJson
from tests.exchange.desks import edit_export, select_lines
from tests.support.desk import Json

PAGE = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.usefixtures("migrated_database")


def read_counts(report: Json) -> dict[str, tuple[int, ...]]:
    return {kind: tuple(tally.values()) for kind, tally in report["records"].items()}


def test_export_is_complete_and_readable_by_its_owner_only(run: Run, folder: Path) -> None:
    run("seed")
    result = run("export", "desk.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Written: 54 lines.\n"
    lines = (folder / "desk.jsonl").read_bytes().splitlines()
    assert len(lines) == 56
    assert json.loads(lines[0]) == {"record": "header", "format": "claimdesk", "version": 3}
    assert stat.S_IMODE((folder / "desk.jsonl").stat().st_mode) == 0o600
    assert [each for each in os.listdir(folder) if each.endswith(".part")] == []


def test_existing_file_is_not_overwritten(run: Run, folder: Path) -> None:
    """Unless --force is given; a folder and a missing folder have messages of their own."""
    (folder / "desk.jsonl").write_text("mine")
    refusal = run("export", "desk.jsonl")
    assert refusal.exit_code == 2
    assert refusal.stderr == "error: desk.jsonl is there already.  To overwrite it: --force\n"
    assert (folder / "desk.jsonl").read_text() == "mine"
    assert run("export", "desk.jsonl", "--force", "--quiet").stderr == ""
    assert (folder / "desk.jsonl").read_text() != "mine"
    assert run("export", ".").stderr == "error: . is a folder.\n"
    assert run("export", "nowhere/desk.jsonl").exit_code == 1


def test_failed_export_leaves_no_file(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither under the name nor beside it; an older file stays."""
    from service.exchange import export

    def fail(connection: Connection, *, write: Callable[[bytes], object], progress: object) -> None:
        write(b"half a file")
        raise OSError(28, "No space left on device")

    (folder / "desk.jsonl").write_text("mine")
    monkeypatch.setattr(export, "write_export", fail)
    for name, options in (("desk.jsonl", ["--force"]), ("new.jsonl", [])):
        refusal = run("export", name, *options)
        assert refusal.exit_code == 1
        assert "No space left on device" in refusal.stderr
    assert sorted(each for each in os.listdir(folder) if "jsonl" in each) == ["desk.jsonl"]
    assert (folder / "desk.jsonl").read_text() == "mine"


def test_json_output_counts_what_was_written_and_read(run: Run, run_json: RunJson) -> None:
    run("seed")
    export = run_json("export", "desk.jsonl")
    assert export["file"] == "desk.jsonl"
    assert export["records"]["event"] == 27
    report = run_json("import", "desk.jsonl")
    assert (report["refused"], report["refusals"], report["dry_run"]) == (0, [], False)
    assert read_counts(report)["event"] == (0, 27, 0)
    refusal = run("export", "-", "--json")
    assert refusal.exit_code == 2
    assert "cannot both go to standard output" in refusal.stderr


def test_export_and_import_work_through_pipes(
    really_run: ReallyRun, run: Run, folder: Path
) -> None:
    """`-` is standard output and standard input."""
    run("seed")
    export = really_run("export", "-")
    assert export.returncode == 0
    assert export.stdout.count("\n") == 56
    other = {"CLAIMDESK_DATABASE_URL": f"sqlite:///{folder}/other.db"}
    import_run = really_run("import", "-", "--json", stdin=export.stdout, **other)
    assert import_run.returncode == 0, import_run.stderr
    assert read_counts(json.loads(import_run.stdout))["event"] == (27, 0, 0)
    assert really_run("export", "-", **other).stdout == export.stdout


def test_refused_lines_are_printed_and_written_to_a_file(run: Run, folder: Path) -> None:
    """Exit code 3; the other lines are imported."""
    run("seed")
    run("export", "desk.jsonl")
    other = folder / "other.jsonl"
    data = (folder / "desk.jsonl").read_bytes()
    other.write_bytes(
        edit_export(
            data, lambda lines: select_lines(lines, "party", slug="nato")[0].update(country="US")
        )
    )
    result = run("import", "other.jsonl", "--report", "refused.csv")
    assert result.exit_code == 3
    assert "party\t0\t5\t1" in result.stdout
    assert "country is another than its events say" in result.stdout
    refused_lines = (folder / "refused.csv").read_text()
    assert refused_lines.splitlines()[0] == "line,record,id,field,value,reason"
    assert "party,nato,,,country is another than its events say" in refused_lines


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file was cut off"),
        ("[]\n", "there is no ClaimReview in the file"),
        ('{"record": "header", "format": "claimdesk", "version": 9}\n', "reads versions 1 and 2"),
    ],
)
def test_file_of_another_format_is_refused(
    run: Run, folder: Path, content: str, reason: str
) -> None:
    (folder / "bad.jsonl").write_text(content)
    refusal = run("import", "bad.jsonl")
    assert (refusal.exit_code, refusal.stdout) == (2, "")
    assert refusal.stderr.startswith("error: bad.jsonl: ")
    assert reason in refusal.stderr
    assert run("import", "missing.jsonl").exit_code == 1


MAPPING = """
name = "example"
rated_by = "Example Fact-check"
columns = {text = "Claim", date = "Date", label = "Rating"}
defaults = {url = "https://example.org/"}
"""
SHEET = "Claim,Date,Rating\nOne,2020-08-25,True\nTwo,yesterday,True\nThree,2020-08-25,Maybe\n"


def test_sheet_is_imported_with_a_mapping(run: Run, run_json: RunJson, folder: Path) -> None:
    """As a dry run, for real, and again; refusals and remarks are printed and written."""
    (folder / "claims.csv").write_text(SHEET)
    (folder / "map.toml").write_text(MAPPING)
    command = ("import", "claims.csv", "--format", "csv", "--mapping", "map.toml")
    dry = run(*command, "--dry-run", "--report", "report.csv")
    assert dry.exit_code == 3
    assert "claim\t2\t0\t1" in dry.stdout
    assert "3\trow\t\tDate\tyesterday\tno date or hour" in dry.stdout
    assert "line 4: rated “Maybe” by Example Fact-check" in dry.stderr
    assert "this was a dry run" in dry.stderr
    report = (folder / "report.csv").read_text(encoding="utf-8").splitlines()
    assert len(report) == 3
    assert run("verify").stdout == "Everything holds: 0 claims, 2 events.\n"
    first = json.loads(run(*command, "--json").stdout)
    assert first["records"] == {"claim": {"new": 2, "known": 0, "refused": 1}}
    assert first["refusals"][0]["field"] == "Date"
    assert first["remarks"][0]["line"] == 4
    second_report = json.loads(run(*command, "--json").stdout)
    assert second_report["records"] == {"claim": {"new": 0, "known": 2, "refused": 1}}
    assert run("verify").stdout == "Everything holds: 2 claims, 9 events.\n"


def test_claims_from_reviews_need_no_mapping(run_json: RunJson, folder: Path) -> None:
    review = {
        "@type": "ClaimReview",
        "claimReviewed": "It is so",
        "url": "checker.example/1",
        "datePublished": "2020-08-25",
        "reviewRating": {"alternateName": "False"},
    }
    (folder / "reviews.json").write_text(json.dumps([review]))
    report = run_json("import", "reviews.json", "--format", "claimreview")
    assert report["records"] == {"claim": {"new": 1, "known": 0, "refused": 0}}


def test_claims_are_exported_as_a_sheet(run: Run, run_json: RunJson, folder: Path) -> None:
    """With a byte order mark where it is asked for; one line a claim."""
    run("seed")
    assert run_json("export", "claims.csv", "--format", "csv", "--bom")["records"] == {"claim": 12}
    data = (folder / "claims.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfid,text,status,")
    assert data.count(b"\r\n") == 13
    assert run("export", "x.jsonl", "--bom").exit_code == 2


def test_every_command_of_the_page_exits_with_success(run: Run, folder: Path) -> None:
    """With the mappings and files that docs/exchange.md shows."""

    def list_blocks(language: str) -> list[str]:
        return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)

    run("seed")
    (folder / "sheet.csv").write_text(*list_blocks("csv"))
    for form, names in {"toml": ("sheet", "list"), "json": ("list", "review")}.items():
        for name, block in zip(names, list_blocks(form), strict=True):
            (folder / f"{name}.{form}").write_text(block)
    commands = "".join(list_blocks("sh"))
    for line in commands.splitlines():
        name, *arguments = line.split()
        assert name == "claimdesk"
        result = run(*arguments)
        assert result.exit_code == 0, f"{line}: {result.stderr}"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--format", "csv"), "--format csv needs --mapping"),
        (("--mapping", "map.toml"), "which the file has not at all"),
        (("--format", "csv", "--mapping", "bad.toml"), "bad.toml: the mapping is not valid"),
        (("--format", "csv", "--mapping", "map.toml"), "which the file has not at all"),
        (("--format", "claimreview"), "the file is no JSON"),
        (("--format", "claimreview", "--mapping", "bad.toml"), "Extra inputs are not permitted"),
    ],
)
def test_unusable_mapping_or_file_is_a_usage_error(
    run: Run, folder: Path, options: tuple[str, ...], reason: str
) -> None:
    """Exit code 2, and what to do."""
    (folder / "claims.csv").write_text("A,B\n1,2\n")
    (folder / "map.toml").write_text(MAPPING)
    (folder / "bad.toml").write_text("name = 'x'\nmore = 1\nfurther = 2\n")
    refusal = run("import", "claims.csv", *options)
    assert (refusal.exit_code, refusal.stdout) == (2, "")
    assert reason in refusal.stderr
