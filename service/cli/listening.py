"""`claimdesk webhooks listen`: a receiver that prints each delivery, and whether it verifies."""

import ipaddress
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import typer

from service.cli import endpoints, shell, sockets
from service.domain.claims import format_instant
from service.webhooks import signatures

MAX_BODY_BYTES = 1024 * 1024
SILENT_SECONDS = 60
"""A connection on which nothing comes for so long is closed."""
PER_LINE = ("print_line", "reason", "comment")
MAX_TEXT_LENGTH = 500
"""Characters of a text that are printed."""


@dataclass(frozen=True)
class Received:
    """A delivery, whether it verified, and what was answered."""

    at: str
    id: str
    body: bytes
    verified: bool | None
    """None if there is no secret to verify with."""
    problem: str | None
    answered: int
    arrival: int
    """1 for the first arrival of this id, 2 for the next; refused deliveries do not count."""

    def parse_body(self) -> Any:
        """Parse the body; return it as text if it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode(errors="replace")


class Receiver(ThreadingHTTPServer):
    """Verifies and prints what is posted.  Raises OSError if it cannot listen."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, *, secrets: list[str], fail: int, as_json: bool):
        family, address = sockets.resolve_address(host, port)
        self.address_family = family
        super().__init__(address, Handler)
        self.secrets = secrets
        self.output_error: OSError | None = None
        """Why nothing can be printed any more."""
        self.is_interrupted = False
        self._failures_left = fail
        self._as_json = as_json
        self._arrivals: Counter[str] = Counter()
        self._lock = threading.Lock()

    def receive(self, headers: Mapping[str, str], body: bytes) -> Received:
        with self._lock:
            delivery = self._verify(headers, body)
            try:
                if self._as_json:
                    typer.echo(json.dumps(build_line(delivery), ensure_ascii=False))
                else:
                    print_delivery(delivery)
            except OSError as error:
                self.output_error = error
                self.shutdown()
            return delivery

    def interrupt(self, *_signal: object) -> None:
        """Stop at the next look, as a handler of signals: an exception that a handler raises is
        lost where the interpreter ignores exceptions, as while it takes away an ended thread."""
        self.is_interrupted = True

    def service_actions(self) -> None:
        """Leave `serve_forever`, which calls this between requests, once interrupted."""
        if self.is_interrupted:
            raise KeyboardInterrupt

    def add_secret(self, secret: str) -> None:
        """Verify with this secret too, from now on."""
        require_secret(secret)
        self.secrets.append(secret)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about senders that hang up or say nothing."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _verify(self, headers: Mapping[str, str], body: bytes) -> Received:
        now = shell.read_clock()
        is_verified, problem, status = None, None, 204
        if self.secrets:
            try:
                signatures.verify_message(self.secrets, headers, body, now=int(now.timestamp()))
                is_verified = True
            except signatures.BadSignature as error:
                is_verified, problem, status = False, str(error), 401
        if status == 204 and self._failures_left:
            self._failures_left -= 1
            problem, status = f"500 on purpose, {self._failures_left} more to come", 500
        message = clean_text(headers.get(signatures.ID, ""))
        if is_verified is not False:
            self._arrivals[message] += 1
        return Received(
            format_instant(now),
            message,
            body,
            is_verified,
            problem,
            status,
            self._arrivals[message],
        )


