"""The search page: claims and, for those who may read them, statements, found by their words."""

from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape
from typing_extensions import TypedDict

from service.claims import documents
from service.claims.statement_views import SnippetView, StatementView
from service.desk.claims import claim_rows
from service.desk.layout.rendering import render
from service.desk.search import facet_links
from service.desk.work import follow_forms
from service.domain import access
from service.domain.access import Action
from service.domain.errors import Unsearchable
from service.search.finding import claim_hits, facets, statement_hits
from service.search.finding.claim_hits import ClaimSearch
from service.search.finding.facets import FacetsView
from service.search.index import query_parser
from service.store.paging import Window
from service.stories import story_queries
from service.web import claim_requests
from service.web.calls import Call, allow, build_list_scope

router = APIRouter(include_in_schema=False)

CLAIMS, STATEMENTS, FEW = 25, 25, 8
STORIES = 200
NARROWING = ("status", "story", "party", "stance", "kind", "language", "claimant", "tag")
KEPT = (*NARROWING, "as_of", "sort")
"""Filters of claims, which the links to other pages of the results keep."""
EVERYBODYS = statement_hits.Filters(None, None, None, None)


class StatementRow(StatementView):
    """A statement as the page shows it, with its snippets as HTML."""

    shown: list[Markup]


class Results(TypedDict, total=False):
    """What the page shows of a search: the addresses of further pages begin with `more_`."""

    fault: str | None
    claims: list[Any]
    more_claims: str | None
    counts: FacetsView | None
    statements: list[StatementRow]
    more_statements: str | bool | None


NOTHING: Results = {
    "fault": None,
    "claims": [],
    "more_claims": None,
    "counts": None,
    "statements": [],
    "more_statements": None,
}


@router.get("/search")
async def show_results(
    request: Request, call: Annotated[Call, allow(Action.READ_CLAIMS, page=True)]
) -> Response:
    """Show claims, best first, and the best statements; with `in=statements`, all of those."""
    text = request.query_params.get("q", "").strip()
    only_statements = request.query_params.get("in") == "statements" and _may_read_statements(call)
    list_query = claim_rows.read_list_query(request)
    results: Results = {**NOTHING}
    status = 200
    if text:
        try:
            results |= await _search(request, call, list_query, only_statements)
        except Unsearchable as error:
            results["fault"] = error.detail
            status = error.status
    stories = await call.read(story_queries.list_stories, window=Window(STORIES, None))
    counts = results.pop("counts", None)
    slugs = {each["value"] for each in counts["party"]} if counts else set()
    party_names = await claim_rows.read_party_names(
        call, slugs | {slug for slug in request.query_params.getlist("party") if slug}
    )
    groups = facet_links.build_groups(
        request.query_params,
        counts,
        stories={story["slug"]: story["title"] for story in stories},
        parties=party_names,
    )
    return render(
        request,
        "search.html",
        caller=call.caller,
        now=call.now,
        status=status,
        text=text,
        button=await follow_forms.read_search_button(
            call, list_query, claim_requests.build_filters(list_query, call)
        )
        if text and not only_statements and not results["fault"]
        else None,
        as_of=None if only_statements else list_query.as_of,
        filters={name: request.query_params.get(name) or None for name in KEPT},
        kept=[
            (name, value)
            for name, value in request.query_params.multi_items()
            if value and name in KEPT and name != "sort"
        ],
        narrowed=any(request.query_params.get(name) for name in NARROWING),
        groups=[] if only_statements else groups,
        most_counted=None if counts is None or counts["is_complete"] else facets.MOST,
        only_statements=only_statements,
        all_statements=_build_address(request, **{"in": "statements"}),
        first=_build_address(request, **({"in": "statements"} if only_statements else {})),
        further="cursor" in request.query_params,
        **results,
    )


def _may_read_statements(call: Call) -> bool:
    return access.is_allowed(call.caller, Action.READ_RECORDS)


async def _search(
    request: Request, call: Call, list_query: claim_requests.ListQuery, only_statements: bool
) -> Results:
    """Return what the query finds. Raises Unsearchable."""
    query = query_parser.parse_query(list_query.q or "")
    scope, after = (
        claim_requests.build_claims_scope(build_list_scope("desk search", request), list_query),
        None,
    )
    if list_query.cursor is not None:
        after = call.cursors.read(list_query.cursor, scope, now=call.now)

    def build_next_address(keys: list[Any] | None) -> str | None:
        if keys is None:
            return None
        cursor = call.cursors.write(scope, keys, now=call.now)
        scope_parameters = {"in": "statements"} if only_statements else {}
        return _build_address(request, cursor=cursor, **scope_parameters)

    results: Results = {}
    database = call.reader
    if not only_statements:
        filters = claim_requests.build_filters(list_query, call)
        claimant = await claim_requests.find_family(
            call, filters.claimant, "claimant", filters.as_of
        )
        party = await claim_requests.find_family(call, filters.party, "party", filters.as_of)
        search = ClaimSearch(query, filters, claimant, party, CLAIMS, after)
        page = await claim_hits.find_claims(database, search)
        rows = await claim_rows.complete_rows(
            call,
            [
                (documents.complete_claim(hit.claim, filters.as_of or call.now), hit.internals)
                for hit in page.hits
            ],
        )
        for claim, hit in zip(rows, page.hits, strict=True):
            _show_why(claim, hit.snippets)
        results |= {"claims": rows, "more_claims": build_next_address(page.after)}
        if after is None:
            results["counts"] = await facets.count_facets(database, search)
    # What was said is found as it is now, and on the first page of claims.
    if only_statements or (
        _may_read_statements(call) and after is None and list_query.as_of is None
    ):
        limit = STATEMENTS if only_statements else FEW
        statements, last = await statement_hits.find_statements(
            database, query, EVERYBODYS, limit=limit, after=after if only_statements else None
        )
        results["statements"] = [
            {**statement, "shown": [mark_snippet(snippet) for snippet in statement["snippets"]]}
            for statement in statements
        ]
        more = build_next_address(last) if only_statements else last is not None
        results["more_statements"] = more
    return results


def _show_why(claim: Any, snippets: Iterable[SnippetView]) -> None:
    """Mark what was found in the claim's text there, and show other snippets below it."""
    for snippet in snippets:
        if snippet["field"] == "text" and snippet["text"] == claim["text"]:
            claim["text"] = mark_snippet(snippet)
        else:
            claim["shown"].append(mark_snippet(snippet))


def mark_snippet(snippet: SnippetView) -> Markup:
    """Return a snippet as HTML: escaped, with what was found within <mark>."""
    text, parts, last = snippet["text"], [], 0
    for start, end in snippet["marks"]:
        parts += [escape(text[last:start]), Markup("<mark>"), escape(text[start:end])]
        parts.append(Markup("</mark>"))
        last = end
    return Markup("").join([*parts, escape(text[last:])])


def _build_address(request: Request, **changes: str) -> str:
    pairs = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name in ("q", *KEPT)
    ]
    return f"/search?{urlencode([*pairs, *changes.items()])}"
