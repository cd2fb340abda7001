"""Reading one claim and listing claims: nearly all the traffic, so their routes are direct
(web/direct_routes.py)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NotRequired

import orjson
from fastapi import APIRouter, Response
from orjson import Fragment
from pydantic import Field
from starlette.datastructures import QueryParams
from typing_extensions import TypedDict

from service.api import claim_links
from service.api import claims as claim_routes
from service.claims import claim_queries, claim_views, print_translations
from service.claims.documents import (
    StoredClaim,
    add_internals,
    complete_claim,
    complete_document,
    mark_corrected,
    set_internals,
)
from service.domain import ids
from service.domain.access import Action
from service.domain.errors import Invalid, NotFound
from service.domain.print_phrases import Language
from service.search.finding import claim_hits, facets
from service.search.finding.claim_hits import ClaimSearch
from service.search.finding.facets import FacetsView
from service.search.index import query_parser
from service.uses import use_queries
from service.views import view
from service.web import claim_requests
from service.web.calls import JSON, PRIVATE, Call, allow, build_list_scope
from service.web.conditions import format_etag, is_unchanged
from service.web.direct_routes import DirectRoute
from service.web.shared import LIST_COST

router = APIRouter(prefix="/v1/claims", tags=["claims"], route_class=DirectRoute)


@view
class ClaimPage(TypedDict):
    """A page of claims, with the cursor of the next."""

    items: list[claim_views.ClaimView]
    next_cursor: str | None
    facets: NotRequired[Annotated[FacetsView, Field(description="With facets only")]]


Reading = Annotated[Call, allow(Action.READ_CLAIMS)]


@router.get(
    "/{claim_id}",
    operation_id="read_claim",
    summary="Read a claim",
    responses={
        200: {"model": claim_views.ClaimView, "description": "The claim; ETag is its version"},
        304: {"description": "As you have it"},
        308: {"description": "Merged: Location is the claim that took its place"},
    },
    openapi_extra={
        "parameters": [
            {
                "name": "claim_id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "format": "uuid"},
            },
            *claim_requests.describe_parameters("as_of", "lang"),
            {
                "name": "expand",
                "in": "query",
                "required": False,
                "schema": {"type": "string", "enum": ["links"]},
                "description": "Add the links (200 at most) with their statements, quotes, "
                "speakers and sources",
            },
        ]
    },
)
async def read_claim(call: Reading) -> Response:
    """The claim with where each party stands and the line that may be printed; with `as_of`, as the
    desk knew it then."""
    request = call.request
    claim_id = ids.parse_id(request.path_params["claim_id"])
    if claim_id is None:
        raise NotFound("There is no claim with this id.")
    moment, expand, language = None, False, Language.EN
    if request.scope["query_string"]:
        moment, expand, language = _parse_read_query(request.query_params)
    row = await claim_requests.look_up_claim(call, claim_id, moment, with_state=expand)
    version, document = row.version, row.document
    if row.merged_into is not None:
        return claim_routes.redirect_to_merged(request, row.merged_into)
    counts = None
    if moment is None and call.sees_internals:
        rows: Sequence[Any] = ()
        if row.has_uses:
            rows = await call.reader.look_up(use_queries.COUNTS, {"claim": claim_id})
        counts = use_queries.build_counts(rows)
    headers = PRIVATE | {"ETag": format_etag(version)}
    # Uses are no part of the claim's version: what is served with them may have changed.
    is_of_version = not row.is_early and (counts is None or not any(counts.values()))
    if not expand and is_of_version and is_unchanged(request, version):
        return Response(status_code=304, headers=headers)
    if call.sees_internals:
        document = add_internals(document, row.internals)
    if language is not Language.EN:
        document = await _translate(call, document, language)
    if counts is not None:
        document = f'{document[:-1]},"uses":{orjson.dumps(counts).decode()}}}'
    if not expand:
        return Response(document, headers=headers, media_type=JSON)
    if call.caller is None:
        call.services.callers.charge(request, LIST_COST - 1)
    claim = orjson.loads(document) | await claim_links.expand_links(
        call, claim_id, moment, row.state
    )
    return Response(orjson.dumps(claim), headers=headers, media_type=JSON)


async def _translate(call: Call, document: str, language: Language) -> str:
    """Return a stored document with its print line in another language."""
    if call.caller is None:
        call.services.callers.charge(call.request, LIST_COST - 1)
    claim: claim_views.ClaimView = orjson.loads(document)
    [claim] = await call.read(print_translations.translate_claims, [claim], language=language)
    return orjson.dumps(claim).decode()


def _parse_read_query(query: QueryParams) -> tuple[datetime | None, bool, Language]:
    """Parse `as_of`, `expand` and `lang`.  Raises Invalid."""
    for name in query:
        if name not in ("as_of", "expand", "lang"):
            raise Invalid(f"there is no parameter '{name}'", loc=("query", name))
    expand = query.get("expand")
    if expand not in (None, "links"):
        raise Invalid("expand takes 'links'", loc=("query", "expand"))
    text = query.get("as_of")
    moment = None if text is None else claim_requests.parse_instant(text)
    return moment, expand is not None, claim_requests.parse_language(query.get("lang"))


@router.get(
    "",
    operation_id="list_claims",
    summary="List claims",
    responses={200: {"model": ClaimPage, "description": "Newest first"}},
    openapi_extra={"parameters": claim_requests.describe_parameters()},
)
async def list_claims(call: Reading) -> Response:
    """Claims, latest change first, or by when they were claimed; with `q` those that it finds, best
    first: as one phrase in the wording, in the wording, with the names of who speaks, anywhere,
    and the newest first of what fits alike. A page may then end short and the list go on. With
    `as_of` the filters, what is found and what is served are of that instant."""
    query = claim_requests.parse_list_query(call.request.query_params)
    database = call.reader
    scope = claim_requests.build_claims_scope(build_list_scope("claims", call.request), query)
    after = None
    if query.cursor is not None:
        after = call.cursors.read(query.cursor, scope, now=call.now)
    filters = claim_requests.build_filters(query, call)
    claimant = await claim_requests.find_family(call, filters.claimant, "claimant", filters.as_of)
    party = await claim_requests.find_family(call, filters.party, "party", filters.as_of)
    if query.q is not None:
        parsed_query = query_parser.parse_query(query.q)
        search = ClaimSearch(parsed_query, filters, claimant, party, query.limit, after)
        page = await claim_hits.find_claims(database, search)
        more = {}
        if query.facets:
            if call.caller is None:
                call.services.callers.charge(call.request, LIST_COST)
            more["facets"] = await facets.count_facets(database, search)
        items = await _show_hits(call, page.hits, filters.as_of, query.lang)
        return call.answer_items(items, page.after, scope, **more)
    if query.facets:
        raise Invalid("facets count what q finds: give q as well", loc=("query", "facets"))
    listing = claim_queries.build_list_query(
        filters, limit=query.limit, after=after, claimant=claimant, party=party
    )
    rows = await database.look_up(listing.statement, listing.parameters)
    last = None
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        last = claim_requests.read_sort_keys(rows[-1])
    documents = [_show_document(call, row, filters.as_of) for row in rows]
    if query.lang is Language.EN:
        return call.answer_items([Fragment(document) for document in documents], last, scope)
    claims: list[claim_views.ClaimView] = [orjson.loads(document) for document in documents]
    translate = print_translations.translate_claims
    return call.answer_items(await call.read(translate, claims, language=query.lang), last, scope)


def _show_document(call: Call, row: Sequence[Any], as_of: datetime | None) -> str:
    """The claim as the caller may see it, for a list: as it is stored, but for what is internal."""
    stored_claim = StoredClaim(*row[:3])
    document = complete_document(stored_claim.document, as_of or call.now)
    if as_of is not None:
        document = mark_corrected(document, row[3], as_of)
    return add_internals(document, stored_claim.internals) if call.sees_internals else document


async def _show_hits(
    call: Call, hits: Sequence[claim_hits.Hit], as_of: datetime | None, language: Language
) -> list[claim_views.ClaimView]:
    """Claims that a search found, each with what shows why."""
    claims: list[claim_views.ClaimView] = []
    for hit in hits:
        claim = complete_claim(hit.claim, as_of or call.now)
        if call.sees_internals:
            claim = set_internals(claim, hit.internals)
        claims.append({**claim, "snippets": hit.snippets})
    if language is Language.EN:
        return claims
    return await call.read(print_translations.translate_claims, claims, language=language)
