"""Every row of a file is imported, refused, or has a remark."""

import io
from contextlib import closing
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.errors import Invalid
from service.exchange import import_csv, import_lists, import_reviews
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_lines import FileNotes
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch

SHEET = Mapping.model_validate(
    {
        "name": "sheet",
        "csv": {"delimiter": ";"},
        "columns": {"text": "Text", "claimant": "Who", "date": "When"},
        "defaults": {"url": "https://example.org/"},
    }
)
MESS = st.text(alphabet="\"; 'x\n\r", max_size=6)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["@id", "@type", "@graph", "@context", "name", "url", "author", "text"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


def read_sheet(data: bytes) -> tuple[list[tuple[int, ClaimRow | RowRefusal]], FileNotes]:
    notes = FileNotes()
    with closing(Scratch()) as scratch:
        return list(import_csv.read_rows(io.BytesIO(data), SHEET, scratch, notes)), notes


def is_accounted_for(
    token: str, line: int, results: list[tuple[int, ClaimRow | RowRefusal]]
) -> bool:
    """Whether a row is a claim of its own, or its line is refused or has a remark."""
    for position, (first, result) in enumerate(results):
        following = results[position + 1][0] if position + 1 < len(results) else 10**9
        if not first <= line < following:
            continue
        if isinstance(result, RowRefusal):
            return True
        tokens = [word for word in ("t0t", "t1t", "t2t", "t3t", "t4t") if word in result.text]
        return tokens == [token] or bool(result.remarks)
    return False


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(MESS, MESS, st.booleans()), min_size=1, max_size=5))
def test_no_row_of_a_sheet_is_lost(rows: list[tuple[str, str, bool]]) -> None:
    """Quotes, delimiters and line ends in a cell never join two rows without a remark."""
    data, lines = "Text;Who;When\n", []
    for number, (before, after, is_quoted) in enumerate(rows):
        before, after = (part.replace("\n", "").replace("\r", "") for part in (before, after))
        cell = f"{before}t{number}t{after}"
        lines.append(data.count("\n") + 1)
        data += f'"{cell}"' if is_quoted else cell
        data += ";Belgrade;2023-10-02\n"
    results, _ = read_sheet(data.encode())
    for number, line in enumerate(lines):
        assert is_accounted_for(f"t{number}t", line, results), (data, results)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80),
    st.sampled_from([b"Text;Who;When\n", b"", b"\xef\xbb\xbfText;Who;When\r"]),
)
def test_any_bytes_are_read_as_a_sheet_or_refused_with_a_reason(
    data: bytes, headings: bytes
) -> None:
    try:
        results, notes = read_sheet(headings + data)
    except Invalid:
        return
    assert results or notes.texts
    assert all(result.reason for _, result in results if isinstance(result, RowRefusal))


@settings(max_examples=150, deadline=None)
@given(JSON, JSON, JSON, st.integers(0, 3))
def test_any_document_is_read_or_refused_with_a_reason(
    author: Any, rating: Any, envelope: Any, shape: int
) -> None:
    """Author, rating and appearance may be anything; every entry of a list has a result."""
    review = {
        "@type": "ClaimReview",
        "url": "https://check.example/1",
        "claimReviewed": "A claim",
        "datePublished": "2023-10-02",
        "author": author,
        "itemReviewed": {"author": author, "appearance": envelope},
        "reviewRating": rating,
    }
    document = [review, [review, envelope], {"@graph": [envelope, review]}, {"x": [[review]]}][
        shape
    ]
    with closing(Scratch()) as scratch:
        reviews = list(
            import_reviews.read_reviews(
                io.BytesIO(orjson.dumps(document)), Mapping(name="m"), scratch
            )
        )
    assert any(isinstance(result, ClaimRow | RowRefusal) for _, result in reviews)
    # What another entry refers to by its name is read there.
    if shape == 1 and not (isinstance(envelope, dict) and "@id" in envelope):
        assert {place for place, _ in reviews} >= {1, 2}


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=5))
def test_every_record_of_a_list_is_imported_or_refused(records: list[Any]) -> None:
    mapping = Mapping.model_validate(
        {"name": "list", "columns": {"text": "text", "date": "name", "claimant": "author.name"}}
    )
    notes = FileNotes()
    data = orjson.dumps(records)
    with closing(Scratch()) as scratch:
        results = list(import_lists.read_rows(io.BytesIO(data), mapping, scratch, notes))
    assert [place for place, _ in results] == list(range(1, len(records) + 1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK\x03\x04" + b"x" * 50, "a zip archive"),
        (b"\x1f\x8b" + b"x" * 50, "compressed"),
        ("Text;Who;When\n".encode("utf-16-le"), "UTF-16 without its mark"),
        (b"", "the file has no headings"),
    ],
)
def test_a_file_that_is_no_sheet_is_named_for_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_sheet(data)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("first", ["", "sep=;"])
def test_lines_may_end_with_any_line_end(end: str, first: str) -> None:
    lines = [*filter(None, [first]), "Text;Who;When", "One;Belgrade;2023-10-02", "Two;;2023-10-03"]
    results, _ = read_sheet(end.join(lines).encode())
    assert [row.text for _, row in results if isinstance(row, ClaimRow)] == ["One", "Two"]


def test_a_sheet_of_headings_alone_is_noted() -> None:
    assert read_sheet(b"Text;Who;When\n")[1].texts == ["The file has headings and no rows."]


def test_a_line_that_is_too_long_is_one_refusal() -> None:
    data = b"Text;Who;When\n" + b"x" * 3_000_000 + b"\nNext;Belgrade;2023-10-02\n"
    results, _ = read_sheet(data)
    assert [(line, isinstance(row, RowRefusal)) for line, row in results] == [(2, True), (3, False)]


def test_a_cell_of_several_lines_stays_whole() -> None:
    """It gets a remark where it holds the delimiter."""
    data = b'Text;Who;When\n"One\nmore; and more";Belgrade;2023-10-02\n'
    [(_, row)], _ = read_sheet(data)
    assert isinstance(row, ClaimRow)
    assert (row.text, row.remarks) == ("One\nmore; and more", (import_csv.DOUBTFUL,))
    data = b'Text;Who;When\n"One; two; three\nfour";Belgrade;2023-10-02\n'
    [(_, row)], _ = read_sheet(data)
    assert isinstance(row, ClaimRow)
    assert row.remarks == (import_csv.DOUBTFUL,)
