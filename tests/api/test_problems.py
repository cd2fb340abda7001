"""The one shape of every error, and the page that explains each."""

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from service.domain.errors import list_problems
from tests.api.problems import NOBODY, require_problem
from tests.support.desk import Desk, build_claim

VERSION = {"If-Match": '"7"'}


async def test_every_kind_of_refusal_has_the_shape_of_the_document(desk: Desk) -> None:
    """One of each status, from the envelope, the router, validation and the commands: the fields
    of RFC 9457, the extras named in the document, nothing that gives the inside away."""
    await desk.record_parties()
    claim = f"/v1/claims/{(await desk.record_claim())['id']}"
    move = {"to": "confirmed", "reason": "x"}
    components = desk.app.openapi()["components"]
    validator = OAS31Validator({"$ref": "#/components/schemas/Problem", "components": components})
    cases: list[tuple[str, str, str, dict[str, Any]]] = [
        ("bad-request", "PATCH", claim, {"json": {}, "headers": {"If-Match": "x"}}),
        ("forbidden", "GET", "/v1/keys", {}),
        ("not-found", "GET", f"/v1/claims/{NOBODY}", {}),
        ("not-found", "GET", f"/v1/parties/{'x' * 60}", {}),
        ("not-yet-recorded", "GET", f"{claim}?as_of=2023-10-01T00:00:00Z", {}),
        ("method-not-allowed", "PUT", claim, {}),
        ("already-exists", "POST", "/v1/parties", {"json": {"slug": "nato", "name": "x"}}),
        (
            "transition-refused",
            "POST",
            f"{claim}/status-changes",
            {"json": move, "headers": {"If-Match": "*"}},
        ),
        ("version-conflict", "PATCH", claim, {"json": {}, "headers": VERSION}),
        ("version-required", "PATCH", claim, {"json": {}}),
        ("body-too-large", "POST", "/v1/claims", {"content": b" " * 300_000}),
        ("unsupported-media-type", "POST", "/v1/claims", {"content": b"x"}),
        ("invalid-request", "POST", "/v1/claims", {"json": build_claim(text="", kind="x")}),
        ("invalid-cursor", "GET", "/v1/claims?cursor=x", {}),
    ]
    for slug, method, path, request_options in cases:
        response = await desk.checker.request(method, path, **request_options)
        body = require_problem(response, slug)
        validator.validate(body)
        assert body.keys() <= components["schemas"]["Problem"]["properties"].keys() | {
            "slug",
            "limit",
        }, body
        assert "Traceback" not in response.text
    answer = await desk.checker.post("/v1/claims", json=build_claim(text="", kind="x"))
    assert [error["loc"] for error in answer.json()["errors"]] == [
        ["body", "text"],
        ["body", "kind"],
    ]
    assert "1 more" in answer.json()["detail"]


@pytest.mark.parametrize("slug", sorted(list_problems()))
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_every_type_is_a_page_that_explains_it(desk: Desk, slug: str) -> None:
    """`type` leads to a page with the title, the status and what to do, open to all."""
    page = await desk.public.get(f"/problems/{slug}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    kind = list_problems()[slug]
    assert f"HTTP {kind.status}" in page.text
    assert kind.title in page.text.replace("&#x27;", "'")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_markup_in_an_address_is_escaped(desk: Desk) -> None:
    """An address with markup is answered as data, never as markup."""
    response = await desk.public.get("/problems/<script>alert(1)<%2Fscript>")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
