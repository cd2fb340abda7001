"""What is asked of every target, and what the design's performance page expects of the service."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.claims.board_queries import GROUP_SIZE
from tests.bench import wrk
from tests.bench.api import Api, Write
from tests.bench.sample import Sample
from tests.bench.servers import Client
from tests.bench.targets import CORE, RAW, SERVICE

SELF = "self"
FASTEST = 12_000  # writes a second that a plan provides for
# Where `moving` claims go, round and round, and the words given for it.
CYCLE = (
    ("asserted", "awaiting_confirmation", "Verification opened: both sides are being called."),
    ("awaiting_confirmation", "asserted", "Nothing is being verified any more."),
)


@dataclass(frozen=True)
class Asking:
    """All that a plan is made from."""

    api: Api
    client: Client
    sample: Sample
    vocabulary: Sequence[str]
    bodies: Sequence[dict[str, object]]
    seconds: int
    nonce: str

    def read(self, path: str) -> dict[str, Any]:
        """The body of what is at `path`."""
        status, _, body = self.client.ask("GET", path, self.api.headers)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status} {body[:500]!r}")
        return dict(json.loads(body))


@dataclass(frozen=True)
class Plan:
    """Rendered requests and the status each is answered with. A write is never sent twice."""

    requests: list[bytes]
    status: int = 200
    writes: bool = False


@dataclass(frozen=True)
class Goal:
    """At least `ratio` times what target `of` does on workload `on`; or so many requests a second;
    or at most so many seconds of processor time for one."""

    of: str = ""
    on: str = ""
    ratio: float = 0
    per_second: float = 0
    processor: float = 0


@dataclass(frozen=True)
class Workload:
    name: str
    plan: Callable[[Asking], Plan | None]
    against: str = ""  # the yardsticks' workload to compare with, where it has another name
    goal: Goal | None = None
    on_sqlite: Goal | None = None
    growth: float | None = None  # how many times as long it may take at a larger size

    @property
    def baseline(self) -> str:
        return self.against or self.name


def _gets(asking: Asking, paths: Sequence[str]) -> Plan:
    return Plan([wrk.render("GET", path, asking.api.headers) for path in paths])


def _get(asking: Asking) -> Plan:
    return _gets(asking, [asking.api.claim(key) for key in asking.sample.read])


def _board(asking: Asking) -> Plan | None:
    """The desk's first page: the newest claims of each status, as HTML."""
    if not asking.api.desk:
        return None
    headers = {**asking.api.headers, "Accept": "text/html"}
    return Plan([wrk.render("GET", "/", headers)])


def _board_as_json(asking: Asking) -> Plan:
    """As many claims as the board shows."""
    return _gets(asking, [asking.api.page({}, 4 * GROUP_SIZE)])


def _evidence(asking: Asking) -> Plan:
    return _gets(asking, [asking.api.evidence(key) for key in asking.sample.read])


def _unchanged(asking: Asking) -> Plan | None:
    if not asking.api.conditional:
        return None
    requests = []
    for key in asking.sample.read[:2000]:
        path = asking.api.claim(key)
        tag = asking.client.ask("GET", path, asking.api.headers)[1]["etag"]
        requests.append(wrk.render("GET", path, {**asking.api.headers, "If-None-Match": tag}))
    return Plan(requests, status=304)


def _list(asking: Asking) -> Plan:
    return _gets(asking, [asking.api.page({})])


def _filtered(asking: Asking) -> Plan:
    return _gets(
        asking,
        [
            asking.api.page({"claimant": party, "status": status})
            for party, status in asking.sample.filters
        ],
    )


