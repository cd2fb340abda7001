"""A receiver for people: shows each delivery of a webhook, and whether it verifies."""

import ipaddress
import json
import os
import signal
import socket
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import typer

from service.cli import endpoints, shell
from service.domain.claims import format_instant
from service.webhooks import signatures

MOST_BYTES = 1024 * 1024
SILENT_SECONDS = 60
"""Who says nothing for so long is hung up on."""
PER_LINE = ("print_line", "reason", "comment")
LONGEST = 500
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class Received:
    """A delivery, what was made of it, and what was answered."""

    at: str
    id: str
    body: bytes
    verified: bool | None
    """None where there is no secret to verify with."""
    problem: str | None
    answered: int
    arrival: int
    """1 for the first arrival of this id, 2 for the next; what is refused does not count."""

    def document(self) -> Any:
        """The body, parsed; as text where it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode(errors="replace")


class Receiver(ThreadingHTTPServer):
    """Judges and shows what is posted.  Raises OSError where it cannot listen."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, *, secrets: list[str], fail: int, as_json: bool):
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # `localhost` is 127.0.0.1 and ::1: the first is what everything else here takes it for.
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        self.address_family = family
        super().__init__((str(address[0]), int(address[1])), Handler)
        self.secrets = secrets
        self.unreadable: OSError | None = None
        """Why nothing can be shown any more."""
        self._fail = fail
        self._as_json = as_json
        self._times: Counter[str] = Counter()
        self._one_at_a_time = threading.Lock()

    def receive(self, headers: Mapping[str, str], body: bytes) -> Received:
        with self._one_at_a_time:
            received = self._judge(headers, body)
            try:
                if self._as_json:
                    typer.echo(json.dumps(as_line(received), ensure_ascii=False))
                else:
                    show(received)
            except OSError as error:
                self.unreadable = error
                self.shutdown()
            return received

    def trust(self, secret: str) -> None:
        """Verify with this secret too, from now on."""
        require_secret(secret)
        self.secrets.append(secret)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders that go away or say nothing are nothing to tell of."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _judge(self, headers: Mapping[str, str], body: bytes) -> Received:
        now = shell.now()
        verified, problem, answered = None, None, 204
        if self.secrets:
            try:
                signatures.verify_message(self.secrets, headers, body, now=int(now.timestamp()))
                verified = True
            except signatures.BadSignature as error:
                verified, problem, answered = False, str(error), 401
        if answered == 204 and self._fail:
            self._fail -= 1
            problem, answered = f"500 on purpose, {self._fail} more to come", 500
        message = printable(headers.get(signatures.ID, ""))
        if verified is not False:
            self._times[message] += 1
        return Received(
            format_instant(now), message, body, verified, problem, answered, self._times[message]
        )