class Handler(BaseHTTPRequestHandler):
    """Takes POST requests with bodies of a limited size, and keeps connections open."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "claimdesk-listen", ""
    timeout = SILENT_SECONDS
    server: Receiver

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or "transfer-encoding" in self.headers:
            self._answer(411, "Say Content-Length.", close=True)
        elif len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self._answer(413, f"A body has {MAX_BODY_BYTES:,} bytes at most.", close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            delivery = self.server.receive(headers, body)
            self._answer(delivery.answered, delivery.problem or "")

    def __getattr__(self, name: str) -> Any:
        """Answer every method but POST."""
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
        """Print nothing: deliveries are printed in another way."""


def run_receiver(host: str, port: int, *, secrets: list[str], fail: int, as_json: bool) -> None:
    """Receive until Ctrl-C."""
    for secret in secrets:
        require_secret(secret)
    try:
        receiver = Receiver(host, port, secrets=[*secrets], fail=fail, as_json=as_json)
    except OSError as error:
        raise shell.CommandError(
            sockets.explain_not_listening(host, port, "webhooks listen", error)
        ) from error
    # Before the note says "Listening": whoever reads it may end this at once.
    signal.signal(signal.SIGTERM, receiver.interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, receiver.interrupt)
    interactive = is_interactive()
    shell.print_note(describe_next_steps(receiver, interactive=interactive))
    if interactive:
        threading.Thread(target=_read_secrets, args=(receiver,), daemon=True).start()
    try:
        with receiver:
            receiver.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        shell.print_note("")
    if receiver.output_error is not None:
        raise receiver.output_error


def require_secret(secret: str) -> None:
    """Raise UsageError if it is no secret; the message does not repeat it."""
    try:
        signatures.sign_message(secret, "", 0, b"")
    except ValueError as error:
        raise shell.UsageError(
            "A secret is whsec_ and base64, as claimdesk webhooks create prints it."
        ) from error


def describe_next_steps(receiver: Receiver, *, interactive: bool) -> str:
    """Return what to type next."""
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
    command = f"claimdesk webhooks listen --port {port}"
    return "\n".join(
        (
            *lines,
            "Register it; that prints an id and a secret:",
            f"  claimdesk webhooks create {url}",
            *(
                ("Paste the secret here and press Enter, then have something come:",)
                if interactive
                else (
                    "Start this again with the secret, then have something come:",
                    f"  CLAIMDESK_WEBHOOK_SECRET=whsec_… {command}",
                )
            ),
            "  claimdesk webhooks ping ID",
            "Without a secret nothing is verified; everything is answered 204.",
        )
    )


def is_interactive() -> bool:
    """Whether somebody can type into this process."""
    if not sys.stdin.isatty():
        return False
    if sys.platform != "win32":
        # In the background of a shell, reading would stop the process; now it just fails.
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    return True


def _read_secrets(receiver: Receiver) -> None:
    """Read secrets from the terminal.  Not through sys.stdin: a thread that waits in it holds a
    lock that the exit needs."""
    while True:
        try:
            typed_bytes = os.read(sys.stdin.fileno(), 4096)
        except OSError:
            return
        if not typed_bytes:
            return
        for line in typed_bytes.decode(errors="replace").split():
            try:
                receiver.add_secret(line)
                shell.print_note("What comes from now on is verified with it.")
            except shell.CommandError as error:
                shell.print_note(str(error))


# --- output ---


def build_line(delivery: Received) -> Mapping[str, Any]:
    """Return a delivery as an object of the JSON output."""
    return {
        "received_at": delivery.at,
        "id": delivery.id,
        "verified": delivery.verified,
        "problem": delivery.problem,
        "answered": delivery.answered,
        "arrival": delivery.arrival,
        "body": delivery.parse_body(),
    }


def print_delivery(delivery: Received) -> None:
    """Print a delivery in a few lines."""
    if delivery.verified is False:
        for line in (
            f"{delivery.at}  NOT VERIFIED: {delivery.problem}",
            f"  id {delivery.id or '(none)'}, {len(delivery.body):,} bytes, answered 401",
            "  Whoever sent it does not have this secret, or it was changed or sent long ago.",
        ):
            typer.secho(line, fg=typer.colors.RED, bold=True)
        return
    document = delivery.parse_body()
    event = document if isinstance(document, dict) else {}
    kind = clean_text(event.get("type")) or "no event of ours"
    typer.echo(f"{delivery.at}  {typer.style(kind, bold=True)}")
    for line in describe_event(event):
        typer.echo(f"  {line}")
    mark = (
        typer.style("verified", fg=typer.colors.GREEN)
        if delivery.verified
        else typer.style("unverified", fg=typer.colors.YELLOW)
    )
    repetition = f", arrived {delivery.arrival} times" if delivery.arrival > 1 else ""
    typer.echo(f"  id {delivery.id or '(none)'}  {mark}{repetition}")
    if delivery.problem is not None:
        typer.secho(f"  answered {delivery.problem}", fg=typer.colors.RED)


def describe_event(event: Mapping[str, Any]) -> list[str]:
    """Return what an event says, a line for each part."""
    data = event.get("data")
    if not isinstance(data, dict):
        return []
    lines = []
    claim = data.get("claim")
    if isinstance(claim, dict):
        lines.append(clean_text(claim.get("text")))
    change = clean_text(data.get("status"))
    if data.get("previous_status"):
        change = f"{clean_text(data['previous_status'])} → {change}"
    elif data.get("to"):
        change = f"{change} → {clean_text(data['to'])}, proposed"
    if data.get("cause"):
        change += (
            f"  (cause: {clean_text(data['cause'])}; change {clean_text(data.get('sequence'))})"
        )
    lines.append(change)
    lines += [clean_text(data.get(name)) for name in PER_LINE]
    if data.get("from"):
        lines.append(f"from {clean_text(data['from'])}")
    return [line for line in lines if line]


def clean_text(value: Any) -> str:
    """Return a text on one line, without control characters for the terminal."""
    text = "" if value is None else str(value)
    text = text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}…"
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
