"""The desk's own style and scripts, read once, under addresses that change when they do."""

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from service.domain.errors import NotFound

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
ROOMS = (
    "layout",
    "claims",
    "directory",
    "statements",
    "stories",
    "intake",
    "search",
    "accounts",
    "webhooks",
)
"""The folders of pages, each with its templates and scripts beside it; no name stands twice."""
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


class Asset(NamedTuple):
    body: bytes
    digest: str
    media_type: str


@lru_cache
def found() -> dict[str, Asset]:
    """Every style, script and picture, by name."""
    return {
        one.name: Asset(
            one.read_bytes(),
            sha256(one.read_bytes()).hexdigest()[:12],
            TYPES[one.name.rpartition(".")[2]],
        )
        for room in ROOMS
        for one in (files("service.desk") / room).iterdir()
        if one.name.rpartition(".")[2] in TYPES
    }


def address(name: str) -> str:
    """Where a file is served: `/static/desk.css?v=…`, kept by browsers until it changes."""
    return f"/static/{name}?v={found()[name].digest}"


@router.get("/static/{name}")
async def read_asset(name: str, request: Request) -> Response:
    asset = found().get(name)
    if asset is None:
        raise NotFound(f"Nothing is served at {request.url.path}.")
    current = request.query_params.get("v") == asset.digest
    caching = FOR_EVER if current else "no-cache"
    return Response(
        asset.body,
        headers={"Cache-Control": caching, "ETag": f'"{asset.digest}"'},
        media_type=asset.media_type,
    )
