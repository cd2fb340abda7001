"""The two hottest routes: a claim, and lists of claims.

They take the request and give bytes: no dependency injection, no serialising, one statement on the
bare driver (docs/decisions/0003-hot-reads.md).  What they take is declared for the OpenAPI
document beside them; `web/early_routes.py` answers them ahead of the router.
"""

from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from service.api import claims as claim_routes
from service.claims import claim_queries, claim_views
from service.claims.documents import for_desk
from service.domain import access, ids, search
from service.domain.access import Action
from service.domain.claims import Kind, Lifecycle, Stance, Status
from service.domain.errors import Invalid, NotFound
from service.search.finding import claim_hits
from service.search.finding.claim_hits import Asked
from service.search.index import terms
from service.store.paging import MAX_LIMIT
from service.views import Page
from service.web import claim_requests, service_container
from service.web.calls import JSON, PRIVATE, Call, link_to, list_scope
from service.web.conditions import etag, unchanged
from service.web.early_routes import hot
from service.web.shared import LIST_COST

router = APIRouter(prefix="/v1/claims", tags=["claims"])
HEADERS = PRIVATE


async def _call(request: Request) -> Call:
    services = service_container.of(request)
    now = services.clock()
    caller = await services.callers.identify(request, now=now)
    access.require(caller, Action.READ_CLAIMS, public_read=services.settings.public_read)
    return Call(request, services, caller, now)


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": schema,
        "description": description,
    }


AS_OF = _parameter(
    "as_of",
    {"type": "string", "format": "date-time"},
    "What the desk knew at this instant",
)


Q = _parameter(
    "q",
    {"type": "string", "maxLength": search.LONGEST},
    'Words in any order and form, without regard to accents or script; "phrases", '
    "-exclusions, prefix*. Each claim then has `snippets`",
)


@hot(Action.READ_CLAIMS)
@router.get(
    "/{claim_id}",
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
            AS_OF,
            _parameter(
                "expand",
                {"type": "string", "enum": ["links"]},
                "Add the links (200 at most) with their statements, quotes, speakers and sources",
            ),
        ]
    },
)
async def read_claim(request: Request) -> Response:
    """The claim with where each party stands and the line that may be printed; with `as_of`, as the
    desk knew it then."""
    call = await _call(request)
    claim_id = ids.parse(request.path_params["claim_id"])
    if claim_id is None:
        raise NotFound("There is no claim with this id.")
    moment, expand = None, False
    if request.scope["query_string"]:
        moment, expand = _asked(request.query_params)
    version, document, assignee, merged_into = await claim_requests.current(call, claim_id, moment)
    if merged_into is not None:
        return claim_routes.moved(request, merged_into)
    if not expand and unchanged(request, version):
        return Response(status_code=304, headers=HEADERS | {"ETag": etag(version)})
    if assignee is not None and call.internals:
        document = for_desk(document, assignee)
    if expand:
        if call.caller is None:
            call.services.callers.charge(request, LIST_COST - 1)
        shape = orjson.loads(document) | await claim_routes.expand_links(call, claim_id, moment)
        document = orjson.dumps(shape).decode()
    return Response(document, headers=HEADERS | {"ETag": etag(version)}, media_type=JSON)


def _asked(query: QueryParams) -> tuple[datetime | None, bool]:
    """`as_of` and `expand`.  Raises Invalid."""
    for name in query:
        if name not in ("as_of", "expand"):
            raise Invalid(f"there is no parameter '{name}'", loc=("query", name))
    expand = query.get("expand")
    if expand not in (None, "links"):
        raise Invalid("expand takes 'links'", loc=("query", "expand"))
    text = query.get("as_of")
    return (None if text is None else claim_requests.instant(text)), expand is not None


