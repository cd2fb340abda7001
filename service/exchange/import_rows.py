"""Read a row of somebody else's data, a sheet's or a list's: its fields, and its key."""

from collections.abc import Mapping as Fields
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from service.exchange import import_dates, import_fields
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch


def read_row(line: int, fields: Fields[str, str], mapping: Mapping) -> ClaimRow:
    """Read a row's fields.  Raises RowRefusal."""
    defaults, dates = mapping.defaults, mapping.dates
    remarks: list[str] = []
    text = import_fields.clean_text("text", fields.get("text"))
    if text is None:
        raise RowRefusal("text", None, "there is no claim")
    date = fields.get("date", defaults.date)
    claim_date = import_dates.parse_date("date", date, dates.formats, dates.timezone)
    if claim_date is None:
        raise RowRefusal("date", None, "there is no date, and the mapping has no default")
    url = import_fields.clean_address("url", fields.get("url", defaults.url))
    if url is None:
        raise RowRefusal("url", None, "there is no address, and the mapping has no default")
    own_id = fields.get("id")
    import_fields.clean_text("id", own_id)
    story = import_fields.clean_text("story", fields.get("story", defaults.story))
    publisher = fields.get("publisher", defaults.publisher)
    language = fields.get("language", defaults.language)
    return ClaimRow(
        line=line,
        key=(),
        own_id=own_id.strip() if own_id is not None else None,
        text=text,
        claimed_at=claim_date[0],
        precision=claim_date[1],
        url=url,
        kind=import_fields.parse_kind(fields.get("kind"), defaults.kind),
        language=import_fields.clean_language(language) or defaults.language,
        claimant=import_fields.clean_text("claimant", fields.get("claimant")),
        speaker=import_fields.clean_text("speaker", fields.get("speaker")),
        role=import_fields.clean_text("role", fields.get("role")),
        publisher=import_fields.clean_and_cut("publisher", publisher, remarks),
        title=import_fields.clean_and_cut("title", fields.get("title"), remarks),
        quote=import_fields.clean_text("quote", fields.get("quote")),
        label=import_fields.clean_and_cut("label", fields.get("label"), remarks),
        rated_by=import_fields.clean_text("rated_by", fields.get("rated_by", mapping.rated_by)),
        explanation=import_fields.clean_and_cut("explanation", fields.get("explanation"), remarks),
        tags=import_fields.clean_tags(
            [*defaults.tags, *fields.get("tags", "").split(mapping.tag_separator)]
        ),
        story=story,
        remarks=tuple(remarks),
    )


def add_key(row: ClaimRow, content: Sequence[str], scratch: Scratch) -> ClaimRow:
    """Give a row the key that it is known again by: its own id; or its content, and how often that
    content came before.  Raises RowRefusal where another row of the file has its id."""
    key: tuple[str, ...]
    if row.own_id is not None:
        earlier = scratch.take_name(f"id {row.own_id}", row.line)
        if earlier is not None:
            raise RowRefusal("id", row.own_id, f"line {earlier} has this id too")
        key = ("id", row.own_id)
    else:
        digest = sha256("\x1f".join(content).encode("utf-8", "surrogatepass")).hexdigest()
        key = ("row", digest, str(scratch.count_occurrence(digest)))
    return replace(row, key=key)
