"""What is hidden stays hidden: an outsider's answers are the same with and without internals.

The walk covers every GET route of the application, pages included: a new route is compared as soon
as it is there, and a new parameter in a path fails until `places` says what to put there.
"""

import difflib
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import orjson
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from service.config import Settings
from service.domain.access import Action
from tests.api import twins
from tests.api.test_access import ENDLESS
from tests.api.test_access import ROUTES as API_ROUTES
from tests.api.twins import SECRET, STORY, Twin
from tests.desk import pages
from tests.support import desk as support
from tests.support.desk import BEGIN

AFTER = BEGIN + timedelta(days=1)
NOWHERE = "018b0000-0000-7000-8000-000000000000"
OF_OPERATORS = {"/readyz", "/metrics", "/healthz"}
"""Of the process, not of the record."""
QUERIES = {
    "/v1/claims/{claim_id}": ["expand=links"],
    "/v1/claims": [
        f"q={SECRET}",
        "q=corridor",
        "drift=true",
        "sort=claimed",
        "limit=2",
        "assignee=me",
        "overdue=true",
        "sort=due",
        f"story={STORY}&status=confirmed",
    ],
    "/v1/claims/{claim_id}/history": ["limit=1"],
    "/v1/claims/{claim_id}/links": ["limit=3"],
    "/v1/events": [
        "limit=3",
        "types=claim.amended&limit=1",
        "types=decision.proposed&limit=1",
        f"story={STORY}&types=claim.amended&types=decision.rejected&limit=1",
    ],
    "/v1/stories/{slug}/timeline": ["clock=said", "limit=5"],
    "/claims/{claim_id}": ["record=all"],
    "/": ["status=confirmed", "sort=claimed", f"story={STORY}", "assignee=me"],
    "/search": [f"q={SECRET}", "q=corridor"],
    "/stories/{slug}": ["clock=said"],
}
"""More questions than the bare path and `as_of`."""
BY_CHANGE = re.compile(r"^/(v1/claims|search)?(\?|$)")
"""Lists in the order of the last change: an internal change moves a claim to the top, so what is
compared is what stands in them, not in which order."""
AS_OF = re.compile(r"^/(v1/claims|v1/stories/|feeds|claims/|stories/|search|$)")


@pytest.fixture
def other_database_url(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """A second migrated, empty database."""
    if database_kind == "sqlite":
        path = tmp_path / "other.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres")
    url = server.create_database(template=request.getfixturevalue("migrated_postgres"))
    yield url
    server.drop_database(url)


@pytest.fixture
async def pair(settings: Settings, other_database_url: str) -> AsyncIterator[tuple[Twin, Twin]]:
    """Two desks with the same life, the second with everything internal besides."""
    open_settings = settings.model_copy(update={"public_read": True})
    other_settings = open_settings.model_copy(
        update={"database_url": SecretStr(other_database_url)}
    )
    async with support.run_desk(open_settings) as plain, support.run_desk(other_settings) as secret:
        twin_pair = Twin(plain, secrets=False), Twin(secret, secrets=True)
        for twin in twin_pair:
            await twins.live_through(twin)
        yield twin_pair


def list_urls(twin: Twin) -> list[str]:
    """Every address that an outsider may try, with the questions that may be asked there."""
    rules = API_ROUTES | pages.ROUTES
    paths: set[str] = set()
    for route in iter_route_contexts(twin.desk.app.routes):
        if "GET" in (route.methods or ()):
            assert route.path is not None
            paths.add(route.path)
    urls = []
    for path in sorted(paths - ENDLESS - OF_OPERATORS):
        for url in fill(path, twin):
            urls.append(url)
            urls += [f"{url}?{query}" for query in QUERIES.get(path, [])]
            if AS_OF.match(path) and rules.get(("GET", path)) is Action.READ_CLAIMS:
                instants = [BEGIN + timedelta(minutes=10 * step + 9) for step in (3, 5, 8, 10)]
                urls += [f"{url}?as_of={quote(moment.isoformat())}" for moment in instants]
    return urls


def fill(path: str, twin: Twin) -> list[str]:
    """The addresses that a route's path stands for."""
    names = re.findall(r"{(\w+)}", path)
    if not names:
        return [path]
    places: dict[str, list[str]] = {
        "claim_id": [twin.ids[name] for name in ("claim", "other", "many", "duplicate", "part")],
        "link_id": [twin.ids["folded"], twin.ids["link"]],
        "statement_id": [twin.ids["statement"]],
        "source_id": [twin.ids["source"]],
        "speaker_id": [twin.ids["speaker"]],
        "user_id": [twin.ids["user"]],
        "slug": ["nato"] if "part" in path else ["404"] if "problem" in path else [STORY],
        "name": ["desk.css"],
    }
    for nowhere in ("decision_id", "key_id", "webhook_id", "delivery_id", "intake_id", "token"):
        places[nowhere] = [NOWHERE]
    for nowhere in ("inquiry_id", "use_id", "request_id", "note_id", "view_id"):
        places[nowhere] = [NOWHERE]
    unknown = [name for name in names if name not in places]
    assert not unknown, f"say what to put for {unknown} in {path}"
    first, *other_names = names
    fixed_names = {name: places[name][0] for name in other_names}
    return [path.format(**fixed_names, **{first: place}) for place in places[first]]


