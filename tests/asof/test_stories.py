"""A story's matrix, its parties and its timeline, at every instant of a desk's weeks."""

from datetime import datetime, timedelta
from typing import Any

from service.domain.claims import Lifecycle, format_instant
from service.domain.history import Event
from tests.api.problems import require_problem
from tests.asof.oracle import Oracle, build_cells, list_columns
from tests.asof.test_claims import MICROSECOND, STEP, list_instants
from tests.asof.weeks import STORIES
from tests.domain.builders import get_voice
from tests.support.desk import Desk


async def read_pages(
    desk: Desk, path: str, items: str, *, limit: int, **query: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All of a list, read page by page, and its last page."""
    rows: list[dict[str, Any]] = []
    params: dict[str, Any] = query | {"limit": limit}
    while True:
        response = await desk.reader.get(path, params=params)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page[items]) <= limit
        rows += page[items]
        if page["next_cursor"] is None:
            return rows, page
        params["cursor"] = page["next_cursor"]


async def test_matrix_as_of_any_instant_equals_the_folded_record(oracle: Oracle) -> None:
    """Rows, columns and cells are those of the folded records; each page has all the columns."""
    desk, chance = oracle.weeks.desk, oracle.weeks.chance
    cell_count = 0
    for at in list_instants(oracle)[::STEP]:
        slug = STORIES[0] if chance.random() < 0.8 else STORIES[1]
        rows, last = await read_pages(
            desk,
            f"/v1/stories/{slug}/matrix",
            "claims",
            limit=chance.choices((3, 50), (1, 9))[0],
            as_of=format_instant(at),
        )
        expected = oracle.matrix(slug, at)
        assert [each["id"] for each in rows] == [each.id for each in expected], at
        assert [each["version"] for each in rows] == [each.version for each in expected]
        assert [
            (party["slug"], party["name"], party["claims"]) for party in last["parties"]
        ] == list_columns(expected), at
        for row, state in zip(rows, expected, strict=True):
            assert describe_cells(row) == build_cells(state), (row["id"], at)
            cell_count += len(row["cells"])
        parties = await desk.reader.get(f"/v1/stories/{slug}", params={"as_of": format_instant(at)})
        standing = [get_voice(link) for each in expected for link in each.links if link.is_active]
        standing += [each.claimant for each in expected if each.claimant]
        assert [
            (party["slug"], party["name"], party["root"]) for party in parties.json()["parties"]
        ] == (sorted({(each.party, each.name, each.root) for each in standing})), at
    assert cell_count > 1500


def describe_cells(row: dict[str, Any]) -> dict[str, Any]:
    """A served row's cells, as the oracle tells them."""
    return {
        cell["party"]: (
            cell["role"],
            {
                stance["stance"]: {
                    name: stance[name] for name in stance.keys() - {"stance", "said"}
                }
                | {"said": sorted(statement["link"] for statement in stance["said"])}
                for stance in cell["stances"]
            },
        )
        for cell in row["cells"]
    }


async def test_timeline_as_of_any_instant_equals_the_record(oracle: Oracle) -> None:
    """By either clock: what was recorded by then, in order, with the lanes of its claims; nothing
    of it is told twice or missed from page to page."""
    desk, chance = oracle.weeks.desk, oracle.weeks.chance
    for at in list_instants(oracle)[::STEP]:
        slug = STORIES[0] if chance.random() < 0.8 else STORIES[1]
        clock = chance.choice(("recorded", "said"))
        limit = chance.choices((7, 200), (1, 9))[0]
        url = f"/v1/stories/{slug}/timeline"
        query = {"as_of": format_instant(at), "clock": clock}
        entries, last = await read_pages(desk, url, "items", limit=limit, **query)
        expected = oracle.timeline(slug, at, clock)
        assert [(each["seq"], each["claim"]["id"]) for each in entries] == [
            (seq, claim) for seq, claim, _ in expected
        ], (query, limit)
        for entry, line in zip(entries, expected, strict=True):
            _, claim, each = line
            instants = oracle.read_said(line, at)
            assert entry["recorded_at"] == format_instant(each.recorded_at)
            assert entry["said_at"] == (format_instant(instants[0]) if instants else None)
            state = oracle.claim(claim, at)
            assert state is not None
            assert (entry["claim"]["text"], entry["claim"]["status"]) == (state.text, state.status)
            status_change = each.data if each.type == "claim.status_changed" else {}
            for name in ("previous_status", "status", "cause"):
                assert entry[name] == status_change.get(name)
            roots = list(dict.fromkeys(party["root"] for party in entry["parties"]))
            assert roots == list(dict.fromkeys(list_speaking_roots(oracle, claim, each))), each
        for lane in last["lanes"]:
            turns = [
                (datetime.fromisoformat(interval["from"]), interval["status"])
                for interval in lane["intervals"]
            ]
            assert turns == oracle.lane(lane["claim"], at)
            state = oracle.claim(lane["claim"], at)
            assert state is not None
            assert lane["lifecycle"] == state.lifecycle
            ends = [interval["to"] for interval in lane["intervals"]]
            assert ends[:-1] == [interval["from"] for interval in lane["intervals"][1:]]
            is_merged = state.lifecycle is Lifecycle.MERGED
            assert ends[-1] == (lane["closed_at"] if is_merged else None)
            assert (lane["closed_at"] is None) == (state.lifecycle is Lifecycle.ACTIVE)


def list_speaking_roots(oracle: Oracle, claim: str, line_event: Event) -> list[str]:
    """The roots of who speaks in an event, or in the links that it rests on, when those were
    made."""
    data = line_event.data
    links = [
        link
        for event in oracle.told[claim]
        for link in event.data.get("links", [event.data["link"]] if "link" in event.data else [])
        if isinstance(link, dict)
    ]
    if line_event.type == "claim.created":
        return [data["claimant"]["root"]] if data["claimant"] else []
    if line_event.type in ("link.created", "claim.absorbed"):
        return (
            [link["voice"]["root"] for link in data.get("links") or [data["link"]]]
            if (data.get("links") or "link" in data)
            else []
        )
    if line_event.type in ("statement.withdrawn", "statement.corrected"):
        return [link["voice"]["root"] for link in links if link["statement"] == data["statement"]]
    link_ids = data.get("cites", [data.get("link")])
    return [link["voice"]["root"] for name in link_ids for link in links if link["id"] == name]


async def test_matrix_without_as_of_is_that_of_the_last_instant(oracle: Oracle) -> None:
    """Without as_of the matrix is what it is as of the last instant; before the story began it
    was not yet recorded."""
    desk = oracle.weeks.desk
    later = format_instant(oracle.instants[-1] + timedelta(days=1))
    for slug in STORIES:
        for path in ("matrix", "timeline"):
            url = f"/v1/stories/{slug}/{path}"
            now = (await desk.reader.get(url, params={"limit": 20})).json()
            response = await desk.reader.get(url, params={"limit": 20, "as_of": later})
            assert response.json() | {"next_cursor": None} == now | {
                "as_of": later,
                "next_cursor": None,
            }
        creation = (await desk.reader.get(f"/v1/stories/{slug}")).json()["created_at"]
        before = format_instant(datetime.fromisoformat(creation) - MICROSECOND)
        for path in ("", "/matrix", "/timeline"):
            url = f"/v1/stories/{slug}{path}"
            require_problem(
                await desk.reader.get(url, params={"as_of": before}), "not-yet-recorded"
            )
            assert (await desk.reader.get(url, params={"as_of": creation})).status_code == 200
