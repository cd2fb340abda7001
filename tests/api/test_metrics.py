"""The figures of the service are for its operators."""

import httpx
import pytest

from service.config import Settings
from tests.api.problems import require_problem
from tests.support import desk as support
from tests.support.desk import Desk


@pytest.mark.parametrize("public_read", [False, True])
async def test_only_administrators_read_metrics(settings: Settings, public_read: bool) -> None:
    desk_settings = settings.model_copy(update={"public_read": public_read})
    async with support.run_desk(desk_settings) as desk:
        require_problem(await desk.public.get("/metrics"), "not-authenticated")
        for client in (desk.reader, desk.checker, desk.editor):
            require_problem(await client.get("/metrics"), "forbidden")
        response = await desk.admin.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "\nclaimdesk_requests_total{" in response.text


@pytest.mark.parametrize(
    ("peer", "headers", "read"),
    [
        ("10.1.0.5", {}, True),
        ("::ffff:10.1.0.5", {}, True),
        ("fd00::7", {}, True),
        ("10.1.0.6", {}, False),
        ("2001:db8::1", {}, False),
        ("unix socket", {}, False),
        ("10.1.0.5", {"X-Forwarded-For": "10.1.0.5"}, False),
        ("10.1.0.5", {"Forwarded": "for=10.1.0.5"}, False),
    ],
)
async def test_named_networks_read_metrics_unless_a_proxy_stands_between(
    settings: Settings, peer: str, headers: dict[str, str], read: bool
) -> None:
    networks = Settings(metrics_allow_cidrs="10.1.0.5/32, fd00::/8").metrics_allow_cidrs
    async with (
        support.run_desk(settings.model_copy(update={"metrics_allow_cidrs": networks})) as desk,
        open_scraper(desk, peer) as client,
    ):
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == (200 if read else 401)


def open_scraper(desk: Desk, peer: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=desk.app, client=(peer, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")