async def note_ids(twin: Twin) -> None:
    """A statement, its source and its speaker, by the same names on both desks."""
    links = (await twin.desk.checker.get(f"/v1/claims/{twin.ids['claim']}/links")).json()["items"]
    twin.ids["statement"] = links[0]["statement"]["id"]
    twin.ids["source"] = links[0]["statement"]["quotes"][0]["source"]["id"]
    speakers = (await twin.desk.checker.get("/v1/speakers")).json()["items"]
    twin.ids["speaker"] = speakers[0]["id"]


async def read_all(twin: Twin, client: httpx.AsyncClient, url: str) -> list[httpx.Response]:
    """The answer to `url`, and every page after it."""
    answers: list[httpx.Response] = []
    following: str | None = url
    while following is not None and len(answers) < 60:
        twin.desk.clock.now = AFTER
        answer = await client.get(following)
        answers.append(answer)
        link = re.fullmatch(r'<([^>]*)>; rel="next"', answer.headers.get("link", ""))
        following = link[1] if link else None
    return answers


async def test_outsiders_read_the_same_with_and_without_internals(pair: tuple[Twin, Twin]) -> None:
    for twin in pair:
        await note_ids(twin)
    plain, secret = pair
    ids = [await twins.list_known_ids(twin) for twin in pair]
    for role in ("public", "reader"):
        answer_count = 0
        for url, other in zip(list_urls(plain), list_urls(secret), strict=True):
            lines = []
            for twin, address, known_ids in zip(pair, (url, other), ids, strict=True):
                answers = await read_all(twin, getattr(twin.desk, role), address)
                if SECRET not in address:
                    assert SECRET not in "".join(answer.text for answer in answers), address
                lines.append([str(answers[0].status_code), *list_visible_lines(answers, known_ids)])
                answer_count += answers[0].status_code == 200
            assert lines[0] == lines[1], f"{role} at {url}: {diff_answers(*lines)}"
        assert answer_count > 200, "the walk reached what it walks"
    await require_that_the_desk_reads_more(secret)


async def require_that_the_desk_reads_more(secret: Twin) -> None:
    """So that the comparison can fail: the twins do differ, for those who may know."""
    claim, many = secret.ids["claim"], secret.ids["many"]
    for url in (
        f"/v1/claims/{claim}/links",
        f"/v1/claims/{claim}?expand=links",
        f"/v1/claims/{many}/history?limit=200",
        f"/v1/claims/{claim}/notes",
        f"/v1/claims/{claim}/status-changes",
        "/v1/events?limit=200",
        f"/claims/{claim}",
        f"/claims/{many}",
        f"/claims/{many}?record=all",
    ):
        answer = await secret.desk.checker.get(url)
        assert SECRET in answer.text, url


def diff_answers(lines_before: list[str], lines_after: list[str]) -> str:
    """The lines in which two answers differ."""
    before, after = (
        "\n".join(part.replace(",", ",\n") for part in map(str, text)).splitlines()
        for text in (lines_before, lines_after)
    )
    lines = difflib.unified_diff(before, after, n=0, lineterm="")
    return "\n".join(lines)[:2_000]


def list_visible_lines(answers: list[httpx.Response], ids: dict[str, str]) -> list[str]:
    """What an outsider is told by the pages of an answer, but for what may differ."""
    address = str(answers[0].url.raw_path, "ascii")
    if answers[0].headers.get("content-type") != "application/json":
        text = "".join(twins.normalise(answer.text, ids) for answer in answers)
        return sorted(text.splitlines()) if BY_CHANGE.match(address) else [text]
    whole = [answer.json() for answer in answers]
    if not isinstance(whole[0], dict) or "items" not in whole[0]:
        return [twins.normalise(answer.text, ids) for answer in answers]
    items = [item for page in whole for item in page["items"]]
    if "/history" in address:
        # Internal changes keep their place in the chain; of them nothing else is told.
        internal = [item for item in items if item["type"] == "internal"]
        assert all(item["data"] is None and item["actor"] is None for item in internal)
        items = [item for item in items if item["type"] != "internal"]
    texts = [twins.normalise(orjson.dumps(item).decode(), ids) for item in items]
    return sorted(texts) if BY_CHANGE.match(address) else texts
