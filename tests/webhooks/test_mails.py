"""Mails: what is in them, and how they are handed to a real mail server."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from service.domain.webhooks import Format
from service.webhooks import formats, mail_addresses
from service.webhooks.address_guard import AddressGuard
from service.webhooks.delivery import Sender
from service.webhooks.exchanges import Answer, Outgoing
from tests.webhooks.board import Board
from tests.webhooks.mail_servers import PASSWORD, USER, run_mail_server
from tests.webhooks.receivers import Certificates
from tests.webhooks.senders import NOW, SECRET, load_usual_authorities
from tests.webhooks.test_chat_messages import BODIES, GOLDEN, HOSTILE, KINDS, build_hostile_body

FROM = "The Désk <desk@claims.example>"


def build_outgoing(body: bytes, *, timeout: float = 5.0, message: str = "evt_1") -> Outgoing:
    return Outgoing(
        "endpoint",
        "mailto:ana@news.example",
        {},
        (SECRET,),
        message,
        body,
        timeout,
        Format.EMAIL,
        mail_from=FROM,
    )


def read_body(kind: str) -> bytes:
    return (BODIES / f"{kind}.json").read_bytes()


def render(body: bytes) -> bytes:
    return formats.FORMATS[Format.EMAIL].render(build_outgoing(body), NOW).body


def parse(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def read_text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


@asynccontextmanager
async def run_mailer(
    url: str | None, verify: ssl.SSLContext | None = None
) -> AsyncIterator[Sender]:
    """A sender with this mail server set."""
    sender = Sender(
        AddressGuard(),
        lambda: NOW,
        verify=verify or load_usual_authorities(),
        mail=None if url is None else mail_addresses.parse_server(url, FROM),
    )
    try:
        yield sender
    finally:
        await sender.close()


async def send_one(url: str | None, verify: ssl.SSLContext | None = None) -> Answer:
    async with run_mailer(url, verify) as sender:
        return await sender.send(build_outgoing(read_body("claim.status_changed"), timeout=2.0))


@pytest.mark.parametrize("kind", KINDS)
def test_mail_of_each_type_is_what_its_golden_file_has(kind: str) -> None:
    raw = render(read_body(kind))
    assert raw == (GOLDEN / "email" / f"{kind}.eml").read_bytes()
    mail = parse(raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 200
    lines = read_text(mail).splitlines()
    assert all(len(line) <= 72 or "://" in line for line in lines)


def test_subject_has_status_and_claim_and_claims_are_threads() -> None:
    mail = parse(render(read_body("claim.status_changed")))
    assert mail["Subject"] == (
        "Awaiting confirmation → Confirmed: Serbia has returned the operating regime of its units "
        "to normal"
    )
    assert mail["From"] == FROM
    assert mail["To"] == "ana@news.example"
    assert mail["Message-ID"] == "<evt_1.endpoint@claims.example>"
    assert mail["References"] == mail["In-Reply-To"] == "<claim.claim-1@claims.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None


def test_nothing_in_a_text_becomes_a_header_a_tag_or_a_link() -> None:
    raw = render(build_hostile_body())
    mail = parse(raw)
    assert mail["Bcc"] is None
    assert set(mail.keys()) == {
        *("Message-ID", "Auto-Submitted", "In-Reply-To", "References", "From", "To", "Subject"),
        *("Date", "MIME-Version", "Content-Type"),
    }
    page = read_text(mail, "html")
    assert re.findall(r'href="([^"]*)"', page) == ["https://desk.example/claims/claim-1"]
    assert not re.search(r"<(b|script|img|link)\b", page)
    assert "src=" not in page
    assert "<!channel> <https://evil.example|our site>" in read_text(mail).replace("\n", " ")
    assert "\u202e" not in page + read_text(mail) + str(mail["Subject"])


def test_own_channel_can_be_unsubscribed_by_one_click() -> None:
    """RFC 8058; the address is as it was, however long."""
    url = "https://desk.example/unsubscribe/" + "a" * 120
    data = {"summary": "Ana mentions you: " + HOSTILE, "unsubscribe": url}
    body = orjson.dumps({"type": "notice.sent", "timestamp": "2023-10-02T12:00:00Z", "data": data})
    raw = render(body)
    assert f"List-Unsubscribe: <{url}>\r\n".encode() in raw
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert read_text(parse(raw)).endswith(f"Unsubscribe:\n{url}\n")


def test_subject_of_any_script_is_read_back_as_it_was() -> None:
    body = orjson.loads(read_body("claim.created"))
    text = "Војска Србије се вратила у нормалу 🕊 " * 6
    body["data"]["claim"]["text"] = text
    raw = render(orjson.dumps(body))
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    assert str(parse(raw)["Subject"]).startswith("Recorded: Asserted: Војска Србије се вратила у")


async def test_mail_goes_through_starttls_with_a_password() -> None:
    certificates = Certificates()
    async with run_mail_server(
        starttls=certificates.server("127.0.0.1"), with_password=True
    ) as server:
        url = f"smtp://{USER}:{quote(PASSWORD)}@127.0.0.1:{server.port}"
        async with run_mailer(url, certificates.trusting) as sender:
            for message in ("evt_1", "evt_2"):
                answer = await sender.send(
                    build_outgoing(read_body("claim.status_changed"), message=message)
                )
                assert (answer.delivered, answer.status) == (True, 250), answer
    assert [mail["Message-ID"] for mail in server.mails] == [
        "<evt_1.endpoint@claims.example>",
        "<evt_2.endpoint@claims.example>",
    ]
    assert server.connections == 1
    assert server.envelopes[0].mail_from == "desk@claims.example"
    assert server.envelopes[0].rcpt_tos == ["ana@news.example"]


async def test_mail_goes_through_tls_from_the_start() -> None:
    certificates = Certificates()
    async with run_mail_server(tls=certificates.server("127.0.0.1")) as server:
        answer = await send_one(f"smtps://127.0.0.1:{server.port}", certificates.trusting)
    assert answer.delivered, answer
    assert len(server.mails) == 1


async def test_server_without_starttls_gets_no_mail_unless_that_is_set() -> None:
    """Neither the mail nor the password goes out unencrypted."""
    async with run_mail_server() as server:
        refusal = await send_one(f"smtp://{USER}:x@127.0.0.1:{server.port}")
        assert refusal.error is not None
        assert "STARTTLS" in refusal.error
        assert not server.mails
        assert (await send_one(f"smtp://127.0.0.1:{server.port}?starttls=off")).delivered


async def test_certificate_of_the_server_is_checked() -> None:
    async with run_mail_server(starttls=Certificates().server("127.0.0.1")) as server:
        answer = await send_one(f"smtp://127.0.0.1:{server.port}")
    assert answer.error is not None
    assert answer.error.startswith("TLS: ")
    assert not server.mails


async def test_wrong_password_is_a_failure_that_names_the_setting() -> None:
    certificates = Certificates()
    async with run_mail_server(
        starttls=certificates.server("127.0.0.1"), with_password=True
    ) as server:
        url = f"smtp://{USER}:wrong@127.0.0.1:{server.port}"
        answer = await send_one(url, certificates.trusting)
    assert answer.error is not None
    assert "CLAIMDESK_SMTP_URL" in answer.error
    assert "wrong" not in answer.error
    assert not answer.is_final


@pytest.mark.parametrize(
    ("answers", "status", "is_final"),
    [
        ({"rcpt": "450 4.2.0 Greylisted, try again"}, 450, False),
        ({"rcpt": "550 5.1.1 No such user"}, 550, True),
        ({"data": "554 5.7.1 Spam"}, 554, True),
        ({"data": "451 4.3.0 Later"}, 451, False),
    ],
)
async def test_refusal_is_tried_again_unless_it_is_final(
    answers: dict[str, Any], status: int, is_final: bool
) -> None:
    async with run_mail_server(**answers) as server:
        url = f"smtp://127.0.0.1:{server.port}?starttls=off"
        async with run_mailer(url) as sender:
            answer = await sender.send(build_outgoing(read_body("claim.merged")))
            words = next(iter(answers.values()))
            assert answer.error == f"the mail server answered {words}"
            assert (answer.delivered, answer.status) == (False, status)
            assert answer.is_final == is_final
            # The connection goes on.
            server.rcpt, server.data = "250 OK", "250 OK"
            assert (await sender.send(build_outgoing(read_body("claim.merged")))).delivered
        assert server.connections == 1


async def test_server_that_hangs_is_a_timeout() -> None:
    async with (
        run_mail_server(hangs=True) as server,
        run_mailer(f"smtp://127.0.0.1:{server.port}?starttls=off") as sender,
    ):
        outgoing = build_outgoing(read_body("claim.merged"), timeout=0.3)
        answer = await sender.send(outgoing)
        assert answer.error == "timed out after 0.3 s"
        server.hangs = False
        assert (await sender.send(build_outgoing(read_body("claim.merged")))).delivered


async def test_server_that_is_away_is_a_failure() -> None:
    answer = await send_one("smtp://127.0.0.1:9?starttls=off")
    assert answer.error == "connection refused"


async def test_desk_without_a_mail_server_says_what_to_set() -> None:
    answer = await send_one(None)
    assert answer.error == "no mail server is set: set CLAIMDESK_SMTP_URL and CLAIMDESK_MAIL_FROM"
    assert not answer.is_final


async def test_mail_refused_for_good_is_dead_at_once_and_greylisted_one_is_tried_again(
    board: Board,
) -> None:
    webhook = await board.create_endpoint(url="mailto:ana@news.example", format="email")
    first = await board.put_event(webhook, claim=None)
    second = await board.put_event(webhook, claim=None)
    final, later = await board.lease_deliveries()
    await board.settle_attempts(
        board.build_attempt(final, 550, error="no such user", is_final=True),
        board.build_attempt(later, 450, error="greylisted"),
    )
    assert final.message == first
    assert (await board.read_delivery(webhook, first)).state == "dead"
    waiting = await board.read_delivery(webhook, second)
    assert (waiting.state, waiting.visible_at) == ("pending", board.now + timedelta(seconds=5))


@pytest.mark.parametrize(
    "url",
    [
        "mailto:",
        "mailto:ana",
        "mailto:ana@news.example,boris@news.example",
        "mailto:ana@news.example?cc=boris@news.example",
        "mailto:ana%0d%0aBcc:x@news.example",
        "mailto:Ana <ana@news.example>",
        "mailto:ána@news.example",
        f"mailto:{'a' * 65}@news.example",
    ],
)
def test_address_of_a_mail_is_one_address(url: str) -> None:
    with pytest.raises(ValueError, match="mailto"):
        mail_addresses.parse_recipient(url)


@pytest.mark.parametrize(
    ("url", "mail_from"),
    [
        ("http://mail.example", FROM),
        ("smtp://", FROM),
        ("smtp://mail.example:0", FROM),
        ("smtp://mail.example:x", FROM),
        ("smtp://mail.example/inbox", FROM),
        ("smtp://mail.example?starttls=no", FROM),
        ("smtps://mail.example?starttls=off", FROM),
        ("smtp://mail.example", "desk"),
    ],
)
def test_settings_of_mail_that_mean_nothing_are_refused(url: str, mail_from: str) -> None:
    with pytest.raises(ValueError, match=r"smtp|CLAIMDESK_MAIL_FROM"):
        mail_addresses.parse_server(url, mail_from)


if __name__ == "__main__":
    (GOLDEN / "email").mkdir(parents=True, exist_ok=True)
    for kind_written in KINDS:
        raw_mail = render(read_body(kind_written))
        (GOLDEN / "email" / f"{kind_written}.eml").write_bytes(raw_mail)
