"""Scripts of other origins read what is public, and nothing else."""

from collections.abc import AsyncIterator

import pytest

from service.config import Settings
from service.domain.access import Action
from service.web.cors import PUBLIC_PREFIXES
from tests.api.test_access import ROUTES
from tests.support import desk as support
from tests.support.desk import Desk

ELSEWHERE = {"Origin": "https://newspaper.example"}
PREFLIGHT = ELSEWHERE | {"Access-Control-Request-Method": "GET"}


@pytest.fixture
async def public_desk(settings: Settings) -> AsyncIterator[Desk]:
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        await desk.record_parties()
        yield desk


def test_every_public_route_for_programs_is_covered() -> None:
    public = [path for (method, path), rule in ROUTES.items() if rule is Action.READ_CLAIMS]
    assert public
    assert [path for path in public if not path.startswith(PUBLIC_PREFIXES)] == []


async def test_public_answers_name_every_origin_also_to_a_shared_cache(public_desk: Desk) -> None:
    """With and without an Origin, so that what a cache keeps serves both; for HEAD and 304 too."""
    claim = (await public_desk.record_claim())["id"]
    paths = ("/v1/claims", f"/v1/claims/{claim}", f"/v1/claims/{claim}/badge.svg")
    for path in (*paths, "/feeds/claims.json"):
        for headers in ({}, ELSEWHERE):
            answer = await public_desk.public.get(path, headers=headers)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "ETag" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in answer.headers
        head = await public_desk.public.head(path, headers=ELSEWHERE)
        assert head.headers["access-control-allow-origin"] == "*"
        tagged_headers = ELSEWHERE | {"If-None-Match": answer.headers.get("etag", "*")}
        if "etag" in answer.headers:
            answer_304 = await public_desk.public.get(path, headers=tagged_headers)
            assert answer_304.status_code == 304
            assert answer_304.headers["access-control-allow-origin"] == "*"
    unknown = await public_desk.public.get("/v1/claims/nothing", headers=ELSEWHERE)
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (404, "*")


async def test_preflight_allows_reading_and_no_changes(
    public_desk: Desk,
) -> None:
    preflight = await public_desk.public.options("/v1/claims", headers=PREFLIGHT)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" not in preflight.headers["access-control-allow-headers"].lower()
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD"
    for method in ("POST", "PATCH", "DELETE"):
        headers = PREFLIGHT | {"Access-Control-Request-Method": method}
        refusal = await public_desk.public.options("/v1/claims", headers=headers)
        assert refusal.status_code == 405
        assert "access-control-allow-origin" not in refusal.headers
    change = await public_desk.checker.post("/v1/claims", json={}, headers=ELSEWHERE)
    assert "access-control-allow-origin" not in change.headers


async def test_other_origins_cannot_read_what_needs_a_key(public_desk: Desk, desk: Desk) -> None:
    """Internal resources of a public desk, and everything of one that is not public."""
    for path in ("/v1/parties", "/v1/me", "/v1/keys", "/v1/review-queue", "/"):
        answer = await public_desk.admin.get(path, headers=ELSEWHERE)
        assert "access-control-allow-origin" not in answer.headers, path
    for path in ("/v1/claims", "/feeds/claims.json"):
        answer = await desk.admin.get(path, headers=ELSEWHERE)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
        refusal = await desk.public.options(path, headers=PREFLIGHT)
        assert refusal.status_code == 405
