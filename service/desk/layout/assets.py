"""The desk's styles, scripts and pictures, at addresses that change when their content does."""

import re
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from service.domain.errors import NotFound

ROOMS = (
    "layout",
    "claims",
    "corrections",
    "corrections_log",
    "dossier",
    "intake",
    "printed",
    "reversals",
    "stories",
    "directory",
    "statements",
    "search",
    "accounts",
    "webhooks",
    "work",
)
"""The folders of pages, with their templates, scripts and styles. A file name is used once."""
STYLE, SCRIPT = "desk.css", "desk.js"
"""What every page has: the styles of all rooms and the scripts of the layout, each as one file."""
APART = frozenset(("drawings.css", "dossier.css", "notices.css", "views.css"))
"""Styles that some pages need, and have beside the others: a story's, dossiers, those that show
what was printed or put right, and the list of saved views."""
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
UNSEEN = {
    "css": re.compile(rb"/\*.*?\*/\s*|\s*;\s*(?=\})|\s*(?P<mark>[{};])\s*|(?<=[:,])\s+", re.DOTALL),
    "js": re.compile(rb"^ *//.*\n|(?<=[{;,(\[])\n(?! *//) *|^ +|\n(?=\n)", re.MULTILINE),
}
"""Comments and white space, which browsers need not be sent.  No script has a text that goes over
several lines or a comment behind code, and no style a text with a space after a colon or comma."""
IMMUTABLE = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


class Asset(NamedTuple):
    body: bytes
    digest: str
    media_type: str


def _keep_mark(match: re.Match[bytes]) -> bytes:
    return match.groupdict().get("mark") or b""


@lru_cache
def load_assets() -> dict[str, Asset]:
    """Return the styles, scripts and pictures of every room, by the name they are served under."""
    bodies: dict[str, bytes] = {}
    for room in ROOMS:
        for file in sorted((files("service.desk") / room).iterdir(), key=lambda file: file.name):
            kind = file.name.rpartition(".")[2]
            if kind in MEDIA_TYPES:
                is_script = room == "layout" and kind == "js"
                is_style = kind == "css" and file.name not in APART
                name = STYLE if is_style else SCRIPT if is_script else file.name
                body = file.read_bytes()
                if kind in UNSEEN:
                    body = UNSEEN[kind].sub(_keep_mark, body)
                bodies[name] = bodies.get(name, b"") + body
    return {
        name: Asset(body, sha256(body).hexdigest()[:12], MEDIA_TYPES[name.rpartition(".")[2]])
        for name, body in bodies.items()
    }


def build_address(name: str) -> str:
    """Return `/static/desk.css?v=…`, which browsers keep until the content changes."""
    return f"/static/{name}?v={load_assets()[name].digest}"


@router.get("/static/{name}")
async def read_asset(name: str, request: Request) -> Response:
    asset = load_assets().get(name)
    if asset is None:
        raise NotFound(f"Nothing is served at {request.url.path}.")
    is_current = request.query_params.get("v") == asset.digest
    headers = {
        "Cache-Control": IMMUTABLE if is_current else "no-cache",
        "ETag": f'"{asset.digest}"',
    }
    return Response(asset.body, headers=headers, media_type=asset.media_type)
