"""Other people's lists of claims in JSON: a mapping says by which paths to read them.

A path names fields from the outside in, parted by dots: `claim.author.name`.  A number is a place
in a list, from 0; a list in the way that no number picks from is gone through.  A field whose name
has a dot is read by that name first.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import orjson

from service.domain.errors import Invalid
from service.exchange import import_documents, import_rows
from service.exchange.import_fields import Incoming, Refused
from service.exchange.import_graph import DOUBLED
from service.exchange.import_lines import FileNotes
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch


def rows(
    file: BinaryIO, mapping: Mapping, scratch: Scratch, notes: FileNotes
) -> Iterator[tuple[int, Incoming | Refused]]:
    """Every record with its place in the list, or its line: a claim, or why it is none.

    Raises Invalid for a file in which there is no such list.
    """
    if mapping.columns is None:
        raise Invalid("the mapping does not say by which path what is read: [columns]")
    paths = mapping.columns.named()
    met: set[str] = set()
    place = 0
    for document in import_documents.read_documents(file):
        if isinstance(document, tuple):
            place += 1
            yield document
            continue
        records = _records(document.parts, mapping.records.path)
        if not records and document.line is not None:
            records = [None]
        for record in records:
            place += 1
            at = document.line or place
            yield at, _read_record(at, record, paths, mapping, scratch, met)
    if not place:
        path = mapping.records.path or "the document itself"
        raise Invalid(f"there is no list of claims at {path!r}: see [records] path")
    for field, path in paths.items():
        if path not in met:
            notes.texts.append(f"No record has {path!r}, which the mapping takes {field} from.")


def _records(parts: tuple[Any, ...], path: str) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        for value in follow(part, path) if path else [part]:
            found.extend(value if isinstance(value, list) else [value])
    return found


def follow(value: Any, path: str) -> list[Any]:
    """Every value at a path."""
    if isinstance(value, dict) and path in value:
        return [value[path]]
    name, _, rest = path.partition(".")
    if isinstance(value, list):
        if name.isdecimal() and name.isascii():
            inner = value[int(name)] if len(name) < 9 and int(name) < len(value) else None
        else:
            return [found for item in value for found in follow(item, path)]
    elif isinstance(value, dict) and name in value:
        inner = value[name]
    else:
        return []
    if inner is None:
        return []
    return follow(inner, rest) if rest else [inner]


def _read_record(
    place: int,
    record: Any,
    paths: dict[str, str],
    mapping: Mapping,
    scratch: Scratch,
    met: set[str],
) -> Incoming | Refused:
    try:
        if not isinstance(record, dict):
            raise Refused(None, str(record)[:500], "the record is no object with fields")
        if DOUBLED in record:
            raise Refused(str(record[DOUBLED][0]), None, "this name stands twice in it")
        said, remarks = _read_fields(record, paths, mapping, met)
        row = import_rows.read(place, said, mapping)
        row = replace(row, remarks=(*remarks, *row.remarks))
        content = orjson.dumps(_printable(record), option=orjson.OPT_SORT_KEYS).decode()
        return import_rows.identify(row, [content], scratch)
    except Refused as refused:
        refused.field = paths.get(refused.field or "", refused.field)
        return refused


def _read_fields(
    record: dict[str, Any], paths: dict[str, str], mapping: Mapping, met: set[str]
) -> tuple[dict[str, str], list[str]]:
    absent = {value.strip() for value in mapping.csv.missing}
    said, remarks = {}, []
    for field, path in paths.items():
        values = []
        for value in follow(record, path):
            met.add(path)
            values.extend(value if isinstance(value, list) else [value])
        found = [text for value in values if (text := _text(field, value)) is not None]
        found = [text for text in found if text.strip() and text.strip() not in absent]
        if field == "tags":
            said[field] = mapping.tag_separator.join(found)
        elif found:
            said[field] = found[0]
            for other in dict.fromkeys(found[1:]):
                remarks.append(f"another {field} is left out: {other[:200]}")
    return said, remarks


def _text(field: str, value: Any) -> str | None:
    """A value as a cell would have it.  Raises Refused for an object or a list."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Refused(field, str(value)[:200], "there is an object or list: name a field within it")


def _printable(value: Any) -> Any:
    """JSON that can be written again, whatever characters and numbers it has."""
    if isinstance(value, dict):
        return {_printable(str(name)): _printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return repr(value) if isinstance(value, int) and abs(value) >= 2**53 else value
