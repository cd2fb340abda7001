"""Routes that publish a claim elsewhere: as ClaimReview, as a badge, to embed."""

from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Query, Response

from service.api import claims
from service.claims import print_translations
from service.claims.claim_views import ClaimView
from service.domain import ids
from service.domain.access import Action
from service.domain.errors import FormatNotServed, NotFound
from service.domain.print_phrases import Language
from service.publishing import badge, claim_review, oembed, publication_queries
from service.publishing.oembed import Box
from service.views import JsonObject
from service.web import calls, claim_requests, fields
from service.web.calls import Call
from service.web.fields import ClaimId
from service.web.published import answer_published

router = APIRouter(tags=["publication"], default_response_class=Response)

Responses = dict[int | str, JsonObject]
"""What FastAPI takes as the documented answers of a route."""
Reading = Annotated[Call, calls.allow(Action.READ_CLAIMS)]
Pixels = Annotated[int | None, Query(ge=1, le=10_000, description="In pixels")]
PICTURE = {
    # A picture for anybody's page, also one that isolates itself (Cross-Origin-Embedder-Policy).
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def describe_responses(description: str, **content: JsonObject) -> Responses:
    """Return the documented answers of what is published: the formats, and 304."""
    return {
        200: {"description": description, "content": content},
        304: {"description": "As you have it"},
    }


@router.get(
    "/v1/claims/{claim_id}/claimreview",
    operation_id="read_claim_review",
    summary="Read a claim as schema.org's ClaimReview",
    responses={
        **describe_responses(
            "JSON-LD", **{claim_review.MEDIA_TYPE: {"schema": {"type": "object"}}}
        ),
        308: {"description": "Merged: Location is that of the claim that took its place"},
    },
)
async def read_claim_review(
    claim_id: ClaimId,
    call: Reading,
    as_of: fields.AsOf = None,
    lang: fields.Lang = Language.EN,
) -> Response:
    """A `Claim` alone while it is merely asserted or awaits confirmation: nobody has reviewed it.
    The rating has a number (1 to 5) only where the desk has a finding: 1 refuted, 3 conflicting or
    unprovable."""
    row = await claim_requests.look_up_claim(call, claim_id, as_of)
    if row.merged_into is not None:
        return claims.redirect_to_merged(call.request, row.merged_into, "/claimreview")
    claim = await _translate(call, orjson.loads(row.document), lang)
    sources = await call.read(publication_queries.read_review_sources, claim_id, as_of)
    settings = call.services.settings
    data = claim_review.build_claim_review(
        claim,
        sources,
        publisher=settings.publisher,
        base_url=settings.base_url,
    )
    return answer_published(call, orjson.dumps(data), claim_review.MEDIA_TYPE)


@router.get(
    "/v1/claims/{claim_id}/badge.svg",
    operation_id="read_badge",
    summary="A claim's status as a picture",
    responses=describe_responses("SVG", **{badge.MEDIA_TYPE: {"schema": {"type": "string"}}}),
)
async def read_badge(
    claim_id: ClaimId,
    call: Reading,
    as_of: fields.AsOf = None,
    lang: fields.Lang = Language.EN,
) -> Response:
    """For `<img>`: a shape, a word and a colour, light or dark as the reader prefers. Of a merged
    claim it shows the one that took its place, and says so."""
    claim = await read_surviving_claim(call, claim_id, as_of)
    body = badge.render_badge(claim, is_merged=claim["id"] != claim_id, as_of=as_of, language=lang)
    policy = {"Content-Security-Policy": badge.build_content_policy(claim)}
    return answer_published(call, body, badge.MEDIA_TYPE, PICTURE | policy)


@router.get(
    "/oembed",
    operation_id="read_embed",
    summary="A claim to embed",
    responses=describe_responses(
        "oEmbed 1.0, of type rich",
        **{
            "application/json": {"schema": {"type": "object"}},
            "text/xml": {"schema": {"type": "string"}},
        },
    ),
)
async def read_embed(
    call: Annotated[Call, calls.allow(Action.READ_CLAIMS, page=True)],
    url: Annotated[str, Query(max_length=2048, description="A claim's address")],
    format: Annotated[
        # For the document: any other answers 501, not 422.
        str, Query(description="json or xml", json_schema_extra={"enum": ["json", "xml"]})
    ] = "json",
    maxwidth: Pixels = None,
    maxheight: Pixels = None,
) -> Response:
    """For the address of a claim's page, `?as_of=` included. Parameters that oEmbed does not name
    are ignored, as consumers send their own."""
    if format not in ("json", "xml"):
        raise FormatNotServed(f"oEmbed is served as json and xml, not as '{format}'.")
    settings = call.services.settings
    claim_id, as_of = _parse_claim_url(url, settings.base_url)
    claim = await read_surviving_claim(call, claim_id, as_of)
    embed = oembed.build_embed(
        claim,
        Box(maxwidth, maxheight),
        as_of=as_of,
        publisher=settings.publisher,
        base_url=settings.base_url,
    )
    if format == "json":
        return answer_published(call, orjson.dumps(embed), "application/json")
    return answer_published(call, oembed.render_xml(embed), "text/xml")


async def _translate(call: Call, claim: ClaimView, language: Language) -> ClaimView:
    [translation] = await call.read(print_translations.translate_claims, [claim], language=language)
    return translation


async def read_surviving_claim(call: Call, claim_id: str, as_of: datetime | None) -> ClaimView:
    """Return a claim as served, or the one that took its place. Raises NotFound, NotYetRecorded."""
    row = await claim_requests.look_up_claim(call, claim_id, as_of)
    while row.merged_into is not None:
        row = await claim_requests.look_up_claim(call, row.merged_into, as_of)
    claim: ClaimView = orjson.loads(row.document)
    return claim


def _parse_claim_url(url: str, base_url: str) -> tuple[str, datetime | None]:
    """Return the claim whose page `url` is, and the instant it names. Raises NotFound, Invalid."""
    address, _, query = url.partition("#")[0].partition("?")
    before, _, last = address.removesuffix("/").rpartition("/")
    claim_id = ids.parse_id(last)
    if claim_id is None or before != f"{base_url}/claims":
        raise NotFound("That is not the address of a claim here.")
    instants = parse_qs(query).get("as_of")
    if instants is None:
        return claim_id, None
    return claim_id, claim_requests.parse_instant(instants[-1], "url")
