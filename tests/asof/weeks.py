"""A desk at work for weeks: a seeded random sequence of everything that a desk can do."""

from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any

import httpx
from sqlalchemy import Row

from tests.support.desk import SOURCE, Desk, build_statement

STANCES = ("supports", "supports", "contradicts", "requests_confirmation", "comments")
BASES = ("own_observation", "documents", "unstated")
TREE: dict[str, str | None] = {
    "usa": None,
    "washington": "usa",
    "state-department": "washington",
    "pristina": None,
    "kosovo-police": "pristina",
    "belgrade": None,
    "nato": None,
}
"""Three levels, so that a party can move without its root's changing."""
MOVES: tuple[tuple[str, str | None], ...] = (
    ("state-department", "usa"),
    ("kosovo-police", None),
    ("state-department", "washington"),
    ("washington", None),
    ("kosovo-police", "belgrade"),
    ("washington", "usa"),
    ("kosovo-police", "pristina"),
)
STORIES = ("border", "elections")
WEIGHTS = {
    "claim": 18,
    "link": 30,
    "statement_again": 8,
    "retract": 7,
    "withdraw_statement": 5,
    "withdraw_claim": 2,
    "amend": 12,
    "decide": 18,
    "merge": 5,
    "rename": 2,
    "respeak": 2,
    "quote": 3,
    "clock": 2,
    "correct_claim": 12,
    "correct_statement": 12,
}


