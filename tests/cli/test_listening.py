"""`claimdesk webhooks listen`: what it prints and answers, in a real process."""

import http.client
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from service.cli import listening, shell
from service.domain import ids
from service.domain.webhooks import make_secret
from service.webhooks import signatures
from tests.cli.conftest import Run
from tests.cli.listener import Listener

pytestmark = pytest.mark.usefixtures("folder")

OLD, NEW, OTHER = make_secret(), make_secret(), make_secret()
EVENT = {
    "type": "claim.status_changed",
    "timestamp": "2023-10-02T18:00:00Z",
    "data": {
        "claim": {"id": ids.make_id(), "text": "Serbia reduced troops to normal"},
        "previous_status": "asserted",
        "status": "awaiting_confirmation",
        "cause": "request",
        "sequence": 2,
        "reason": None,
        "print_line": "Claimed by Belgrade (Gen. Milan Mojsilović).",
    },
}


def post(
    url: str,
    body: bytes,
    *,
    secrets: tuple[str, ...] = (NEW,),
    age: int = 0,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Send a body, signed unless `headers` are given."""
    if headers is None:
        headers = signatures.build_headers(secrets, "evt_1", int(time.time()) - age, body)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, "/", body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_delivery_is_printed_in_plain_text() -> None:
    """Type, claim, previous → new status, cause, print line, id and `verified`; a second arrival of
    an id is marked."""
    body = json.dumps(EVENT).encode()
    with Listener(CLAIMDESK_WEBHOOK_SECRET=NEW) as listener:
        assert post(listener.url, body) == (204, b"")
        assert listener.see("id evt_1") == "  id evt_1  verified\n"
        first, *rest = listener.shown
        assert first.endswith("Z  claim.status_changed\n")
        assert rest[:3] == [
            "  Serbia reduced troops to normal\n",
            "  asserted → awaiting_confirmation  (cause: request; change 2)\n",
            "  Claimed by Belgrade (Gen. Milan Mojsilović).\n",
        ]
        post(listener.url, body)
        assert "verified, arrived 2 times" in listener.see("arrived")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secrets": (OTHER,)}, "no v1 signature"),
        ({"age": 400}, "400 s old, 300 s allowed"),
        ({"age": -400}, "ahead, 300 s allowed"),
        ({"headers": {}}, "webhook-id is missing"),
    ],
)
def test_unverified_delivery_is_refused_with_the_reason(
    changed: dict[str, Any], words: str
) -> None:
    """Another's signature, one too old or from the future, or none: 401, and why."""
    with Listener("--secret", NEW) as listener:
        status, text = post(listener.url, b"{}", **changed)
        assert status == 401
        assert words in text.decode()
        assert words in listener.see("NOT VERIFIED")


def test_changed_body_does_not_verify() -> None:
    """The signature of one body is none of another."""
    with Listener("--secret", NEW, "--json") as listener:
        headers = signatures.build_headers([NEW], "evt_1", int(time.time()), b'{"a":1}')
        assert post(listener.url, b'{"a":1}', headers=headers)[0] == 204
        assert post(listener.url, b'{"a":2}', headers=headers)[0] == 401
        assert [listener.line(n)["verified"] for n in (1, 2)] == [True, False]


def test_either_secret_of_a_rotation_verifies() -> None:
    """--secret may be repeated, and the variable holds several between spaces."""
    for arguments, settings in (
        (("--secret", OLD, "--secret", NEW), {}),
        ((), {"CLAIMDESK_WEBHOOK_SECRET": f"{OLD} {NEW}"}),
    ):
        with Listener(*arguments, stdin=None, **settings) as listener:
            assert [post(listener.url, b"{}", secrets=(each,))[0] for each in (OLD, NEW)] == [
                204
            ] * 2
            assert post(listener.url, b"{}", secrets=(OTHER,))[0] == 401
            assert post(listener.url, b"{}", secrets=(OTHER, OLD))[0] == 204


def test_listener_without_a_secret_prints_the_next_commands(folder: Path) -> None:
    """What comes is `unverified` and answered 204; the commands that lead to a verified one are
    printed with this very address; no database is touched."""
    with Listener() as listener:
        assert post(listener.url, b"no JSON")[0] == 204
        assert listener.see("unverified") == "  id evt_1  unverified\n"
        listener.note("nothing is verified")
        guide = "".join(listener.noted)
    port = urlsplit(listener.url).port
    for line in (
        "export CLAIMDESK_WEBHOOK_ALLOW_HTTP=on CLAIMDESK_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8\n",
        f"claimdesk webhooks create {listener.url}\n",
        f"CLAIMDESK_WEBHOOK_SECRET=whsec_… claimdesk webhooks listen --port {port}\n",
        "claimdesk webhooks ping ID\n",
    ):
        assert line in guide
    assert list(folder.iterdir()) == []


def test_secret_can_be_typed_while_listening() -> None:
    """On a terminal the secret is typed in while it runs; what comes then is verified."""
    typist, terminal = os.openpty()
    try:
        with Listener("--json", stdin=terminal) as listener:
            listener.note("Paste the secret here")
            assert post(listener.url, b"{}")[0] == 204
            os.write(typist, b"hello\n")
            listener.note("A secret is whsec_")
            os.write(typist, f"{NEW}\n".encode())
            listener.note("is verified with it")
            assert post(listener.url, b"{}")[0] == 204
            assert post(listener.url, b"{}", secrets=(OTHER,))[0] == 401
            assert [listener.line(n)["verified"] for n in (1, 2, 3)] == [None, True, False]
            assert listener.stop() == 0
    finally:
        os.close(typist)
        os.close(terminal)


def test_json_output_is_one_line_for_each_delivery() -> None:
    """--json prints one document a line, and nothing else on standard output."""
    body = json.dumps(EVENT).encode()
    with Listener("--json", "--secret", NEW) as listener:
        post(listener.url, body)
        post(listener.url, b"\xff no JSON", headers={})
        first, second = listener.line(1), listener.line(2)
        assert len(listener.shown) == 2
    assert first.pop("received_at").endswith("Z")
    assert first == {
        "id": "evt_1",
        "verified": True,
        "problem": None,
        "answered": 204,
        "arrival": 1,
        "body": EVENT,
    }
    assert second["body"] == "\N{REPLACEMENT CHARACTER} no JSON"


def test_fail_option_answers_500_so_many_times() -> None:
    """--fail N answers 500 so many times, then takes what comes."""
    with Listener("--secret", NEW, "--fail", "2") as listener:
        assert [post(listener.url, b"{}")[0] for _ in range(3)] == [500, 500, 204]
        assert listener.see("0 more to come")


def test_other_methods_and_large_bodies_are_refused() -> None:
    """Other methods get 405, a body over a mebibyte 413, one of no stated length 411; a mebibyte
    passes."""
    with Listener("--secret", NEW) as listener:
        for method in ("GET", "HEAD", "PUT", "DELETE", "BREW"):
            assert post(listener.url, b"", method=method, headers={})[0] == 405
        assert post(listener.url, b"", headers={"Content-Length": "1048577"})[0] == 413
        assert post(listener.url, b"", headers={"Content-Length": "9" * 40})[0] == 413
        assert post(listener.url, b"", headers={"Content-Length": "-1"})[0] == 411
        assert post(listener.url, b"0\r\n\r\n", headers={"Transfer-Encoding": "chunked"})[0] == 411
        assert listener.shown == []
        assert post(listener.url, b"x" * 1048576)[0] == 204


def test_control_characters_are_not_printed() -> None:
    """Control characters in an event or an id are shown as what they are not."""
    event = {"type": "a\x1b[2J", "data": {"claim": {"text": "x\x1b]0;t\x07\n"}, "reason": ["\x9b"]}}
    with Listener() as listener:
        headers = {"webhook-id": "e\x1b[31m"}
        post(listener.url, json.dumps(event).encode(), headers=headers)
        listener.see("unverified")
        output = "".join(listener.shown)
    assert "\x1b" not in output
    assert "\x07" not in output
    assert "\x9b" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_listener_stops_cleanly(number: int) -> None:
    """Ctrl-C and a termination end it with code 0 and no stack trace."""
    with Listener("--secret", NEW) as listener:
        assert listener.stop(number) == 0
        assert "Traceback" not in "".join(listener.noted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_listener_stops_cleanly_while_it_says_that_it_listens(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """A signal that comes before the first look at the socket ends it too."""
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def interrupt(note: str) -> None:
        if note:
            signal.raise_signal(number)

    monkeypatch.setattr(shell, "print_note", interrupt)
    try:
        for each in handlers:
            signal.signal(each, _fail_test)
        listening.run_receiver("127.0.0.1", 0, secrets=[NEW], fail=0, as_json=False)
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _fail_test(*signal_and_frame: object) -> None:
    raise AssertionError("the receiver did not take the signal")


def test_malformed_secret_is_refused(run: Run) -> None:
    """It is refused before anything listens, and not repeated."""
    for secret in ("hello", "whsec_", "whsec_ü"):
        refusal = run("webhooks", "listen", "--port", "0", "--secret", secret)
        assert (refusal.exit_code, refusal.stdout) == (2, "")
        assert secret not in refusal.stderr.replace("whsec_ and base64", "")


def test_port_in_use_is_reported_at_once(run: Run) -> None:
    """It says how to take another."""
    with Listener() as listener:
        refusal = run("webhooks", "listen", "--port", str(urlsplit(listener.url).port))
    assert refusal.exit_code == 1
    assert "claimdesk webhooks listen --port N" in refusal.stderr
