"""A story's matrix, its parties and its timeline, at every instant of a desk's weeks."""

from datetime import datetime, timedelta
from typing import Any

from service.domain.claims import rfc3339
from tests.api.problems import problem
from tests.asof.oracle import Oracle, cells, columns
from tests.asof.test_claims import MICROSECOND, around
from tests.asof.weeks import STORIES
from tests.support.desk import Desk


async def paged(
    desk: Desk, path: str, items: str, *, limit: int, **query: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All of a list, read page by page, and its last page."""
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = query | {"limit": limit}
    while True:
        response = await desk.reader.get(path, params=params)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page[items]) <= limit
        found += page[items]
        if page["next_cursor"] is None:
            return found, page
        params["cursor"] = page["next_cursor"]


async def test_the_matrix_as_of(oracle: Oracle) -> None:
    """Rows, columns and cells are those of the folded records; each page has all the columns."""
    desk, chance = oracle.weeks.desk, oracle.weeks.chance
    drawn = 0
    for at in around(oracle):
        slug = STORIES[0] if chance.random() < 0.8 else STORIES[1]
        rows, last = await paged(
            desk,
            f"/v1/stories/{slug}/matrix",
            "claims",
            limit=chance.choices((3, 50), (1, 9))[0],
            as_of=rfc3339(at),
        )
        expected = oracle.matrix(slug, at)
        assert [one["id"] for one in rows] == [one.id for one in expected], at
        assert [one["version"] for one in rows] == [one.version for one in expected]
        assert [(one["slug"], one["name"], one["claims"]) for one in last["parties"]] == columns(
            expected
        ), at
        for row, state in zip(rows, expected, strict=True):
            assert told(row) == cells(state), (row["id"], at)
            drawn += len(row["cells"])
        parties = await desk.reader.get(f"/v1/stories/{slug}", params={"as_of": rfc3339(at)})
        standing = [link.voice for one in expected for link in one.links if link.active]
        standing += [one.claimant for one in expected if one.claimant]
        assert [(one["slug"], one["name"], one["root"]) for one in parties.json()["parties"]] == (
            sorted({(one.party, one.name, one.root) for one in standing})
        ), at
    assert drawn > 3000


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A served row's cells, as the oracle tells them."""
    return {
        cell["party"]: (
            cell["role"],
            {
                one["stance"]: {name: one[name] for name in one.keys() - {"stance", "said"}}
                | {"said": sorted(said["link"] for said in one["said"])}
                for one in cell["stances"]
            },
        )
        for cell in row["cells"]
    }


async def test_now_is_the_last_instant(oracle: Oracle) -> None:
    """Without as_of the matrix is what it is as of the last instant; before the story began it
    was not yet recorded."""
    desk = oracle.weeks.desk
    later = rfc3339(oracle.instants[-1] + timedelta(days=1))
    for slug in STORIES:
        now = (await desk.reader.get(f"/v1/stories/{slug}/matrix?limit=200")).json()
        then = await desk.reader.get(
            f"/v1/stories/{slug}/matrix", params={"limit": 200, "as_of": later}
        )
        assert then.json() == now | {"as_of": later}
        begun = (await desk.reader.get(f"/v1/stories/{slug}")).json()["created_at"]
        before = rfc3339(datetime.fromisoformat(begun) - MICROSECOND)
        for path in ("", "/matrix"):
            url = f"/v1/stories/{slug}{path}"
            problem(await desk.reader.get(url, params={"as_of": before}), "not-yet-recorded")
            assert (await desk.reader.get(url, params={"as_of": begun})).status_code == 200
