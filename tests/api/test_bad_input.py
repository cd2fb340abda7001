"""Invalid input is refused with a problem that says why, and changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.problems import NOBODY, nothing_changes, require_field_error, require_problem
from tests.support.desk import SOURCE, Desk, build_claim, build_quote, build_statement

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"text": None}, ("text",)),
        ({"text": 7}, ("text",)),
        ({"text": ""}, ("text",)),
        ({"text": "   \t\n"}, ("text",)),
        ({"text": "a\x00b"}, ("text",)),
        ({"text": "x" * 2001}, ("text",)),
        ({"text": ["x"]}, ("text",)),
        ({"kind": "rumour"}, ("kind",)),
        ({"kind": None}, ("kind",)),
        ({"claimant": 5}, ("claimant",)),
        ({"claimant": "Bel grade"}, ("claimant",)),
        ({"claimant": "belgrade\n"}, ("claimant",)),
        ({"claimant": "nobody"}, ("claimant",)),
        ({"claimant": None}, ("claimant",)),
        ({"speaker": {"name": "A", "party": "x"}}, ("speaker", "party")),
        ({"speaker": NOBODY}, ("speaker",)),
        ({"precision": "decade"}, ("precision",)),
        ({"tags": "troops"}, ("tags",)),
        ({"tags": ["x"] * 21}, ("tags",)),
        ({"tags": ["a\x00"]}, ("tags", 0)),
        ({"tags": [""]}, ("tags", 0)),
        ({"part_of": "not-an-id"}, ("part_of",)),
        ({"part_of": NOBODY}, ("part_of",)),
        ({"part_of": "{" + NOBODY.replace("-", "") + "}--"}, ("part_of",)),
        ({"story": "nowhere"}, ("story",)),
        ({"status": "confirmed"}, ("status",)),
        ({"id": NOBODY}, ("id",)),
        ({"origin": None}, ()),
        ({"origin_statement": NOBODY}, ()),
        ({"origin": None, "origin_statement": NOBODY}, ("origin_statement",)),
        ({"origin": {"quotes": []}}, ("origin", "quotes")),
        ({"origin": {"quotes": [build_quote()] * 21}}, ("origin", "quotes")),
        ({"origin": {"quotes": [build_quote()], "party": "nobody"}}, ("origin", "party")),
        ({"origin": {"quotes": [build_quote() | {"text": " "}]}}, ("origin", "quotes", 0, "text")),
        (
            {"origin": {"quotes": [build_quote() | {"language": "e"}]}},
            ("origin", "quotes", 0, "language"),
        ),
        (
            {"origin": {"quotes": [build_quote() | {"source": NOBODY}]}},
            ("origin", "quotes", 0, "source"),
        ),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_invalid_claim_is_refused_with_every_field_at_fault(
    desk: Desk, change: dict[str, Any], loc: tuple[str | int, ...]
) -> None:
    """Each field that is wrong, unknown or refers to nothing is named, and nothing is recorded."""
    await desk.record_parties()
    async with nothing_changes(desk):
        response = await desk.checker.post("/v1/claims", json=build_claim(**change))
        assert require_field_error(response, "body", *loc)


@pytest.mark.parametrize(
    ("instant", "reason"),
    [
        ("2023-10-02T00:00:00", "offset"),
        ("2023-10-02", "offset"),
        ("2023-10-02 00:00:00Z", "offset"),
        ("yesterday", "offset"),
        ("", "offset"),
        (1696204800, "offset"),
        (1696204800.5, "offset"),
        (None, "offset"),
        (True, "offset"),
        (["2023-10-02T00:00:00Z"], "offset"),
        ("2023-13-02T00:00:00Z", "no such day"),
        ("2023-02-29T00:00:00Z", "no such day"),
        ("2023-10-02T24:00:01Z", "no such day"),
        ("2023-10-02T23:59:60Z", "no such day"),
        ("2023-10-02T00:00:00+24:00", "no such day"),
        ("0000-10-02T00:00:00Z", "no such day"),
        ("0001-01-01T00:00:00+14:00", "no such day"),
        ("9999-12-31T23:59:59-14:00", "no such day"),
        ("1899-12-31T23:59:59Z", "1900"),
        ("2200-01-01T00:00:00Z", "2200"),
        ("2023-10-04T00:00:00Z", "future"),
        ("２０２３-10-02T00:00:00Z", "offset"),
        ("2023-10-02T00:00:00Z\n", "offset"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_instants_must_be_rfc_3339_with_an_offset(
    desk: Desk, instant: Any, reason: str
) -> None:
    """Naive, absurd and impossible instants are refused in a body and in a query, each with its
    reason."""
    await desk.record_parties()
    async with nothing_changes(desk):
        claim = await desk.checker.post("/v1/claims", json=build_claim(claimed_at=instant))
        assert reason in require_field_error(claim, "body", "claimed_at")
        response = await desk.checker.post(
            "/v1/statements", json=build_statement("nato", said_at=instant)
        )
        assert reason in require_field_error(response, "body", "said_at")
        if isinstance(instant, str) and reason != "future":
            for url, name in (
                ("/v1/claims", "as_of"),
                ("/v1/claims", "claimed_since"),
                (f"/v1/claims/{NOBODY}", "as_of"),
                (f"/v1/claims/{NOBODY}/links", "as_of"),
                (f"/v1/claims/{NOBODY}/suggestion", "as_of"),
                ("/v1/statements", "until"),
            ):
                answer = await desk.reader.get(url, params={name: instant})
                assert reason in require_field_error(answer, "query", name)


RAW = [
    (b"", "invalid-request"),
    (b"{", "invalid-request"),
    (b'{"slug": "nato" "name": "NATO"}', "invalid-request"),
    (b"null", "invalid-request"),
    (b"[]", "invalid-request"),
    (b'"text"', "invalid-request"),
    (b"7", "invalid-request"),
    (b'{"slug": "nato", "name": "\\ud800"}', "invalid-request"),
    (b'{"slug": "nato", "name": "NATO", "\\udfff": 1}', "invalid-request"),
    (b'{"slug": "nato", "name": "NATO", "\\u0000": 1}', "invalid-request"),
    (b'{"slug": "nato", "name": NaN}', "invalid-request"),
    (b'{"slug": "nato", "name": 1e999}', "invalid-request"),
    (b'{"slug": "nato", "name": ' + b"9" * 4000 + b"}", "invalid-request"),
    (b'{"slug": "nato", "name": ' + b"9" * 5000 + b"}", "bad-request"),
    (b'{"slug": "nato", "name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad-request"),
    (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "bad-request"),
    (b'{"slug": "nato", "name": "\xff\xfe"}', "bad-request"),
]


@pytest.mark.parametrize(("body", "slug"), RAW, ids=range(len(RAW)))
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_broken_json_is_the_senders_fault(desk: Desk, body: bytes, slug: str) -> None:
    """Broken, deep, huge or undecodable JSON is never an internal error."""
    async with nothing_changes(desk):
        response = await desk.checker.post("/v1/parties", content=body, headers=JSON)
        require_problem(response, slug)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "json", None]
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_body_must_be_sent_as_json(desk: Desk, kind: str | None) -> None:
    """Another content type, or none, is 415; JSON with a parameter or suffix is not."""
    body = b'{"slug": "nato", "name": "NATO"}'
    async with nothing_changes(desk):
        headers = {} if kind is None else {"Content-Type": kind}
        response = await desk.checker.post("/v1/parties", content=body, headers=headers)
        require_problem(response, "unsupported-media-type")
    for slug, fine in (("a1", "application/json; charset=utf-8"), ("b2", "application/ld+json")):
        response = await desk.checker.post(
            "/v1/parties",
            content=body.replace(b"nato", slug.encode()).replace(b"NATO", slug.encode()),
            headers={"Content-Type": fine},
        )
        assert response.status_code == 201, response.text


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize(
    ("source", "places_at_fault"),
    [
        ({"url": ""}, [["source", "url"]]),
        ({"url": "https://a.example", "bogus": 1}, [["source", "bogus"]]),
        ("zz", [["source"]]),
        (7, [["source"]]),
    ],
)
async def test_error_in_a_field_of_id_or_object_speaks_of_what_was_sent(
    desk: Desk, source: Any, places_at_fault: list[list[str]]
) -> None:
    """It does not name our classes, nor call an object an invalid id."""
    await desk.record_parties()
    body = build_statement("nato", quotes=[build_quote() | {"source": source}])
    refusal = require_problem(
        await desk.checker.post("/v1/statements", json=body), "invalid-request"
    )
    places = [error["loc"] for error in refusal["errors"]]
    assert places == [["body", "quotes", 0, *place] for place in places_at_fault]
    assert "function" not in refusal["detail"]
    body = {"statement": body, "stance": "supports"}
    claim = await desk.record_claim()
    answer = await desk.checker.post(f"/v1/claims/{claim['id']}/links", json=body)
    places = [error["loc"] for error in require_problem(answer, "invalid-request")["errors"]]
    assert places == [["body", "statement", "quotes", 0, *place] for place in places_at_fault]


async def test_body_over_256_kib_is_refused(desk: Desk) -> None:
    """A body of 256 KiB is read, one byte more is 413, and so are 10 MB, chunked or not."""

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 65536):
            yield b" " * 65536

    text = b'{"slug": "nato", "name": "NATO"}'
    async with nothing_changes(desk):
        for content in (text.ljust(256 * 1024 + 1), b" " * 10_000_000, chunks(10_000_000)):
            response = await desk.checker.post("/v1/parties", content=content, headers=JSON)
            assert require_problem(response, "body-too-large")["limit"] == 256 * 1024
    response = await desk.checker.post("/v1/parties", content=text.ljust(256 * 1024), headers=JSON)
    assert response.status_code == 201


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_incomplete_body_is_not_carried_out(desk: Desk) -> None:
    """A sender who disconnects before the body ends has not sent an empty one."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    decision = (await desk.change_status(claim, "confirmed", cites=[link["id"]])).json()["id"]
    messages = [{"type": "http.disconnect"}]
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.Future()

    async def send(message: Any) -> None:
        answers.append(message)

    path = f"/v1/decisions/{decision}/approval"
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"testserver"),
            (b"authorization", f"Bearer {desk.keys['editor']}".encode()),
            (b"content-type", b"application/json"),
            (b"content-length", b"20"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    async with nothing_changes(desk):
        await desk.app(scope, receive, send)
        assert answers[0]["status"] == 400


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/claims", "GET, HEAD, POST"),
        ("DELETE", f"/v1/claims/{NOBODY}", "GET, HEAD, PATCH"),
        ("POST", f"/v1/claims/{NOBODY}", "GET, HEAD, PATCH"),
        ("GET", f"/v1/claims/{NOBODY}/merge", "POST"),
        ("HEAD", f"/v1/claims/{NOBODY}/merge", "POST"),
        ("PATCH", f"/v1/claims/{NOBODY}/links", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/parties/nato", "GET, HEAD, PATCH"),
        ("GET", "/v1/session", "POST, DELETE"),
        ("TRACE", "/v1/keys/abc", "GET, HEAD, DELETE"),
        ("BREW", "/healthz", "GET, HEAD"),
        ("POST", "/docs", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_wrong_method_gets_405_with_the_allowed_methods(
    desk: Desk, method: str, path: str, allow: str
) -> None:
    """All that the address takes, whichever route takes them."""
    response = await desk.checker.request(method, path)
    assert response.headers["Allow"] == allow
    if method == "HEAD":
        assert (response.status_code, response.content) == (405, b"")
    else:
        require_problem(response, "method-not-allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/v2/claims",
        "/v1/claims/",
        "/v1//claims",
        "/v1/claims/x/y/z",
        "/v1/claims/not-an-id",
        f"/v1/claims/{NOBODY}",
        f"/v1/claims/{NOBODY}?expand=links",
        f"/v1/claims/{NOBODY}?as_of=2023-10-02T00:00:00Z",
        f"/v1/claims/{NOBODY}/links",
        f"/v1/claims/{NOBODY}/history",
        f"/v1/claims/{NOBODY}/status-changes",
        f"/v1/claims/{NOBODY}/suggestion",
        f"/v1/claims/{NOBODY}/notes",
        "/v1/claims/" + "%EF%BC%90" * 32 + "----/history",
        f"/v1/statements/{NOBODY}",
        f"/v1/sources/{NOBODY}",
        f"/v1/speakers/{NOBODY}",
        f"/v1/decisions/{NOBODY}",
        "/v1/parties/nobody",
        "/v1/stories/nowhere",
        "/v1/stories/%C3%A9%F0%9F%98%80%FF",
        "/problems/unheard-of",
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_unknown_addresses_ids_and_slugs_are_404(desk: Desk, path: str) -> None:
    """An odd spelling of an id is not an id."""
    require_problem(await desk.checker.get(path), "not-found")


@pytest.mark.parametrize(
    "path", ["/v1/parties/a%00b", "/v1/claims?tag=%00", "/v1/%00", "/v1/claims/%00", "/%00"]
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_nul_in_an_address_is_refused(desk: Desk, path: str) -> None:
    """For everybody, before any database sees it."""
    for client in (desk.reader, desk.public):
        require_problem(await client.get(path), "invalid-request")


@pytest.mark.parametrize(
    "url",
    [
        "/v1/claims?statsu=confirmed",
        f"/v1/claims/{NOBODY}?expandd=links",
        f"/v1/claims/{NOBODY}/history?offset=3",
        "/v1/parties?name=x",
        "/v1/events?cursor=x",
        "/v1/me?verbose=1",
        "/v1/statements?Party=nato",
        "/v1/sources?%ED%A0%80=1",
    ],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_unknown_parameter_is_refused(desk: Desk, url: str) -> None:
    """A misspelt filter would widen the list if it were ignored."""
    require_problem(await desk.checker.get(url), "invalid-request")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_post_refuses_query_parameters(desk: Desk) -> None:
    """They belong in the body."""
    async with nothing_changes(desk):
        response = await desk.checker.post("/v1/sources?dry_run=1", json=SOURCE)
        require_field_error(response, "query", "dry_run")
