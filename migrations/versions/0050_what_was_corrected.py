"""lists as of an instant know what was corrected since"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

instant = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
identifier = sa.Uuid(as_uuid=False)
KEY = (("claim", identifier), ("number", sa.Integer()))
PARTS = {
    "former_claims": (
        ("kind", sa.String(16)),
        ("story", sa.String(64)),
        ("claimant", sa.String(64)),
        ("claimed_at", instant),
        ("claimed_end", instant),
        ("origin_statement", identifier),
        ("superseded_since", instant),
    ),
    "former_links": (("link", identifier), ("party", sa.String(64))),
    "former_quotes": (("quote", identifier), ("language", sa.String(35))),
}
OPTIONAL = {"story", "claimant", "superseded_since", "party"}
IN_KEY = {"link", "quote"}
TYPES = ("claim.corrected", "statement.corrected", "claim.superseded")
LENGTHS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def upgrade() -> None:
    for table, columns in PARTS.items():
        names = [name for name, _ in columns]
        key = ["claim", "number", *(name for name in names if name in IN_KEY)]
        op.create_table(
            table,
            *(sa.Column(name, kind, nullable=False) for name, kind in KEY),
            *(sa.Column(name, kind, nullable=False) for name, kind in columns if name in IN_KEY),
            sa.Column("superseded_at", instant, nullable=False),
            *(
                sa.Column(name, kind, nullable=name in OPTIONAL)
                for name, kind in columns
                if name not in IN_KEY
            ),
            sa.ForeignKeyConstraint(
                ["claim"], ["claims.id"], name=op.f(f"fk_{table}_claim_claims")
            ),
            sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        )
    for columns in (["superseded_at"], ["story", "superseded_at"], ["claimant", "superseded_at"]):
        name = "_".join(["ix_former_claims", *columns])
        op.create_index(op.f(name), "former_claims", columns)
    _restore_from_record()


def downgrade() -> None:
    """The record keeps what was corrected."""
    for table in reversed(PARTS):
        op.drop_table(table)


def _restore_from_record() -> None:
    """Write what a correction has left of each claim that had one."""
    names = ("claim", "number", "type", "recorded_at", "data")
    kinds = {"claim": identifier, "recorded_at": instant}
    events = sa.table("events", *(sa.column(name, kinds.get(name)) for name in names))
    corrected = sa.select(events.c.claim).where(
        events.c.type.in_(TYPES), events.c.claim.is_not(None)
    )
    lines = (
        sa.select(events)
        .where(events.c.claim.in_(corrected))
        .order_by(events.c.claim, events.c.number)
    )
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in PARTS}
    for _, of_claim in groupby(op.get_bind().execute(lines).all(), key=lambda line: line.claim):
        for table, row in _follow(of_claim):
            rows[table].append(row)
    for table, found in rows.items():
        if found:
            columns = (*KEY, ("superseded_at", instant), *PARTS[table])
            target = sa.table(table, *(sa.column(name, kind) for name, kind in columns))
            op.bulk_insert(target, found)


def _follow(lines: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Follow one claim's events, and yield the rows that its corrections leave."""
    state: dict[str, Any] = {}
    newer: str | None = None
    links: dict[str, tuple[str, str | None]] = {}
    for line in lines:
        data = json.loads(line.data)
        if line.type == "claim.created":
            state = {name: data[name] for name in ("kind", "claimed_at", "precision")}
            state |= {"story": data.get("story"), "origin_statement": data["origin_statement"]}
            state |= {"claimant": _name_party(data["claimant"]), "superseded_since": None}
        elif line.type in ("link.created", "claim.absorbed"):
            for link in data["links"] if "links" in data else [data["link"]]:
                links[link["id"]] = link["statement"], _name_party(link["voice"])
        if line.type not in TYPES:
            continue
        right, lost_parties, lost_languages = dict(state), [], []
        if line.type == "claim.corrected":
            after = data["after"]
            right |= {name: after[name] for name in state if name in after}
            if "claimant" in after:
                right["claimant"] = _name_party(after["claimant"])
        elif line.type == "claim.superseded":
            if data["by"] is None:
                right["superseded_since"] = None
            elif data["by"] != newer:
                right["superseded_since"] = line.recorded_at
            newer = data["by"]
        else:
            lost_parties = _correct_links(links, data)
            lost_languages = _list_languages(data)
        has = dict(right)
        if state["superseded_since"] is None:
            has["superseded_since"] = None
        key = {"claim": line.claim, "number": line.number, "superseded_at": line.recorded_at}
        if has != state or lost_parties or lost_languages:
            yield "former_claims", key | _build_columns(state)
        for link, party in lost_parties:
            yield "former_links", key | {"link": link, "party": party}
        for quote, language in lost_languages:
            yield "former_quotes", key | {"quote": quote, "language": language}
        state = right


def _name_party(voice: Mapping[str, Any] | None) -> str | None:
    return None if voice is None or "description" in voice else voice["party"]


def _correct_links(
    links: dict[str, tuple[str, str | None]], data: Mapping[str, Any]
) -> list[tuple[str, str | None]]:
    """Give links the party of a corrected statement; return those that had another, with it."""
    voice = data["spoken"]["voice"]
    if voice is None:
        return []
    right, lost = _name_party(voice), []
    for link, (statement, party) in links.items():
        if statement == data["statement"] and party != right:
            lost.append((link, party))
            links[link] = statement, right
    return lost


def _list_languages(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    right = {quote["id"]: quote.get("language") for quote in data["after"].get("quotes", ())}
    return [
        (quote["id"], quote["language"])
        for quote in data["before"].get("quotes", ())
        if quote.get("language") != right[quote["id"]]
    ]


def _build_columns(state: Mapping[str, Any]) -> dict[str, Any]:
    columns = {name: value for name, value in state.items() if name != "precision"}
    moment = datetime.fromisoformat(state["claimed_at"])
    columns["claimed_at"] = _write_instant(moment)
    columns["claimed_end"] = _write_instant(_compute_end(moment, state["precision"]))
    return columns


def _compute_end(moment: datetime, precision: str) -> datetime:
    try:
        if precision == "year":
            return moment.replace(year=moment.year + 1, month=1, day=1)
        if precision == "month":
            return (moment.replace(day=1) + timedelta(days=32)).replace(day=1)
        return moment + timedelta(seconds=LENGTHS[precision])
    except (OverflowError, ValueError):
        return datetime.max.replace(tzinfo=UTC)


def _write_instant(moment: datetime) -> datetime | str:
    if op.get_bind().dialect.name != "sqlite":
        return moment
    moment = moment.astimezone(UTC)
    return f"{moment.year:04d}{moment:-%m-%dT%H:%M:%S.%f}Z"
