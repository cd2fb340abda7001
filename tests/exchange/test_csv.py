"""Sheets of claims follow RFC 4180, and no spreadsheet runs a cell of them."""

import csv
import io

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.claims import documents
from service.exchange.claim_sheet import (
    APOSTROPHE,
    COLUMNS,
    DANGEROUS,
    build_row,
    encode_rows,
    neutralize,
)
from tests.domain.builders import (
    NATO,
    PRISTINA,
    build_claim,
    build_contradiction,
    build_support,
)


def restore_cell(cell: str) -> str:
    """Return what `neutralize` was called with."""
    return cell.removeprefix(APOSTROPHE)


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


@given(st.text())
def test_a_neutralized_cell_is_restored_exactly(cell: str) -> None:
    """No spreadsheet takes the neutralized cell for a formula."""
    assert restore_cell(neutralize(cell)) == cell
    assert not neutralize(cell).startswith(DANGEROUS)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"])
def test_a_cell_like_a_formula_gets_an_apostrophe(cell: str) -> None:
    assert neutralize(cell) == f"'{cell}"


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2), min_size=1)
)
def test_rows_are_read_back_by_any_reader(rows: list[list[str]]) -> None:
    """Quotes, commas, line breaks and all; each row ends with CRLF."""
    data = encode_rows(rows)
    assert [[restore_cell(cell) for cell in row] for row in read(data)] == rows
    assert data.endswith(b"\r\n")


def test_a_row_has_the_cells_of_its_claim() -> None:
    document = orjson.loads(
        documents.render_document(
            build_claim(build_support(NATO), build_contradiction(PRISTINA), tags=("a", "b; c"))
        )
    )
    row = dict(zip(COLUMNS, build_row(document), strict=True))
    assert row["claimant"] == "belgrade"
    assert row["speaker"] == "Gen. Milan Mojsilović"
    assert (row["supports"], row["contradicts"]) == ("nato", "pristina")
    assert (row["agrees"], row["finding"], row["tags"]) == ("no", None, "a; b; c")
    assert "assignee" not in COLUMNS


def test_an_unattributed_claim_has_no_claimant_cells() -> None:
    document = orjson.loads(documents.render_document(build_claim(claimant=None)))
    row = dict(zip(COLUMNS, build_row(document), strict=True))
    assert [row[name] for name in ("claimant", "claimant_name", "speaker", "role")] == [None] * 4


@pytest.mark.parametrize(
    "mark", [",", ";", "\t", '"', "\r", "\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]
)
def test_cell_that_some_reader_could_part_is_quoted(mark: str) -> None:
    """Not only commas and line feeds: `str.splitlines` and spreadsheets know more line ends."""
    cell = f"a{mark}b"
    doubled_quotes = cell.replace('"', '""')
    assert encode_rows([[cell, "c"]]).decode() == f'"{doubled_quotes}",c\r\n'
