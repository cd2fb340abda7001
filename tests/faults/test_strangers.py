"""Strangers at the socket of a server: what they send costs little, and delays nobody."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.faults import attacks
from tests.faults.attacks import HEAD, POST, Target, read_all, read_status
from tests.faults.served import Served, create_key, run_command, serve

FEW_FILES = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))
"""
NO_FILES = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))
kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(90)]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with serve(f"sqlite:///{folder / 'c.db'}", folder, CLAIMDESK_LOG_LEVEL="warning") as server:
        yield server


@pytest.fixture(scope="module")
def key_header(server: Served, folder: Path) -> bytes:
    """The header of somebody with a key."""
    token: str = create_key(f"sqlite:///{folder / 'c.db'}", folder, "checker")["key"]
    return b"Authorization: Bearer " + token.encode() + b"\r\n"


@pytest.fixture
def target(server: Served) -> Target:
    return Target(server.url, server.pid)


@pytest.mark.parametrize("name", attacks.ATTACKS)
def test_attack_costs_little_memory_and_delays_nobody(target: Target, name: str) -> None:
    before = target.memory()
    with target.well_behaved() as took:
        time.sleep(0.1)
        attacks.ATTACKS[name](target)
        time.sleep(0.3)
    assert len(took) > 10
    assert max(took) < 3
    assert target.memory() - before < 48


def test_server_stops_reading_a_head_that_is_too_long(target: Target) -> None:
    """Not after a hundred megabytes: what it takes is what was under way."""
    assert attacks.pour(target, HEAD + b"X: ", b"a" * 65536, seconds=9, limit=100_000_000) < 2**26


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /healthz?" + b"a" * 8_000 + b" HTTP/1.1\r\nHost: d\r\n", 200),
        (b"GET /healthz?" + b"a" * 8_200 + b" HTTP/1.1\r\nHost: d\r\n", 414),
        (HEAD + b"X: " + b"a" * 32_500 + b"\r\n", 200),
        (HEAD + b"X: " + b"a" * 33_000 + b"\r\n", 431),
        (HEAD + b"X: " + b"a" * 600_000 + b"\r\n", 431),
        (HEAD + b"A: b\r\n" * 97, 200),
        (HEAD + b"A: b\r\n" * 100, 431),
    ],
    ids=[
        "address of 8 kB",
        "longer address",
        "head of 32 kB",
        "longer head",
        "much longer head",
        "100 fields",
        "101 fields",
    ],
)
def test_head_is_accepted_up_to_its_limit(
    target: Target, request_bytes: bytes, status: int
) -> None:
    answer = target.send(request_bytes + b"Connection: close\r\n\r\n")
    assert read_status(answer) == status
    if status != 200:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        problem = json.loads(body)
        assert problem["status"] == status
        page = target.send(b"GET " + problem["type"].encode() + b" HTTP/1.0\r\nHost: d\r\n\r\n")
        assert read_status(page) == 200


def test_head_that_drips_is_limited_like_one_that_pours(target: Target) -> None:
    with closing(target.connect()) as connection:
        connection.sendall(HEAD)
        for number in range(101):
            connection.sendall(b"X-%d: 1\r\n" % number)
            time.sleep(0.001)
        answer = read_all(connection)
    assert read_status(answer) == 431


def test_trailers_are_limited_and_are_no_headers(target: Target, key_header: bytes) -> None:
    chunked_head = POST + b"Transfer-Encoding: chunked\r\n"
    for trailers in (b"A: b\r\n" * 101, b"A: " + b"b" * 33_000 + b"\r\n"):
        for head in (chunked_head, chunked_head + key_header):
            answer = target.send(head + b"\r\n2\r\n{}\r\n0\r\n" + trailers + b"\r\n")
            assert read_status(answer) == 431
    body = b"2\r\n{}\r\n0\r\n"
    trailer_answer = target.send(
        chunked_head + key_header + b"Connection: close\r\n\r\n" + body + b"A: b\r\n\r\n"
    )
    assert read_status(trailer_answer) == 422
    not_believed = target.send(
        chunked_head + b"Connection: close\r\n\r\n" + body + key_header + b"\r\n"
    )
    assert read_status(not_believed) == 401


