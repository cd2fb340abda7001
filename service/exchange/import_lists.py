"""Read other people's lists of claims in JSON, by the paths that a mapping names.

A path names fields from the outside in, separated by dots: `claim.author.name`.  A number is a
place in a list, from 0; of a list without a number every entry is read.  A field whose own name
has a dot is found first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import orjson

from service.domain.errors import Invalid
from service.exchange import import_documents, import_rows
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_graph import DOUBLED
from service.exchange.import_lines import FileNotes
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch


def read_rows(
    file: BinaryIO, mapping: Mapping, scratch: Scratch, notes: FileNotes
) -> Iterator[tuple[int, ClaimRow | RowRefusal]]:
    """Yield every record with its place in the list, or its line: a claim, or why it is refused.

    Raises Invalid for a file in which there is no such list.
    """
    if mapping.columns is None:
        raise Invalid("the mapping does not say by which path what is read: [columns]")
    paths = mapping.columns.list_columns()
    met_paths: set[str] = set()
    place = 0
    for document in import_documents.read_documents(file):
        if isinstance(document, tuple):
            place += 1
            yield document
            continue
        records = _find_records(document.parts, mapping.records.path)
        if not records and document.line is not None:
            records = [None]
        for record in records:
            place += 1
            number = document.line or place
            yield number, _read_record(number, record, paths, mapping, scratch, met_paths)
    if not place:
        path = mapping.records.path or "the document itself"
        raise Invalid(f"there is no list of claims at {path!r}: see [records] path")
    for field, path in paths.items():
        if path not in met_paths:
            notes.texts.append(f"No record has {path!r}, which the mapping takes {field} from.")


def _find_records(parts: Sequence[object], path: str) -> list[object]:
    return [
        record
        for part in parts
        for value in (follow_path(part, path) if path else [part])
        for record in (value if isinstance(value, list) else [value])
    ]


def follow_path(value: object, path: str) -> list[object]:
    """Return every value at a path."""
    if isinstance(value, dict) and path in value:
        return [value[path]]
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        if name.isdecimal() and name.isascii():
            inner = value[int(name)] if len(name) < 9 and int(name) < len(value) else None
        else:
            return [result for item in value for result in follow_path(item, path)]
    elif isinstance(value, dict) and name in value:
        inner = value[name]
    else:
        return []
    if inner is None:
        return []
    return follow_path(inner, rest) if rest else [inner]


def _read_record(
    place: int,
    record: object,
    paths: dict[str, str],
    mapping: Mapping,
    scratch: Scratch,
    met_paths: set[str],
) -> ClaimRow | RowRefusal:
    try:
        if not isinstance(record, dict):
            raise RowRefusal(None, str(record)[:500], "the record is no object with fields")
        if DOUBLED in record:
            raise RowRefusal(str(record[DOUBLED][0]), None, "this name stands twice in it")
        fields, remarks = _read_fields(record, paths, mapping, met_paths)
        row = import_rows.read_row(place, fields, mapping)
        row = replace(row, remarks=(*remarks, *row.remarks))
        content = orjson.dumps(_make_printable(record), option=orjson.OPT_SORT_KEYS).decode()
        return import_rows.add_key(row, [content], scratch)
    except RowRefusal as refusal:
        refusal.field = paths.get(refusal.field or "", refusal.field)
        return refusal


def _read_fields(
    record: dict[str, object], paths: dict[str, str], mapping: Mapping, met_paths: set[str]
) -> tuple[dict[str, str], list[str]]:
    missing = {"", *(value.strip() for value in mapping.csv.missing)}
    fields, remarks = {}, []
    for field, path in paths.items():
        values = follow_path(record, path)
        if values:
            met_paths.add(path)
        items = [
            item for value in values for item in (value if isinstance(value, list) else [value])
        ]
        texts = [text for item in items if (text := _spell_value(field, item)) is not None]
        texts = [text for text in texts if text.strip() not in missing]
        if field == "tags":
            fields[field] = mapping.tag_separator.join(texts)
        elif texts:
            fields[field] = texts[0]
            for other in dict.fromkeys(texts[1:]):
                remarks.append(f"another {field} is left out: {other[:200]}")
    return fields, remarks


def _spell_value(field: str, value: object) -> str | None:
    """Return a value as a cell would have it.  Raises RowRefusal for an object or a list."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise RowRefusal(field, str(value)[:200], "there is an object or list: name a field within it")


def _make_printable(value: object) -> object:
    """Return JSON that can be written again, whatever characters and numbers it has."""
    if isinstance(value, dict):
        return {_make_printable(str(name)): _make_printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_make_printable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return repr(value) if isinstance(value, int) and abs(value) >= 2**53 else value