@hot(Action.READ_CLAIMS)
@router.get(
    "",
    summary="List claims",
    responses={200: {"model": Page[claim_views.ClaimView], "description": "Newest first"}},
    openapi_extra={
        "parameters": [
            _parameter(
                "status",
                {"type": "array", "items": {"type": "string", "enum": [*Status]}},
                "Repeat for several",
            ),
            _parameter("claimant", {"type": "string"}, "A party, those below it included"),
            _parameter("party", {"type": "string"}, "A party that takes any stance"),
            _parameter("stance", {"type": "string", "enum": [*Stance]}, "… this stance"),
            _parameter("story", {"type": "string"}, "A story's slug"),
            _parameter("tag", {"type": "string"}, "One tag"),
            _parameter("kind", {"type": "string", "enum": [*Kind]}, "The kind of claim"),
            _parameter(
                "lifecycle",
                {"type": "string", "enum": [Lifecycle.ACTIVE, Lifecycle.WITHDRAWN]},
                "Those in force, or those that their claimants took back; without it, both",
            ),
            _parameter("assignee", {"type": "string"}, "A user or key; `me`: the caller"),
            _parameter("part_of", {"type": "string", "format": "uuid"}, "The claim's parent"),
            *(
                _parameter(name, {"type": "string", "format": "date-time"}, "An instant")
                for name in ("claimed_since", "claimed_until", "changed_since", "changed_until")
            ),
            _parameter("drift", {"type": "boolean"}, "Evidence and status disagree"),
            AS_OF,
            Q,
            _parameter(
                "sort",
                {"type": "string", "enum": ["changed", "claimed", "relevance"]},
                "By when, or with `q` (then the default) the best first",
            ),
            _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}, "At most"),
            _parameter("cursor", {"type": "string"}, "next_cursor of the page before"),
        ]
    },
)
async def list_claims(request: Request) -> Response:
    """Claims, latest change first, or by when they were claimed; with `q` those that it finds, best
    first: as one phrase in the wording, in the wording, with the names of who speaks, anywhere,
    and the newest first of what fits alike. A page may then end short and the list go on. With
    `as_of` the filters, what is found and what is served are of that instant."""
    call = await _call(request)
    asked = claim_requests.list_query(request.query_params)
    database, cursors = call.services.database, call.services.cursors
    scope = claim_requests.name_order(list_scope("claims", request), asked)
    after = None
    if asked.cursor is not None:
        after = cursors.read(asked.cursor, scope, now=call.now)
    filters = claim_requests.filters(asked, call)
    claimant = await claim_requests.family(call, filters.claimant, "claimant", filters.as_of)
    party = await claim_requests.family(call, filters.party, "party", filters.as_of)
    if asked.q is not None:
        wanted = Asked(terms.parse(asked.q), filters, claimant, party, asked.limit, after)
        return _found(call, await claim_hits.page(database, wanted), scope)
    query = claim_queries.listing(
        filters, limit=asked.limit, after=after, claimant=claimant, party=party
    )
    rows = await database.look_up(query.lookup, query.parameters)
    cursor = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        cursor = cursors.write(scope, claim_requests.keys(rows[-1]), now=call.now)
    internals = call.internals
    return _page(
        request,
        [for_desk(row[0], row[1]) if internals and row[1] is not None else row[0] for row in rows],
        cursor,
    )


def _page(request: Request, items: list[str], cursor: str | None) -> Response:
    next_cursor = "null" if cursor is None else f'"{cursor}"'
    return Response(
        f'{{"items":[{",".join(items)}],"next_cursor":{next_cursor}}}',
        headers=HEADERS | link_to(request, cursor),
        media_type=JSON,
    )


def _found(call: Call, page: claim_hits.Page, scope: str) -> Response:
    """Claims that were found, each with what shows why."""
    cursor = None
    if page.after is not None:
        cursor = call.services.cursors.write(scope, page.after, now=call.now)
    items = []
    for hit in page.hits:
        document = for_desk(hit.document, hit.assignee if call.internals else None)
        items.append(f'{document[:-1]},"snippets":{orjson.dumps(hit.snippets).decode()}}}')
    return _page(call.request, items, cursor)
