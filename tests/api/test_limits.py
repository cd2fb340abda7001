"""What every answer has: limits, request ids, security headers, HEAD, and logs without secrets."""

import io
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Connection, text

from service.config import Settings
from service.web import limits
from tests.api.problems import NOBODY, require_problem
from tests.support import desk as support
from tests.support.desk import Desk, build_claim, build_quote

SECRET = "NOT-FOR-THE-LOG"


@pytest.fixture
def let_time_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let seconds pass for the limiter, whose clock stands still otherwise."""
    now = 1000.0

    def pass_(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now))
    return pass_


@pytest.mark.parametrize("path", ["/v1/claims", "/v1/parties"])
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_caller_over_the_limit_gets_429(
    settings: Settings, let_time_pass: Callable[[float], None], path: str
) -> None:
    """Each answer says what is left; after Retry-After the caller is served again; others are not
    concerned."""
    async with support.run_desk(settings.model_copy(update={"rate_limit": 5})) as desk:
        for remaining in (4, 3, 2, 1, 0):
            response = await desk.reader.get(path)
            assert response.status_code == 200
            assert response.headers["RateLimit-Policy"] == '"minute";q=5;w=60'
            match = re.fullmatch(r'"minute";r=(\d+);t=(\d+)', response.headers["RateLimit"])
            assert match is not None
            assert int(match[1]) == remaining
            assert 0 < int(match[2]) <= 61
        for _ in range(3):
            refusal = await desk.reader.get(path)
            require_problem(refusal, "rate-limited")
            assert refusal.headers["RateLimit"].startswith('"minute";r=0;')
        assert (await desk.checker.get(path)).status_code == 200
        seconds = int(refusal.headers["Retry-After"])
        assert 1 <= seconds <= 13
        let_time_pass(seconds)
        assert (await desk.reader.get(path)).status_code == 200
        require_problem(await desk.reader.get(path), "rate-limited")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_guessing_is_limited_by_address(
    settings: Settings, let_time_pass: Callable[[float], None]
) -> None:
    """Whoever has no key, or tries wrong ones, spends the allowance of their address."""
    async with support.run_desk(settings.model_copy(update={"rate_limit": 5})) as desk:
        answers = [
            await desk.public.get("/v1/claims", headers={"Authorization": f"Bearer cd_a_{guess}"})
            for guess in range(5)
        ]
        assert {answer.status_code for answer in answers} == {401}
        require_problem(await desk.public.get("/v1/claims"), "rate-limited")
        wrong_key = {"Authorization": "Bearer cd_a_6"}
        require_problem(await desk.public.get("/v1/claims", headers=wrong_key), "rate-limited")
        assert (await desk.reader.get("/v1/claims")).status_code == 200


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_limit_can_be_switched_off(desk: Desk) -> None:
    """Then no answer speaks of one."""
    assert "RateLimit" not in (await desk.reader.get("/v1/claims")).headers


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_every_answer_has_a_request_id_and_security_headers(desk: Desk) -> None:
    """Hot, ordinary, refused, unknown and documentation answers carry the security headers and a
    request id: the caller's own where it is harmless, else a new one."""
    request_ids = set()
    for client, path, status in (
        (desk.reader, "/v1/claims", 200),
        (desk.reader, "/v1/parties", 200),
        (desk.reader, "/v1/claims?limit=0", 422),
        (desk.public, "/v1/claims", 401),
        (desk.reader, "/v1/keys", 403),
        (desk.public, "/nowhere", 404),
        (desk.public, "/%00", 422),
        (desk.public, "/docs", 200),
        (desk.public, "/openapi.json", 200),
        (desk.public, "/healthz", 200),
        (desk.public, "/problems/not-found", 200),
    ):
        response = await client.get(path)
        assert response.status_code == status, path
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        if path.startswith("/v1/") and status == 200:
            assert "private" in response.headers["Cache-Control"]
            assert "Authorization" in response.headers["Vary"]
        request_ids.add(response.headers["X-Request-Id"])
        own = await client.get(path, headers={"X-Request-Id": "cms-42.a_b"})
        assert own.headers["X-Request-Id"] == "cms-42.a_b"
    assert len(request_ids) == 11
    for harmful in ("a b", "x" * 65, "", "a;b", '"', "é".encode()):
        request_id = harmful if isinstance(harmful, bytes) else harmful.encode()
        response = await desk.reader.get("/v1/claims", headers={b"X-Request-Id": request_id})
        assert re.fullmatch("[0-9a-f-]{36}", response.headers["X-Request-Id"])


