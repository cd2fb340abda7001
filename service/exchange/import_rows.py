"""A row of somebody else's data, a sheet's or a list's: its fields, and how it is known again."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from service.exchange import import_dates, import_fields
from service.exchange.import_fields import Incoming, Refused
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch


def read(line: int, said: dict[str, str], mapping: Mapping) -> Incoming:
    """Read a row's fields.  Raises Refused."""
    defaults, dates = mapping.defaults, mapping.dates
    remarks: list[str] = []
    text = import_fields.text("text", said.get("text"))
    if text is None:
        raise Refused("text", None, "there is no claim")
    given = said.get("date", defaults.date)
    claimed = import_dates.moment("date", given, dates.formats, dates.timezone)
    if claimed is None:
        raise Refused("date", None, "there is no date, and the mapping has no default")
    url = import_fields.address("url", said.get("url", defaults.url))
    if url is None:
        raise Refused("url", None, "there is no address, and the mapping has no default")
    own_id = said.get("id")
    import_fields.text("id", own_id)
    story = import_fields.text("story", said.get("story", defaults.story))
    publisher = said.get("publisher", defaults.publisher)
    return Incoming(
        line=line,
        key=(),
        own_id=own_id.strip() if own_id is not None else None,
        text=text,
        claimed_at=claimed[0],
        precision=claimed[1],
        url=url,
        kind=import_fields.kind(said.get("kind"), defaults.kind),
        language=import_fields.language(said.get("language", defaults.language))
        or defaults.language,
        claimant=import_fields.text("claimant", said.get("claimant")),
        speaker=import_fields.text("speaker", said.get("speaker")),
        role=import_fields.text("role", said.get("role")),
        publisher=import_fields.cut("publisher", publisher, remarks),
        title=import_fields.cut("title", said.get("title"), remarks),
        quote=import_fields.text("quote", said.get("quote")),
        label=import_fields.cut("label", said.get("label"), remarks),
        rated_by=import_fields.text("rated_by", said.get("rated_by", mapping.rated_by)),
        explanation=import_fields.cut("explanation", said.get("explanation"), remarks),
        tags=import_fields.tags(
            [*defaults.tags, *said.get("tags", "").split(mapping.tag_separator)]
        ),
        story=story,
        remarks=tuple(remarks),
    )


def identify(row: Incoming, content: Sequence[str], scratch: Scratch) -> Incoming:
    """Give a row what it is known again by: its own id; or its content, and the how-manieth of
    that content it is.  Raises Refused where another row of the file has its id."""
    key: tuple[str, ...]
    if row.own_id is not None:
        before = scratch.name(f"id {row.own_id}", row.line)
        if before is not None:
            raise Refused("id", row.own_id, f"line {before} has this id too")
        key = ("id", row.own_id)
    else:
        mark = sha256("\x1f".join(content).encode("utf-8", "surrogatepass")).hexdigest()
        key = ("row", mark, str(scratch.count(mark)))
    return replace(row, key=key)