def test_pipelined_requests_are_answered_in_order(target: Target) -> None:
    first = b"GET /v1/nothing-here HTTP/1.1\r\nHost: d\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
    answer = target.send(first * 30 + last)
    assert answer.count(b"HTTP/1.1 404 ") == 30
    assert answer.count(b"HTTP/1.1 200 ") == 1
    assert answer.rindex(b"HTTP/1.1 404 ") < answer.index(b"HTTP/1.1 200 ")


def test_answers_before_a_refused_head_are_whole(target: Target) -> None:
    answer = target.send(HEAD + b"\r\n" + b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n")
    assert read_status(answer) == 200
    assert answer.endswith(b'{"status":"ok"}') or b"414" in answer


def test_guard_keeps_to_http(target: Target) -> None:
    old = target.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert read_status(old) == 200
    head = target.send(b"HEAD /healthz HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert read_status(head) == 200
    assert head.endswith(b"\r\n\r\n")
    options = target.send(b"OPTIONS /healthz HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
    assert read_status(options) in (200, 204, 405)
    upgrade = target.send(
        HEAD + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert read_status(upgrade) == 200
    assert read_status(target.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == 400
    assert read_status(target.send(b"nonsense\r\n\r\n")) == 400


def test_body_in_chunks_is_read_whole(target: Target, key_header: bytes) -> None:
    body = json.dumps({"slug": "chunked", "name": "In chunks"}).encode()
    with closing(target.connect()) as connection:
        connection.sendall(
            b"POST /v1/parties HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nTransfer-Encoding: chunked\r\n" + key_header + b"\r\n"
        )
        for byte in body:
            connection.sendall(b"1;extension=x\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        answer = read_all(connection)
    assert read_status(answer) == 201


def test_stranger_is_refused_before_the_body_is_read(target: Target) -> None:
    """And still gets the answer while sending on."""
    with closing(target.connect()) as connection:
        connection.sendall(POST + b"Content-Length: 200000\r\n\r\n")
        assert read_status(connection.recv(65536)) == 401
        connection.sendall(b"a" * 200_000)
        connection.sendall(HEAD + b"Connection: close\r\n\r\n")
        assert b" 200 OK" in read_all(connection)
    with closing(target.connect()) as connection:
        form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000\r\n\r\n"
        connection.sendall(b"POST /sign-in HTTP/1.1\r\nHost: d\r\n" + form)
        connection.sendall(b"a" * 200_000)
        assert read_status(connection.recv(65536)) == 413


@pytest.mark.parametrize("pause", [0, 0.2])
def test_signing_in_does_not_depend_on_when_the_body_arrives(
    server: Served, target: Target, folder: Path, pause: float
) -> None:
    """Most clients send the head and the body apart: nobody is known yet, and that is the point."""
    admin = create_key(f"sqlite:///{folder / 'c.db'}", folder, "admin")["key"]
    person = {"name": f"Ana {pause}", "email": f"ana{pause}@example.org", "role": "checker"}
    user_answer = httpx.post(
        f"{server.url}/v1/users",
        json=person | {"password": "correct horse battery"},
        headers={"Authorization": f"Bearer {admin}"},
    )
    assert user_answer.status_code == 201, user_answer.text
    body = json.dumps({"email": person["email"], "password": "correct horse battery"}).encode()
    head = b"POST /v1/session HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
    with closing(target.connect()) as connection:
        connection.sendall(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body))
        time.sleep(pause)
        connection.sendall(body)
        answer = read_all(connection)
    assert read_status(answer) == 204, answer


@pytest.mark.parametrize("path", ["/claims/x/correction-request", "/unsubscribe/x", "/contact/x"])
def test_form_for_strangers_is_read_whenever_it_arrives(target: Target, path: str) -> None:
    """Nobody asks who sends it: the answer is not that they are to sign in."""
    body = b"text=" + b"%E2%80%A6" * 2000
    head = f"POST {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n".encode()
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    with closing(target.connect()) as connection:
        connection.sendall(head + form + b"Content-Length: %d\r\n\r\n" % len(body))
        time.sleep(0.2)
        connection.sendall(body)
        answer = read_all(connection)
    assert read_status(answer) not in (401, 413), answer


def test_request_that_does_not_end_is_dropped(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    settings = {"CLAIMDESK_HEAD_SECONDS": "1", "CLAIMDESK_BODY_SECONDS": "1"}
    with serve(url, tmp_path, **settings) as server:
        token: str = create_key(url, tmp_path, "checker")["key"]
        target = Target(server.url, server.pid)
        key_header = b"Authorization: Bearer " + token.encode() + b"\r\n"
        silent = attacks.hold(target, 20, b"")
        half_heads = attacks.hold(target, 300, HEAD)
        half_body = attacks.hold(target, 1, POST + key_header + b"Content-Length: 10\r\n\r\n12")[0]
        assert read_status(half_body.recv(65536)) == 408
        assert [read_status(read_all(connection)) for connection in silent] == [0] * 20
        statuses = [read_status(read_all(connection)) for connection in half_heads]
        # The oldest gave way where one address had all that it may have.
        assert set(statuses) <= {0, 408}
        assert statuses.count(408) > 150
        assert read_status(target.send(HEAD + b"Connection: close\r\n\r\n")) == 200
        close_all([half_body, *silent, *half_heads])


def test_idle_connections_are_dropped_for_new_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    settings = {
        "CLAIMDESK_CONNECTIONS_EACH": "20",
        "CLAIMDESK_LOG_LEVEL": "warning",
        "CLAIMDESK_PUBLIC_READ": "on",
    }
    with serve(url, tmp_path, **settings) as server:
        target = Target(server.url, server.pid)
        stream = b"GET /v1/events/stream HTTP/1.1\r\nHost: d\r\n\r\n"
        idle = attacks.hold(target, 20, b"")
        in_use = attacks.hold(target, 20, stream)
        for connection in in_use:
            assert read_status(connection.recv(1000)) == 200
        assert [read_all(connection) for connection in idle] == [b""] * 20
        refusal = target.send(b"")
        assert read_status(refusal) == 503
        assert b"retry-after" in refusal.lower()
        in_use.pop().close()
        time.sleep(0.3)
        assert read_status(target.send(HEAD + b"Connection: close\r\n\r\n")) == 200
        deadline = time.monotonic() + 15
        while "turned away" not in server.output and time.monotonic() < deadline:
            time.sleep(0.2)
        assert "gave way (address)" in server.output
        close_all([*idle, *in_use])


def test_half_sent_requests_do_not_use_up_the_open_files(tmp_path: Path) -> None:
    """With more of them than files, others are still answered, and the log says it."""
    url = f"sqlite:///{tmp_path / 'c.db'}"
    assert run_command(url, tmp_path, "db", "upgrade").returncode == 0
    server = Served(url, tmp_path, prelude=FEW_FILES, CLAIMDESK_LOG_LEVEL="warning")
    try:
        target = Target(server.url, server.pid)
        assert "connections limited by open files" in server.output
        connections = attacks.hold(target, 300, HEAD)
        for _ in range(5):
            assert read_status(target.send(HEAD + b"Connection: close\r\n\r\n")) == 200
        close_all(connections)
    finally:
        server.kill()


def test_server_without_files_says_so_and_recovers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'c.db'}"
    assert run_command(url, tmp_path, "db", "upgrade").returncode == 0
    server = Served(
        url, tmp_path, prelude=NO_FILES, CLAIMDESK_LOG_LEVEL="warning", CLAIMDESK_HEAD_SECONDS="3"
    )
    try:
        target = Target(server.url, server.pid)
        connections = attacks.hold(target, 200, HEAD)
        wait_for(server, "no file can be opened")
        wait_for(server, "files can be opened again")
        assert read_status(target.send(HEAD + b"Connection: close\r\n\r\n")) == 200
        close_all(connections)
        assert "Traceback" not in server.output
    finally:
        server.kill()


def wait_for(server: Served, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in server.output:
        assert time.monotonic() < deadline, server.output
        time.sleep(0.1)


def close_all(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.close()