class Handler(BaseHTTPRequestHandler):
    """Takes POST of bounded bodies, on connections that are kept."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "claimdesk-listen", ""
    timeout = SILENT_SECONDS
    server: Receiver

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or "transfer-encoding" in self.headers:
            self._answer(411, "Say Content-Length.", close=True)
        elif len(length) > 9 or int(length) > MOST_BYTES:
            self._answer(413, f"A body has {MOST_BYTES:,} bytes at most.", close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = self.server.receive(headers, body)
            self._answer(received.answered, received.problem or "")

    def __getattr__(self, name: str) -> Any:
        """Every method but POST."""
        if name.startswith("do_"):
            return lambda: self._answer(405, "", close=True)
        raise AttributeError(name)

    def _answer(self, status: int, text: str, *, close: bool = False) -> None:
        content = f"{text}\n".encode() if text else b""
        self.send_response(status)
        if status == 405:
            self.send_header("Allow", "POST")
        if status != 204:
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """What arrives is shown in another way."""


def run(host: str, port: int, *, secrets: list[str], fail: int, as_json: bool) -> None:
    """Receive until Ctrl-C."""
    for secret in secrets:
        require_secret(secret)
    try:
        receiver = Receiver(host, port, secrets=[*secrets], fail=fail, as_json=as_json)
    except socket.gaierror as error:
        raise shell.misused(f"--host {host}: {error.strerror}.") from error
    except OSError as error:
        raise shell.Stopped(
            f"{host}:{port} cannot be listened on: {error.strerror}.  "
            "Another port: claimdesk webhooks listen --port N"
        ) from error
    pasted = can_paste()
    shell.note(guidance(receiver, pasted=pasted))
    if pasted:
        threading.Thread(target=_read_secrets, args=(receiver,), daemon=True).start()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with receiver:
            receiver.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        shell.note("")
    if receiver.unreadable is not None:
        raise receiver.unreadable


def require_secret(secret: str) -> None:
    """Stops where it is no secret; does not repeat it."""
    try:
        signatures.sign_message(secret, "", 0, b"")
    except ValueError as error:
        raise shell.misused(
            "A secret is whsec_ and base64, as claimdesk webhooks create prints it."
        ) from error


def guidance(receiver: Receiver, *, pasted: bool) -> str:
    """What to type next."""
    host, port = receiver.server_address[:2]
    address = ipaddress.ip_address(str(host))
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    url = f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"
    network = f"{address}/{address.max_prefixlen}"
    if address.version == 4 and address.is_loopback:
        network = "127.0.0.0/8"
    lines = [
        f"Listening on {url}.  Ctrl-C ends it.",
        "claimdesk serve, and what registers this address, need these two settings:",
        f"  export {endpoints.ON_THIS_MACHINE.format(network=network)}",
    ]
    if receiver.secrets:
        secrets = "1 secret" if len(receiver.secrets) == 1 else f"{len(receiver.secrets)} secrets"
        return "\n".join(
            (
                *lines,
                f"What comes is verified with {secrets}.  To have something come:",
                "  claimdesk webhooks list        # the id of the webhook",
                "  claimdesk webhooks ping ID",
            )
        )
    again = f"claimdesk webhooks listen --port {port}"
    return "\n".join(
        (
            *lines,
            "Register it; that prints an id and a secret:",
            f"  claimdesk webhooks create {url}",
            *(
                ("Paste the secret here and press Enter, then have something come:",)
                if pasted
                else (
                    "Start this again with the secret, then have something come:",
                    f"  CLAIMDESK_WEBHOOK_SECRET=whsec_… {again}",
                )
            ),
            "  claimdesk webhooks ping ID",
            "Without a secret nothing is verified; everything is answered 204.",
        )
    )


def can_paste() -> bool:
    """Whether somebody can type into this process."""
    if not sys.stdin.isatty():
        return False
    if sys.platform != "win32":
        # In the background of a shell, reading would stop the process; now it just fails.
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    return True


def _read_secrets(receiver: Receiver) -> None:
    """Take secrets from the terminal.  Not through sys.stdin: whoever waits in it holds a lock
    that the exit needs."""
    while True:
        try:
            typed = os.read(sys.stdin.fileno(), 4096)
        except OSError:
            return
        if not typed:
            return
        for line in typed.decode(errors="replace").split():
            try:
                receiver.trust(line)
                shell.note("What comes from now on is verified with it.")
            except shell.Stopped as stopped:
                shell.note(str(stopped))


# --- what is shown ---


def as_line(received: Received) -> dict[str, Any]:
    return {
        "received_at": received.at,
        "id": received.id,
        "verified": received.verified,
        "problem": received.problem,
        "answered": received.answered,
        "arrival": received.arrival,
        "body": received.document(),
    }


def show(received: Received) -> None:
    """A delivery in a few lines, for people."""
    if received.verified is False:
        for line in (
            f"{received.at}  NOT VERIFIED: {received.problem}",
            f"  id {received.id or '(none)'}, {len(received.body):,} bytes, answered 401",
            "  Whoever sent it does not have this secret, or it was changed or sent long ago.",
        ):
            typer.secho(line, fg=typer.colors.RED, bold=True)
        return
    document = received.document()
    event = document if isinstance(document, dict) else {}
    kind = printable(event.get("type")) or "no event of ours"
    typer.echo(f"{received.at}  {typer.style(kind, bold=True)}")
    for line in described(event):
        typer.echo(f"  {line}")
    mark = (
        typer.style("verified", fg=typer.colors.GREEN)
        if received.verified
        else typer.style("unverified", fg=typer.colors.YELLOW)
    )
    again = f", arrived {received.arrival} times" if received.arrival > 1 else ""
    typer.echo(f"  id {received.id or '(none)'}  {mark}{again}")
    if received.problem is not None:
        typer.secho(f"  answered {received.problem}", fg=typer.colors.RED)


def described(event: Mapping[str, Any]) -> list[str]:
    """What an event tells, a line for each part."""
    data = event.get("data")
    if not isinstance(data, dict):
        return []
    lines = []
    claim = data.get("claim")
    if isinstance(claim, dict):
        lines.append(printable(claim.get("text")))
    change = printable(data.get("status"))
    if data.get("previous_status"):
        change = f"{printable(data['previous_status'])} → {change}"
    elif data.get("to"):
        change = f"{change} → {printable(data['to'])}, proposed"
    if data.get("cause"):
        change += f"  (cause: {printable(data['cause'])}; change {printable(data.get('sequence'))})"
    lines.append(change)
    lines += [printable(data.get(name)) for name in PER_LINE]
    if data.get("from"):
        lines.append(f"from {printable(data['from'])}")
    return [line for line in lines if line]


def printable(value: Any) -> str:
    """A text on one line, without what a terminal would take for orders."""
    text = "" if value is None else str(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
