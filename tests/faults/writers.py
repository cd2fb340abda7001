"""Clients that keep writing and keep a ledger of what they were told."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.desk import build_claim, build_statement

Json = dict[str, Any]


@dataclass
class Sent:
    """One change, named `name` in the record, and what became of it as far as its sender knows."""

    name: str
    path: str
    body: Json
    answer: Json | None = None
    """What was acknowledged; None where no answer came."""

    @property
    def id(self) -> str:
        """The id in the answer, of a change that was acknowledged."""
        assert self.answer is not None, "no answer came"
        return str(self.answer["id"])


@dataclass
class Ledger:
    sent: list[Sent] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """Statuses of answers that said no: nothing of theirs may be in the record."""

    @property
    def acknowledged(self) -> list[Sent]:
        return [each for each in self.sent if each.answer is not None]

    @property
    def unknown(self) -> list[Sent]:
        return [each for each in self.sent if each.answer is None]


class Writers:
    """Several clients of one server who record claims and links until it is gone."""

    def __init__(self, url: str, token: str, ledger: Ledger) -> None:
        self.client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        self.ledger = ledger

    async def prepare(self) -> str:
        """Parties, and a claim for links; gives its id."""
        for slug in ("belgrade", "nato"):
            assert (
                await self.client.post("/v1/parties", json={"slug": slug, "name": slug})
            ).is_success
        response = await self.client.post("/v1/claims", json=build_claim())
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def write(self, claim: str, writers: int) -> None:
        """Write until the server no longer answers."""
        async with asyncio.TaskGroup() as group:
            for _ in range(writers):
                group.create_task(self._keep_writing(claim))

    async def _keep_writing(self, claim: str) -> None:
        while True:
            name = f"change-{len(self.ledger.sent)}"
            if random.random() < 0.5:
                body = {"statement": build_statement("nato"), "stance": "comments", "note": name}
                change = Sent(name, f"/v1/claims/{claim}/links", body)
            else:
                change = Sent(name, "/v1/claims", build_claim(text=name))
            self.ledger.sent.append(change)
            if not await self.send(change):
                return

    async def send(self, request: Sent) -> bool:
        """Send a change under its own Idempotency-Key; False where no answer came."""
        try:
            answer = await self.post(request)
        except httpx.TransportError:
            return False
        if answer.status_code == 201:
            request.answer = answer.json()
        else:
            self.ledger.refused.append(answer.status_code)
            self.ledger.sent.remove(request)
        return True

    async def post(self, request: Sent) -> httpx.Response:
        return await self.client.post(
            request.path, json=request.body, headers={"Idempotency-Key": request.name}
        )


def list_changes(record: dict[str, list[Json]]) -> dict[str, list[str]]:
    """The ids of the claims and links in the record, by the names that writers gave them."""
    records: dict[str, list[str]] = {}
    for claim, events in record.items():
        for event in events:
            if event["type"] == "claim.created":
                records.setdefault(event["data"]["text"], []).append(claim)
            elif event["type"] == "link.created":
                link = event["data"]["link"]
                records.setdefault(link["note"], []).append(link["id"])
    return {name: ids for name, ids in records.items() if name.startswith("change-")}
