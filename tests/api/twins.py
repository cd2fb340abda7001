"""Two desks on which the same happened, but for what is internal: and what of an answer may differ.

`live_through` carries out the same acts on both at the same instants.  On the desk with `secrets`
everything internal happens besides, after every act: proposals made, rejected and withdrawn,
assignments, notes, notes on links and on approvals.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from service.claims.correction_requests import NewRequest, receive_request
from service.store import tables
from tests.support.desk import BEGIN, Desk, build_claim, build_statement

SECRET = "zugzwang"
"""Stands in every internal text."""
STORY = "border"
MINUTES = 10
"""From one visible act to the next."""
Act = Callable[["Twin"], Awaitable[Any]]


class Twin:
    """A desk with its ids by the names that both desks know them by."""

    def __init__(self, desk: Desk, *, secrets: bool) -> None:
        self.desk = desk
        self.secrets = secrets
        self.ids: dict[str, str] = {}
        self.step = 0

    def note(self, text: str) -> str | None:
        return f"{SECRET} {text}" if self.secrets else None

    async def act(self, act: Act) -> None:
        """Carry out an act at the same instant on either desk, and what is internal after it."""
        self.step += 1
        self.desk.clock.now = BEGIN + timedelta(minutes=MINUTES * self.step)
        await act(self)
        if self.secrets:
            await self.whisper()

    async def whisper(self) -> None:
        """Everything internal that the desk can do with its claims."""
        for name in ("claim", "other"):
            if name not in self.ids:
                continue
            claim = self.ids[name]
            await self.desk.post(f"/v1/claims/{claim}/notes", {"text": self.note("of the desk")})
            for assignee in (self.ids["user"], None, self.ids["user"]):
                await self.amend(claim, assignee=assignee)
            await self.amend(claim, due_at="2023-10-05T18:00:00Z")
        if "folded" in self.ids and "settled" not in self.ids:
            await self.propose_in_vain()

    async def propose_in_vain(self) -> None:
        """Propose on the claim of many statements, resting on one that its page folds away; one
        proposal is left waiting, unless the next act needs the place."""
        claim, links = self.ids["many"], [self.ids["folded"]]
        for verdict, body in (
            ("rejection", {"comment": self.note("rejected")}),
            ("withdrawal", {"reason": self.note("taken back")}),
            (None, {}),
        ):
            pending = await self.desk.checker.get(
                "/v1/decisions", params={"state": "pending", "claim": claim}
            )
            if not pending.json()["items"]:
                reason = self.note("draft")
                proposal = await self.desk.change_status(
                    claim, "confirmed", cites=links, reason=reason
                )
                assert proposal.status_code == 202, proposal.text
                decision = proposal.json()["id"]
            else:
                decision = pending.json()["items"][0]["id"]
            if verdict is not None:
                client = self.desk.editor if verdict == "rejection" else self.desk.checker
                answer = await client.post(f"/v1/decisions/{decision}/{verdict}", json=body)
                assert answer.status_code == 200, answer.text

    async def amend(self, claim: str, **changes: Any) -> None:
        version = (await self.desk.read_claim(claim))["version"]
        answer = await self.desk.checker.patch(
            f"/v1/claims/{claim}", json=changes, headers={"If-Match": f'"{version}"'}
        )
        assert answer.status_code == 200, answer.text

    async def link(self, claim: str, stance: str, party: str, **changes: Any) -> str:
        note = self.note(f"on the link of {party}")
        link = await self.desk.link_statement(self.ids[claim], stance, party, note=note, **changes)
        return str(link["id"])


async def begin(twin: Twin) -> None:
    desk = twin.desk
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": STORY, "title": "The border"})
    user = {"email": "ana@example.org", "name": "Ana Anić", "role": "checker"}
    twin.ids["user"] = (await desk.admin.post("/v1/users", json=user)).json()["id"]


async def record_claims(twin: Twin) -> None:
    for name, text in (
        ("claim", "Serbia has returned its units to normal"),
        ("other", "Serbia cut its troops near Kosovo"),
        ("many", "Everybody has spoken of the corridor to Serbia"),
        ("duplicate", "Serbia has returned all its units to normal"),
        ("taken-back", "The army could enter Kosovo"),
    ):
        twin.ids[name] = (await twin.desk.record_claim(text=text, story=STORY, tags=["army"]))["id"]


async def link_statements(twin: Twin) -> None:
    twin.ids["link"] = await twin.link("claim", "supports", "nato")
    await twin.link("other", "requests_confirmation", "washington", conditional=True)
    twin.ids["retracted"] = await twin.link("other", "comments", "pristina")
    await twin.link("duplicate", "comments", "kosovo-police")
    await twin.link("taken-back", "contradicts", "washington", basis="documents")


async def fold_statements(twin: Twin) -> None:
    """More statements than a page shows at once: the first of them is folded away."""
    twin.ids["folded"] = await twin.link("many", "supports", "nato")
    for _ in range(16):
        await twin.link("many", "comments", "nato", basis="unstated")


async def confirm(twin: Twin) -> None:
    proposal = await twin.desk.change_status(
        twin.ids["claim"], "confirmed", cites=[twin.ids["link"]]
    )
    assert proposal.status_code == 202, proposal.text
    approval = await twin.desk.editor.post(
        f"/v1/decisions/{proposal.json()['id']}/approval", json={"note": twin.note("approved")}
    )
    assert approval.status_code == 200, approval.text


async def amend(twin: Twin) -> None:
    """Visible and internal in one event."""
    internal = {"assignee": None} if twin.secrets else {}
    await twin.amend(twin.ids["claim"], tags=["army", "north"], **internal)
    await twin.amend(twin.ids["other"], text="Serbia cut troops near Kosovo", material=False)


async def retract(twin: Twin) -> None:
    link = twin.ids["retracted"]
    await twin.desk.post(f"/v1/links/{link}/retraction", {"reason": "mistaken"}, status=200)


async def merge(twin: Twin) -> None:
    version = (await twin.desk.read_claim(twin.ids["duplicate"]))["version"]
    answer = await twin.desk.checker.post(
        f"/v1/claims/{twin.ids['duplicate']}/merge",
        json={"into": twin.ids["claim"]},
        headers={"If-Match": f'"{version}"'},
    )
    assert answer.status_code == 200, answer.text


async def withdraw(twin: Twin) -> None:
    url = f"/v1/claims/{twin.ids['taken-back']}/withdrawal"
    await twin.desk.post(url, {"reason": "the minister denied it"}, status=200)


async def record_more(twin: Twin) -> None:
    body = build_claim(text="A new claim of the corridor", story=STORY, part_of=twin.ids["other"])
    twin.ids["part"] = (await twin.desk.post("/v1/claims", body))["id"]
    await twin.desk.post("/v1/statements", build_statement("pristina"))


async def ask_and_print(twin: Twin) -> None:
    """What is asked of a party, why a name is withheld, and whom to tell of what was printed: all
    may know that it is so, and the desk alone the rest."""
    other, withheld = twin.ids["other"], twin.note("would lose the post") or "as agreed"
    official = build_statement(
        None, attribution="unnamed", description="an official", reason=withheld
    )
    await twin.desk.post(
        f"/v1/claims/{other}/links",
        {"statement": official, "stance": "comments", "note": twin.note("on the official")},
    )
    question: dict[str, Any] = {"party": "nato", "way": twin.note("by telephone") or "e-mail"}
    question |= {"until": "2023-10-20T16:00:00Z", "whom": twin.note("at the press office")}
    question["note"] = twin.note("sounded tired")
    await twin.desk.post(f"/v1/claims/{other}/inquiries", question)
    for name in ("claim", "other"):
        printed = {"where": "Page one", "contact": twin.note("at the night desk")}
        await twin.desk.post(f"/v1/claims/{twin.ids[name]}/uses", printed)
    if twin.secrets:
        new = NewRequest(f"{SECRET} it was 17", None, f"{SECRET}@example.org", True)
        await twin.desk.database.write(receive_request, other, new, now=twin.desk.clock.now)


ACTS = (
    begin,
    record_claims,
    link_statements,
    fold_statements,
    confirm,
    amend,
    retract,
    merge,
    withdraw,
    record_more,
    ask_and_print,
)


async def live_through(twin: Twin) -> None:
    for act in ACTS:
        await twin.act(act)


# What may differ.

ALLOWED = (
    # How many changes a claim has seen, and the record as a whole; and when the last one was.
    (r'"(version|seq|number|next_after|updated_at|dateModified)":("[^"]*"|\d+)', r'"\1":…'),
    (r'"(hash|previous_hash)":("[^"]*"|null)', r'"\1":…'),
    # That something is withheld may be known, and where; what it is may not.
    (r'"(commitments|salts)":\{[^}]*\}', r'"\1":…'),
    (r'name="version" value="\d+"', 'name="version" value="…"'),
    (r"stream\?after=\d+", "stream?after=…"),
    (r'id="e-\d+"', 'id="e-…"'),
    # Signed, or drawn at random, for each answer.
    (r'\b(cursor|events|claims)=[\w%-]{40,}|"next_cursor":"[\w-]+"', "cursor=…"),
    (r'name="(key|csrf|once)" value="[^"]*"', r'name="\1" value="…"'),
)
"""What tells that something internal happened, and when it did last, but not what or how often it
was of which kind; said in docs/decisions on what is hidden."""


async def list_known_ids(twin: Twin) -> dict[str, str]:
    """Every id of the desk with the name that its twin has in its place: they are numbered in the
    order in which they were made."""

    def read(connection: Connection) -> dict[str, str]:
        names_by_id: dict[str, str] = {}
        for table in (
            tables.claims,
            tables.statements,
            tables.quotes,
            tables.links,
            tables.sources,
            tables.speakers,
            tables.users,
        ):
            # A merge makes several links in one millisecond, within which ids have no order.
            order = (table.c.statement, table.c.id) if table is tables.links else (table.c.id,)
            ids = connection.scalars(select(table.c.id).order_by(*order)).all()
            names_by_id |= {str(each): f"{table.name}-{number}" for number, each in enumerate(ids)}
        keys = connection.execute(select(tables.api_keys.c.id, tables.api_keys.c.name)).all()
        return names_by_id | {id: f"key-{name}" for id, name in keys}

    return await twin.desk.database.read(read)


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def normalise(text: str, ids: dict[str, str]) -> str:
    """An answer without what may differ between twins."""
    for key in (id for id, name in ids.items() if name.startswith("key-")):
        text = text.replace(key, ids[key])
    text = UUID.sub(lambda match: ids.get(match[0], "unknown"), text)
    ends = {id.rpartition("-")[2]: name for id, name in ids.items()}
    text = re.sub(r"[0-9a-f]{12}", lambda match: ends.get(match[0], match[0]), text)
    for pattern, instead in ALLOWED:
        text = re.sub(pattern, instead, text)
    return text