async def test_head_answers_like_get_without_the_body(desk: Desk) -> None:
    """Same status and headers, no body, for what exists and for what does not."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    for path in (
        f"/v1/claims/{claim}",
        "/v1/claims",
        "/v1/parties/nato",
        f"/v1/claims/{NOBODY}",
        "/docs",
        "/metrics",
    ):
        get, head = await desk.admin.get(path), await desk.admin.head(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert get.content
        for name in ("Content-Type", "ETag", "Cache-Control"):
            assert head.headers.get(name) == get.headers.get(name)
        if path != "/metrics":
            assert head.headers["Content-Length"] == str(len(get.content))


@asynccontextmanager
async def run_logging_desk(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, **change: Any
) -> AsyncIterator[tuple[Desk, io.BytesIO]]:
    """A desk that logs, and what it wrote to standard error."""
    log_bytes = io.BytesIO()
    with monkeypatch.context() as patch:
        stderr = io.TextIOWrapper(log_bytes, write_through=True)
        patch.setattr(sys, "stderr", stderr)
        changes = {"log_level": "debug", "access_log": "all", "log_format": "json"} | change
        async with support.run_desk(settings.model_copy(update=changes)) as desk:
            yield desk, log_bytes
        stderr.detach()


def fail_on_quotes(connection: Connection) -> None:
    """Make the database fail whenever a quote is recorded."""
    if connection.dialect.name == "sqlite":
        connection.execute(
            text(
                "CREATE TRIGGER fail BEFORE INSERT ON quotes "
                "BEGIN SELECT RAISE(ABORT, 'out of order'); END"
            )
        )
        return
    connection.execute(
        text(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'out of order'; END $$"
        )
    )
    connection.execute(text("CREATE TRIGGER fail BEFORE INSERT ON quotes EXECUTE FUNCTION fail()"))


async def send_secrets(desk: Desk) -> list[str]:
    """Send everything that must not be logged, and make a request fail; returns the secrets."""
    ids = {"X-Request-Id": "to-be-found"}
    await desk.record_parties()
    response = await desk.admin.post(
        "/v1/users",
        json={"email": "a@example.org", "name": "A", "role": "reader", "password": SECRET},
    )
    assert response.status_code == 201
    await desk.public.post("/v1/session", json={"email": "a@example.org", "password": SECRET + "x"})
    key = (await desk.admin.post("/v1/keys", json={"name": "K", "role": "reader"})).json()["key"]
    await desk.public.get("/v1/me", headers={"Authorization": f"Bearer {key}x"})
    await desk.public.get("/v1/me", headers={"Cookie": f"claimdesk_session={SECRET}"})
    await desk.checker.post("/v1/claims", json=build_claim(text=SECRET, tags=[SECRET] * 30))
    await desk.checker.post("/v1/claims", json=build_claim(text=SECRET), headers=ids)
    await desk.database.write(fail_on_quotes)
    failure: httpx.Response = await desk.checker.post(
        "/v1/claims",
        json=build_claim(text=SECRET, origin={"quotes": [build_quote(SECRET)]}),
        headers=ids,
    )
    problem = require_problem(failure, "internal-error")
    assert problem["id"] == "to-be-found"
    assert "out of order" not in failure.text
    assert "Traceback" not in failure.text
    return [SECRET, key.split("_")[2], *(each.split("_")[2] for each in desk.keys.values())]


async def test_json_log_has_each_request_and_no_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of JSON for each request with its id, caller and status, and the traceback of a
    failure; no key, password, cookie or body in any of them."""
    async with run_logging_desk(settings, monkeypatch) as (desk, log_bytes):
        hidden_texts = await send_secrets(desk)
        log_text = log_bytes.getvalue()
    for secret in hidden_texts:
        assert secret.encode() not in log_text
    lines = [orjson.loads(line) for line in log_text.splitlines()]
    answer_lines = [each for each in lines if each["event"] == "answered"]
    own_lines = [each for each in answer_lines if each["request_id"] == "to-be-found"]
    assert [
        (each["method"], each["path"], each["status"], each["caller"]) for each in own_lines
    ] == [
        ("POST", "/v1/claims", 201, "checker"),
        ("POST", "/v1/claims", 500, "checker"),
    ]
    failures = [each for each in lines if each["event"] == "failed"]
    assert [failure["request_id"] for failure in failures] == ["to-be-found"]
    assert "out of order" in failures[0]["exception"]
    assert failures[0]["exception"].startswith("Traceback")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_text_log_has_no_secrets(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text meant for a terminal shows the traceback without anybody's values."""
    async with run_logging_desk(settings, monkeypatch, log_format="text") as (desk, log_bytes):
        hidden_texts = await send_secrets(desk)
        log_text = log_bytes.getvalue()
    assert b"out of order" in log_text
    for secret in hidden_texts:
        assert secret.encode() not in log_text


@pytest.mark.parametrize(
    ("setting", "paths"),
    [("all", ["/v1/parties", "/v1/parties"]), ("changes", ["/v1/parties"]), ("off", [])],
)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_access_log_setting_chooses_the_requests(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, setting: str, paths: list[str]
) -> None:
    """All requests, only those that change something, or none."""
    async with run_logging_desk(settings, monkeypatch, access_log=setting) as (desk, log_bytes):
        await desk.reader.get("/v1/parties")
        await desk.post("/v1/parties", {"slug": "nato", "name": "NATO"})
        lines = [orjson.loads(line) for line in log_bytes.getvalue().splitlines()]
    assert [each["path"] for each in lines if each["event"] == "answered"] == paths


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_closed_standard_error_does_not_break_logging(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loggers write to whatever standard error is at the time."""
    for _ in range(2):
        async with run_logging_desk(settings, monkeypatch) as (desk, log_bytes):
            await desk.reader.get("/v1/parties")
            assert b"answered" in log_bytes.getvalue()
        log_bytes.close()