def _deep(asking: Asking) -> Plan:
    """The 1,000th page of 25, or the middle of a desk that has fewer than 2,000 of them."""
    cursor, pages = None, []
    for _ in range(125):
        page = asking.read(asking.api.page({}, 200, cursor))
        cursor = asking.api.read_cursor(page)
        if cursor is None:
            break
        pages.append(cursor)
    middle = pages[-1] if len(pages) == 125 else pages[len(pages) // 2]
    return _gets(asking, [asking.api.page({}, cursor=middle)])


def _as_of(asking: Asking) -> Plan:
    return _gets(
        asking,
        [asking.api.as_of(key, _rfc3339(at)) for key, at in asking.sample.as_of],
    )


def _list_as_of(asking: Asking) -> Plan | None:
    if not asking.api.lists_as_of:
        return None
    return _gets(
        asking,
        [asking.api.page({"as_of": _rfc3339(at)}) for _, at in asking.sample.as_of],
    )


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _create(asking: Asking) -> Plan:
    writes = [asking.api.create(body) for body in asking.bodies]
    requests = []
    for index in range(asking.seconds * FASTEST):
        write = writes[index % len(writes)]
        body = write.body.replace("@", f"{asking.nonce}{index}")
        requests.append(_render(asking, write, body))
    return Plan(requests, status=writes[0].status, writes=True)


def _render(asking: Asking, write: Write, body: str) -> bytes:
    return wrk.render("POST", write.path, {**asking.api.headers, **write.headers}, body)


def versions(asking: Asking) -> dict[UUID, tuple[int, str]]:
    """Version and status now of each claim that moves."""
    claims = {}
    for key in asking.sample.moving:
        claim = asking.read(asking.api.claim(key))
        claims[key] = claim["version"], claim["status"]
    return claims


def _transition(asking: Asking) -> Plan:
    """Claim after claim, then each again with its next version: never two at once on one claim."""
    moves = {status: (to, reason) for status, to, reason in CYCLE}
    now, requests = versions(asking), []
    answered = 0
    for _ in range(asking.seconds * FASTEST // len(now) + 1):
        for key, (version, status) in now.items():
            to, reason = moves[status]
            write = asking.api.change(key, version, to, reason)
            answered = write.status
            requests.append(_render(asking, write, write.body))
            now[key] = version + 1, to
    return Plan(requests, status=answered, writes=True)


Queries = Callable[[Sequence[str]], list[dict[str, str]]]


def _search(queries: Queries) -> Callable[[Asking], Plan | None]:
    """Searches made from the vocabulary, which is ordered from the commonest word to the rarest."""

    def plan(asking: Asking) -> Plan | None:
        if not asking.api.searches:
            return None
        search_queries = queries(asking.vocabulary)
        random.Random(len(search_queries)).shuffle(search_queries)
        return _gets(asking, [asking.api.page(query) for query in search_queries])

    return plan


def _q(*words: str) -> dict[str, str]:
    return {"q": " ".join(words)}


SEARCHES: dict[str, Queries] = {
    "common": lambda words: [_q(word) for word in words[10:110]],
    "two common": lambda words: [
        _q(*two) for two in zip(words[10:110], words[60:160], strict=True)
    ],
    "rare": lambda words: [_q(word) for word in words[2_000:6_000]],
    "phrase": lambda words: [
        _q(f'"{a} {b}"') for a, b in zip(words[5:45], words[10:50], strict=True)
    ],
    "prefix": lambda words: [_q(f"{word[:4]}*") for word in words[10:210] if len(word) > 3],
    "filtered": lambda words: [
        {**_q(word), "status": "disputed", "kind": "figure"} for word in words[10:110]
    ],
}


_DURABLE = Goal(per_second=500)
_SEARCHED = Goal(processor=0.0015)


def _of_postgresql(workload: str) -> Goal:
    return Goal(SERVICE, workload, 0.7)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("get", _get, "", Goal(RAW, "get", 1.5), _of_postgresql("get"), 1.2),
        Workload(
            "get+evidence",
            _evidence,
            "",
            Goal(RAW, "get+evidence", 0.7),
            _of_postgresql("get+evidence"),
        ),
        Workload("get 304", _unchanged, "get", Goal(RAW, "get", 1.8), _of_postgresql("get 304")),
        Workload("list", _list, "", Goal(RAW, "list", 1.5), _of_postgresql("list"), 1.2),
        Workload(
            "filtered", _filtered, "", Goal(RAW, "filtered", 1.1), _of_postgresql("filtered"), 1.2
        ),
        Workload("1000th page", _deep, "list", Goal(SELF, "list", 0.9), Goal(SELF, "list", 0.9)),
        Workload("as-of", _as_of, "", Goal(RAW, "as-of", 1.3), None, 1.2),
        Workload("list as-of", _list_as_of, "", Goal(SELF, "list", 0.7), Goal(SELF, "list", 0.7)),
        *(
            Workload(f"search {name}", _search(queries), "", _SEARCHED, _SEARCHED, 3.0)
            for name, queries in SEARCHES.items()
        ),
        Workload("board as JSON", _board_as_json),
        Workload(
            "board",
            _board,
            "board as JSON",
            Goal(SELF, "board as JSON", 0.5),
            Goal(SELF, "board as JSON", 0.5),
        ),
        Workload("transition", _transition, "", Goal(CORE, "transition", 1.0), _DURABLE, 1.2),
        Workload("create", _create, "", Goal(CORE, "create", 1.0), _DURABLE, 1.2),
    )
}
