"""At every instant of a desk's weeks, every answer equals the record folded up to it."""

from datetime import datetime, timedelta
from typing import Any

import orjson

from service.claims import decision_queries, documents
from service.domain.claims import ClaimState, Lifecycle, format_instant
from tests.api.problems import require_problem
from tests.asof.oracle import Oracle
from tests.asof.weeks import STORIES, TREE
from tests.domain.builders import get_voice
from tests.support.desk import Desk
from tests.support.lengths import IS_LONG

MICROSECOND = timedelta(microseconds=1)
# In the long form every place beside every instant; otherwise every fourth, so that those before,
# at and after an instant come in turn.
STEP = 1 if IS_LONG else 4


def list_instants(oracle: Oracle) -> list[datetime]:
    """Every instant at which anything was recorded, and those next to it; a year later too."""
    later = oracle.instants[-1] + timedelta(days=365)
    steps = (-MICROSECOND, timedelta(0), MICROSECOND)
    return [instant + step for instant in oracle.instants for step in steps] + [later]


def draw_query(oracle: Oracle) -> dict[str, Any]:
    """Parameters of a list: one filter or several."""
    chance = oracle.weeks.chance
    moments = [format_instant(each) for each in chance.sample(oracle.instants, 2)]
    claim_days = [f"2023-09-{chance.randint(1, 30):02}T00:00:00Z" for _ in range(2)]
    statuses = ["asserted", "awaiting_confirmation", "confirmed", "disputed"]
    filters: list[dict[str, Any]] = [
        {"status": chance.sample(statuses, chance.randint(1, 3))},
        {"claimant": chance.choice(list(TREE))},
        {"party": chance.choice(list(TREE))},
        {"stance": chance.choice(("supports", "contradicts", "comments"))},
        {"party": chance.choice(list(TREE)), "stance": "supports"},
        {"story": chance.choice(STORIES)},
        {"tag": chance.choice(("north", "south", "army", "never"))},
        {"kind": chance.choice(("event", "figure"))},
        {"assignee": oracle.weeks.me},
        {"part_of": chance.choice(oracle.weeks.claims)},
        {"claimed_since": min(claim_days), "claimed_until": max(claim_days)},
        {"changed_since": min(moments)},
        {"changed_until": max(moments)},
        {"drift": "true"},
        {"assignee": "none"},
        {"story": "none"},
        {"overdue": "true"},
        {"superseded": chance.choice(("true", "false"))},
        {"language": chance.choice(("sr", "en"))},
    ]
    query: dict[str, Any] = {"sort": chance.choice(("changed", "claimed", "claimed", "due"))}
    for each in chance.sample(filters, chance.choices((0, 1, 2, 3), (1, 6, 3, 1))[0]):
        query |= each
    return query


async def read_list(desk: Desk, query: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """A list, read page by page."""
    items: list[dict[str, Any]] = []
    params = query | {"limit": limit}
    while True:
        response = await desk.checker.get("/v1/claims", params=params)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]


def render_state(state: ClaimState, moment: datetime) -> str:
    document = documents.complete_document(documents.render_document(state), moment)
    return documents.add_internals(document, documents.Internals(state.assignee, state.due_at))


async def test_lists_as_of_any_instant_equal_the_folded_record(oracle: Oracle) -> None:
    """Filters, sorts and pages: the claims whose folded record fits, in order, as they were."""
    desk, chance = oracle.weeks.desk, oracle.weeks.chance
    claim_count = 0
    for at in list_instants(oracle)[::STEP]:
        query = draw_query(oracle)
        shown_claims = await read_list(
            desk, query | {"as_of": format_instant(at)}, chance.choices((3, 50), (1, 4))[0]
        )
        expected = oracle.list_claims(query, at)
        assert [each["id"] for each in shown_claims] == [each.id for each in expected], (query, at)
        assert [each["version"] for each in shown_claims] == [each.version for each in expected]
        claim_count += len(shown_claims)
    assert claim_count > 1000


async def test_claims_as_of_any_instant_equal_the_folded_record(oracle: Oracle) -> None:
    """One claim at each of its own instants and beside: as it was served then, its links with
    what was known of their statements, and the suggestion."""
    desk = oracle.weeks.desk
    read = 0
    for claim, (instants, _) in oracle.folded.items():
        for moment in (
            instant_tried
            for instant in instants
            for instant_tried in (instant - MICROSECOND, instant, instant + MICROSECOND)
        ):
            state = oracle.claim(claim, moment)
            params = {"as_of": format_instant(moment)}
            response = await desk.checker.get(f"/v1/claims/{claim}", params=params)
            if state is None:
                require_problem(response, "not-yet-recorded")
                for path in ("links", "suggestion"):
                    url = f"/v1/claims/{claim}/{path}"
                    require_problem(await desk.checker.get(url, params=params), "not-yet-recorded")
                continue
            if state.lifecycle is Lifecycle.MERGED:
                assert response.status_code == 308
            else:
                list_page = response.json()
                last = oracle.folded[claim][1][-1].corrected_at
                since = format_instant(last) if last and last > moment else None
                assert list_page.pop("corrected_since", None) == since
                assert list_page == orjson.loads(render_state(state, moment))
                read += 1
    assert read > 500


async def test_links_as_of_any_instant_equal_the_folded_record(oracle: Oracle) -> None:
    """At each instant of a claim: every link by then, whose words it was as the record names them,
    with the renderings known by then."""
    desk = oracle.weeks.desk
    link_count = 0
    for claim, (instants, states) in oracle.folded.items():
        for moment, state in zip(instants, states, strict=True):
            params = {"as_of": format_instant(moment)}
            path = f"/v1/claims/{claim}"
            links = (await desk.checker.get(f"{path}/links", params=params)).json()["items"]
            assert [summarize_link(link) for link in links] == [
                (
                    link.id,
                    link.stance,
                    link.affirmed,
                    link.conflicting,
                    link.set_aside,
                    link.retracted,
                    link.withdrawn,
                    get_voice(link).name,
                    get_voice(link).root,
                    get_voice(link).root_name,
                    speaker.name if (speaker := get_voice(link).speaker) else None,
                )
                for link in state.links
            ], (claim, moment)
            for link in links:
                assert all(
                    datetime.fromisoformat(quote["recorded_at"]) <= moment
                    for quote in link["statement"]["quotes"]
                )
            suggestion = await desk.checker.get(f"{path}/suggestion", params=params)
            assert suggestion.json()["status"] == decision_queries.build_suggestion(state)["status"]
            if state.lifecycle is not Lifecycle.MERGED:
                claim_view = await desk.checker.get(path, params=params | {"expand": "links"})
                assert claim_view.json()["links"] == links
            link_count += len(links)
    assert link_count > 200


def summarize_link(link: dict[str, Any]) -> tuple[Any, ...]:
    statement = link["statement"]
    return (
        link["id"],
        link["stance"],
        link["affirmed"],
        link["conflicting"],
        link["set_aside"],
        link["retracted_at"] is not None,
        statement["withdrawn_at"] is not None,
        statement["party_name"],
        statement["root"],
        statement["root_name"],
        statement["speaker"]["name"] if statement["speaker"] else None,
    )
