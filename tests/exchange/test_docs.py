"""docs/exchange.md describes the formats as they are."""

import re
import tomllib
from pathlib import Path
from typing import Any

from service.exchange import claim_sheet, export_format, import_labels
from service.exchange.import_mapping import Mapping
from service.store.engine import Database
from service.store.row_data import EXCHANGED_TABLES
from tests.exchange.rows import MAPPING, import_mapped_rows, import_rows, list_claims

PAGE = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")


def read_table(heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading."""
    lines = PAGE.partition(f"\n| {heading}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_explains_every_kind_of_line() -> None:
    """In the order of the file, and with its fields."""
    rows = {row[0].strip("`"): row[1] for row in read_table("`record`")}
    assert tuple(rows) == ("header", *export_format.RECORDS, "trailer")
    assert export_format.build_header().decode().strip() in rows["header"]
    assert rows["event"].endswith(f"`{', '.join(export_format.EVENT_FIELDS)}`")
    for kind in ("user", "key", "speaker", "story", "note"):
        assert f"`{', '.join(EXCHANGED_TABLES[kind].columns)}`" in rows[kind]


def test_the_page_explains_every_column() -> None:
    names = [name for row in read_table("Columns") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(names) == sorted(claim_sheet.COLUMNS)


def test_the_page_has_every_built_in_label() -> None:
    meanings = {
        label: (status, finding or None)
        for labels, status, finding in read_table("Label")
        for label in labels.split(", ")
    }
    assert meanings == {
        label: (meaning.status.value, meaning.finding and meaning.finding.value)
        for label, meaning in import_labels.LABELS.items()
    }


async def test_the_shortest_mapping_of_the_page_imports_its_sheet(database: Database) -> None:
    mapping = tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0])
    sheet = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)[0]
    whole: dict[str, Any] = dict.fromkeys(MAPPING) | EMPTY | mapping
    result = await import_rows(database, sheet.encode(), **whole)
    assert (result.tally.new, result.refused) == (1, [])
    [claim] = await list_claims(database)
    assert claim["imported"]["label"] == "Mostly false"
    print_lines = re.findall(r"the print line reads\n“(.*?) This desk", PAGE)
    assert print_lines == ["Imported as confirmed from Example Fact-check (label “True”)."]


async def test_the_list_mapping_of_the_page_imports_its_list(database: Database) -> None:
    mapping = tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])
    document = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0].encode()
    result = await import_mapped_rows(database, document, "json", Mapping.model_validate(mapping))
    assert (result.tally.new, result.refused, result.notes) == (1, [], [])
    [claim] = await list_claims(database)
    assert (claim["text"], claim["status"]) == ("The bridge is closed", "disputed")
    assert claim["tags"] == ["roads", "border"]


EMPTY: dict[str, dict[str, str]] = {"claimants": {}}