class Weeks:
    """The desk, and what is there to act on.  `tree` says who was below whom, from when on."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = Random(seed)
        self.claims: list[str] = []
        self.links: list[str] = []
        self.statements: list[str] = []
        self.speakers: list[str] = []
        self.me = ""
        self.quotes: Sequence[Row[Any]] = ()
        """Every quote as it is in the end."""
        self.tree: list[tuple[datetime, dict[str, str | None]]] = []
        self.quiet_until = desk.clock.now
        """Up to here a clock that went back has to catch up."""

    async def pass_by(self, claims: int) -> None:
        """Until there are so many claims."""
        await self._begin()
        moves = list(MOVES)
        while len(self.claims) < claims:
            self.desk.clock.advance(minutes=self.chance.random() * 90, microseconds=17)
            names = list(WEIGHTS)
            act = self.chance.choices(names, [WEIGHTS[name] for name in names])[0]
            await getattr(self, f"_{act}")()
            due = len(MOVES) - len(moves) < len(self.claims) * len(MOVES) // claims
            if moves and due and self.desk.clock.now > self.quiet_until:
                await self._move(*moves.pop(0))

    async def _begin(self) -> None:
        for slug, parent in TREE.items():
            party = await self._act("POST", "/v1/parties", slug=slug, name=slug, parent=parent)
            assert party is not None
            before = self.tree[-1][1] if self.tree else {}
            self.tree.append((_parse_instant(party["created_at"]), before | {slug: parent}))
        for story in STORIES:
            await self._act("POST", "/v1/stories", slug=story, title=story)
        self.me = (await self.desk.checker.get("/v1/me")).json()["id"]

    async def _act(
        self, method: str, path: str, client: httpx.AsyncClient | None = None, **body: Any
    ) -> dict[str, Any] | None:
        """What came of it; None where the rules refused it, which is their business here."""
        response = await (client or self.desk.checker).request(
            method, path, json=body, headers={"If-Match": "*"}
        )
        assert response.is_success or response.status_code in (409, 422), response.text
        return dict(response.json()) if response.is_success else None

    def _some(self, claims: list[str]) -> str | None:
        """One of these, the newer the likelier."""
        return claims[-1 - int(len(claims) * self.chance.random() ** 2)] if claims else None

    def _party(self) -> str:
        return self.chance.choice(list(TREE))

    def _draw_instant(self) -> tuple[str, str]:
        """Said up to a month ago, for late arrivals are the rule; and how precisely that is known:
        of some days there is a morning, which comes before what is of the day."""
        day = self.chance.randint(1, 30)
        if day % 3 == 0:
            return f"2023-09-{day:02}T09:00:00Z", "hour"
        return f"2023-09-{day - day % 3:02}T00:00:00Z" if day > 3 else "2023-09-03T00:00:00Z", "day"

    def _statement(self) -> dict[str, Any]:
        party, (said_at, precision) = self._party(), self._draw_instant()
        body = build_statement(
            party, said_at=said_at, precision=precision, basis=self.chance.choice(BASES)
        )
        if self.chance.random() < 0.5:
            body["speaker"] = {"name": f"Speaker {self.chance.randint(1, 4)}"}
        return body

    async def _claim(self) -> None:
        chance = self.chance
        body: dict[str, Any] = {
            "text": f"Claim {len(self.claims)}",
            "kind": chance.choice(("event", "figure", "position")),
            "claimant": chance.choice((None, *TREE)),
            **dict(zip(("claimed_at", "precision"), self._draw_instant(), strict=True)),
            "tags": chance.sample(("north", "south", "army"), chance.randint(0, 2)),
            "origin": {"quotes": build_statement(None)["quotes"]},
        }
        if chance.random() < 0.8:
            body["story"] = chance.choices(STORIES, (4, 1))[0]
        if self.claims and chance.random() < 0.3:
            body["part_of"] = self._some(self.claims)
        claim_view = await self._act("POST", "/v1/claims", **body)
        if claim_view is not None:
            self.claims.append(claim_view["id"])

    async def _link(self) -> None:
        await self._link_statement(self._statement())

    async def _statement_again(self) -> None:
        if self.statements:
            await self._link_statement(self._some(self.statements))

    async def _link_statement(self, statement: Any) -> None:
        if not self.claims:
            return
        link_view = await self._act(
            "POST",
            f"/v1/claims/{self._some(self.claims)}/links",
            statement=statement,
            stance=self.chance.choice(STANCES),
            scope=self.chance.choice(("full", "full", "partial")),
            conditional=self.chance.random() < 0.2,
        )
        if link_view is not None and "stance" in link_view:
            self.links.append(link_view["id"])
            self.statements.append(link_view["statement"]["id"])
            speaker = link_view["statement"]["speaker"]
            self.speakers += [speaker["id"]] if speaker else []

    async def _retract(self) -> None:
        if self.links:
            await self._act(
                "POST", f"/v1/links/{self._some(self.links)}/retraction", reason="misread"
            )

    async def _withdraw_statement(self) -> None:
        if self.statements:
            path = f"/v1/statements/{self._some(self.statements)}/withdrawal"
            await self._act("POST", path, reason="a mistake")

    async def _withdraw_claim(self) -> None:
        if self.claims:
            path = f"/v1/claims/{self._some(self.claims)}/withdrawal"
            await self._act("POST", path, reason="not theirs")

    async def _amend(self) -> None:
        if not self.claims:
            return
        chance = self.chance
        changes: list[dict[str, Any]] = [
            {"tags": chance.sample(("north", "south", "army"), chance.randint(0, 2))},
            {"assignee": chance.choice((None, self.me))},
            {"due_at": chance.choice((None, *(f"2023-10-{day:02}T12:00:00Z" for day in (2, 9))))},
            {"text": f"Other words {chance.random()}", "material": chance.random() < 0.5},
        ]
        body: dict[str, Any] = {}
        for change in chance.sample(changes, chance.randint(1, 2)):
            body |= change
        await self._act("PATCH", f"/v1/claims/{self._some(self.claims)}", **body)

    async def _decide(self) -> None:
        """Whatever the evidence suggests, or else an editor against it; a second one agrees."""
        if not self.claims:
            return
        claim = self._some(self.claims)
        response = await self.desk.checker.get(f"/v1/claims/{claim}/suggestion")
        body: dict[str, Any] = {"to": response.json()["status"], "reason": "as it seems"}
        if self.chance.random() < 0.3:
            body["to"] = self.chance.choice(("confirmed", "disputed", "awaiting_confirmation"))
            body["override"] = {"code": "deadline", "note": "We saw it.", "source": SOURCE}
        path = f"/v1/claims/{claim}/status-changes"
        if self.chance.random() < 0.2:
            finding = self.chance.choice((None, "unprovable"))
            path, body = f"/v1/claims/{claim}/findings", {"finding": finding, "reason": "as it is"}
        elif "override" not in body:
            stance = {"confirmed": "supports", "disputed": "contradicts"}.get(body["to"])
            body["cites"] = [
                each["link"]
                for each in response.json()["trace"]
                if each["counted"] and each["stance"] == stance
            ]
        decision = await self._act("POST", path, self.desk.editor, **body)
        if decision is not None and "state" in decision and self.chance.random() < 0.8:
            self.desk.clock.advance(minutes=3)
            await self._act("POST", f"/v1/decisions/{decision['id']}/approval", self.desk.editor2)

    async def _merge(self) -> None:
        if self.claims:
            loser, into = self._some(self.claims), self._some(self.claims)
            await self._act("POST", f"/v1/claims/{loser}/merge", into=into)

    async def _rename(self) -> None:
        party = self._party()
        name = f"{party} {self.chance.randint(1, 99)}"
        await self._act("PATCH", f"/v1/parties/{party}", self.desk.editor, name=name)

    async def _respeak(self) -> None:
        if self.speakers:
            path = f"/v1/speakers/{self._some(self.speakers)}"
            name = f"Renamed {self.chance.random()}"
            await self._act("PATCH", path, self.desk.editor, name=name)

    async def _quote(self) -> None:
        if self.statements:
            path = f"/v1/statements/{self._some(self.statements)}/quotes"
            await self._act("POST", path, **build_statement(None)["quotes"][0])

    async def _correct_claim(self) -> None:
        """Several fields at once, or one; the claims that are corrected twice are not few."""
        if not self.claims:
            return
        chance, when = self.chance, self._draw_instant()
        changes: list[dict[str, Any]] = [
            {"story": chance.choice((None, *STORIES))},
            {"kind": chance.choice(("event", "figure", "position"))},
            {"claimant": chance.choice((None, *TREE))},
            dict(zip(("claimed_at", "precision"), when, strict=True)),
            {"part_of": chance.choice((None, self._some(self.claims)))},
            {"supersedes": chance.choice((None, self._some(self.claims)))},
        ]
        body: dict[str, Any] = {"reason": "recorded wrongly"}
        for change in chance.sample(changes, chance.choices((1, 2, 3), (6, 2, 1))[0]):
            body |= change
        await self._act("POST", f"/v1/claims/{self._some(self.claims)}/corrections", **body)

    async def _correct_statement(self) -> None:
        if not self.statements:
            return
        chance, statement = self.chance, self._some(self.statements)
        path = f"/v1/statements/{statement}"
        view_read = (await self.desk.checker.get(path)).json()
        language = chance.choice(("en", "sr", "sr-Latn"))
        body: dict[str, Any] = {"party": self._party(), "speaker": None}
        if chance.random() < 0.4:
            body = {"quotes": [{"id": view_read["quotes"][0]["id"], "language": language}]}
        elif chance.random() < 0.3:
            body = dict(zip(("said_at", "precision"), self._draw_instant(), strict=True))
        body |= {"reason": "recorded wrongly", "material": chance.random() < 0.5}
        await self._act("POST", f"{path}/corrections", **body)

    async def _clock(self) -> None:
        """The clock goes back by less than since a party moved."""
        now = self.desk.clock.now
        since = (now - self.tree[-1][0]).total_seconds()
        self.quiet_until = max(self.quiet_until, now)
        if since > 0:
            self.desk.clock.advance(seconds=-min(since / 2, 3600 * self.chance.random()))

    async def _move(self, party: str, parent: str | None) -> None:
        party_view = await self._act(
            "PATCH", f"/v1/parties/{party}", self.desk.editor, parent=parent
        )
        assert party_view is not None
        self.tree.append(
            (_parse_instant(party_view["updated_at"]), self.tree[-1][1] | {party: parent})
        )


def _parse_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
