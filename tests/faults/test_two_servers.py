"""Two servers, as two processes with settings of their own, on one database."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.config import Settings
from tests.faults.served import Served, create_key, serve
from tests.support.desk import build_claim, build_statement
from tests.support.lengths import add_table


def call(server: Served, secret: str, method: str, path: str, **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", "If-Match": "*"}
    return httpx.request(method, server.url + path, json=body or None, headers=headers)


def record_supported_claim(server: Served, secret: str, text: str) -> tuple[str, str]:
    """The ids of a claim and of the link that would let it be confirmed."""
    claim = call(server, secret, "POST", "/v1/claims", **build_claim(text=text))
    assert claim.status_code == 201, claim.text
    statement = build_statement("nato", basis="own_observation")
    path = f"/v1/claims/{claim.json()['id']}/links"
    link = call(server, secret, "POST", path, statement=statement, stance="supports")
    assert link.status_code == 201, link.text
    return claim.json()["id"], link.json()["id"]


def confirm(server: Served, secret: str, claim: str, link: str) -> httpx.Response:
    """The answer: 202 where a second person is needed, 201 where it is confirmed."""
    path = f"/v1/claims/{claim}/status-changes"
    return call(server, secret, "POST", path, to="confirmed", reason="NATO saw it", cites=[link])


def test_policy_of_the_database_overrides_the_setting(settings: Settings, tmp_path: Path) -> None:
    """The policy lies in the database: the setting of a second process changes nothing, and what
    an administrator changes through one server holds in the other at once."""
    url = settings.database_url.get_secret_value()
    with (
        serve(url, tmp_path, CLAIMDESK_FOUR_EYES="on") as first,
        serve(url, tmp_path, CLAIMDESK_FOUR_EYES="off") as second,
    ):
        checker, admin = (create_key(url, tmp_path, role)["key"] for role in ("checker", "admin"))
        for slug, name in (("belgrade", "Belgrade"), ("nato", "NATO")):
            party = call(first, admin, "POST", "/v1/parties", slug=slug, name=name)
            assert party.status_code == 201, party.text
        claim, link = record_supported_claim(first, checker, "Units returned to normal")
        proposal = confirm(second, checker, claim, link)
        assert proposal.status_code == 202, proposal.text
        body = call(first, checker, "GET", f"/v1/claims/{claim}").json()
        assert body["status"] == "asserted"

        policy_change = call(first, admin, "PATCH", "/v1/policy", four_eyes=False)
        assert policy_change.json() == {"four_eyes": False}
        other = record_supported_claim(first, checker, "Another claim altogether")
        assert confirm(second, checker, *other).status_code == 201
        second_change = call(second, admin, "PATCH", "/v1/policy", four_eyes=True)
        assert second_change.json() == {"four_eyes": True}
        third = record_supported_claim(second, checker, "A third claim, of bridges")
        assert confirm(first, checker, *third).status_code == 202


@pytest.mark.scale
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_request_limit_holds_over_servers(settings: Settings, tmp_path: Path, long: bool) -> None:
    """What a caller spent at one server is not there to be spent at the others, a second later.
    Four servers in the long form."""
    url = settings.database_url.get_secret_value()
    with ExitStack() as stack:
        first, *other_servers = [
            stack.enter_context(serve(url, tmp_path, CLAIMDESK_RATE_LIMIT="60"))
            for _ in range(4 if long else 2)
        ]
        key, other_key = (create_key(url, tmp_path, "reader")["key"] for _ in range(2))
        for server in other_servers:
            call(server, key, "GET", "/v1/me")  # from now on it hears of this caller
        began = time.monotonic()  # one more is allowed in each second from now on
        statuses = [call(first, key, "GET", "/v1/me").status_code for _ in range(50)]
        assert statuses == [200] * 50
        for server in other_servers:
            wait_for_spent(server, key, remaining=20, since=began)
        answers = []
        for _ in range(40):  # in turn, at most twenty a second
            for server in other_servers:
                answers.append(call(server, key, "GET", "/v1/me").status_code)
                time.sleep(0.05)
        seconds = time.monotonic() - began
        success_count = answers.count(200)
        assert 429 in answers
        # Each server but the one that was asked last may not know of the last second.
        assert success_count < 25 + seconds + 10 * (len(other_servers) - 1), (
            success_count,
            seconds,
        )
        add_table(
            f"60 requests a minute over {1 + len(other_servers)} servers",
            f"50 spent; {success_count} of {len(answers)} passed elsewhere in {seconds:.1f} s",
        )
        assert call(other_servers[0], other_key, "GET", "/v1/me").status_code == 200


def wait_for_spent(server: Served, key: str, *, remaining: int, since: float) -> None:
    """Return once this server knows that fewer than `remaining` requests are left to a caller,
    beside the one that each second has given back `since`."""
    deadline = time.monotonic() + 10
    while True:
        answer = call(server, key, "GET", "/v1/me")
        remaining_requests = int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0])
        if remaining_requests < remaining + time.monotonic() - since:
            return
        assert time.monotonic() < deadline, remaining_requests
        time.sleep(0.5)
