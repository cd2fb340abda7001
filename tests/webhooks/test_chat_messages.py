"""What chats get, as their services document it: a golden file for each format and type of event.

`python -m tests.webhooks.test_chat_messages` writes the files anew; look at what differs.
"""

import dataclasses
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.domain.webhooks import EventType, Format
from service.webhooks import announcements, formats, mattermost_messages, telegram_messages
from service.webhooks.announcements import read_announcement
from service.webhooks.exchanges import Outgoing
from tests.webhooks import chat_services, receivers
from tests.webhooks.chat_services import CHECKS, build_answer, build_service, list_texts
from tests.webhooks.senders import NOW, SECRET, run_sender

BODIES = Path(__file__).parent.parent / "claims" / "webhooks"
GOLDEN = Path(__file__).parent / "chats"
WRITE_ANEW = "python -m tests.webhooks.test_chat_messages writes the golden files"
TOKEN = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
TELEGRAM_URL = "https://api.telegram.org/bot***/sendMessage?chat_id=-1001234"
CHATS = list(CHECKS)
KINDS = sorted(path.stem for path in BODIES.glob("*.json"))
HOSTILE = (
    "<!channel> <https://evil.example|our site> @here @all <@U1> *b* _i_ ~s~ `c` [x](https://e.x) "
    "<b>bold</b> &lt; {{DATE(2023-10-02T00:00:00Z,SHORT)}} :tada: # h > q\r\nBcc: a@b.c \u202e"
)


def build_outgoing(format: Format, body: bytes, url: str = "https://chat.example/x") -> Outgoing:
    is_bot = format is Format.TELEGRAM
    return Outgoing(
        "endpoint",
        TELEGRAM_URL if is_bot and url.startswith("https") else url,
        {"X-Own": "1"},
        (SECRET,),
        "evt_1",
        body,
        5.0,
        format,
        TOKEN if is_bot else None,
    )


def render(format: Format, body: bytes) -> bytes:
    return formats.FORMATS[format].render(build_outgoing(format, body), NOW).body


def build_hostile_body() -> bytes:
    """A change of a claim whose every text tries to be more than text."""
    body = orjson.loads((BODIES / "claim.status_changed.json").read_bytes())
    data = body["data"]
    data["claim"]["text"] = data["print_line"] = data["reason"] = HOSTILE
    data["claim"]["claimant"] = {"name": HOSTILE, "speaker": {"name": HOSTILE, "role": HOSTILE}}
    data["decided_by"] = HOSTILE
    for link in data["cites"]:
        link["quote"] = link["party_name"] = HOSTILE
    return orjson.dumps(body)


@pytest.mark.parametrize("format", CHATS)
@pytest.mark.parametrize("kind", KINDS)
def test_message_of_each_type_is_what_its_golden_file_has(format: Format, kind: str) -> None:
    rendering = render(format, (BODIES / f"{kind}.json").read_bytes())
    CHECKS[format](orjson.loads(rendering))
    file = GOLDEN / format / f"{kind}.json"
    assert file.exists(), WRITE_ANEW
    assert rendering + b"\n" == file.read_bytes(), f"if on purpose: {WRITE_ANEW}"


def test_every_type_of_event_has_words_and_a_golden_file() -> None:
    assert set(announcements.HEADINGS) == set(EventType), "service/webhooks/announcements.py"
    assert set(KINDS) == set(EventType), "tests.claims.test_webhook_bodies writes the bodies first"


@pytest.mark.parametrize("format", CHATS)
def test_nothing_in_a_text_of_a_claim_formats_mentions_or_links(format: Format) -> None:
    payload = orjson.loads(render(format, build_hostile_body()))
    CHECKS[format](payload)
    texts = list(list_texts(payload))
    for text in texts:
        assert "\u202e" not in text
        assert "\r" not in text
        if format is not Format.TEAMS:  # whose runs of text read no markup
            assert "<!channel>" not in text
            assert "<https://evil" not in text
            assert "<b>bold" not in text
    if format is Format.MATTERMOST:
        assert "@here" not in payload["text"]
        assert "@all" not in payload["text"]
        assert ":tada:" not in payload["text"]
        assert "[x](" not in payload["text"]
        assert " *b*" not in payload["text"]
        assert " `c`" not in payload["text"]
    if format is Format.TEAMS:
        assert not any("{{DATE" in text for text in texts)
    if format is Format.TELEGRAM:
        parser = chat_services.parse_telegram(payload["text"])
        assert parser.links == ["https://desk.example/claims/claim-1"]
        assert "<!channel> <https://evil.example|our site> @here" in parser.text


@pytest.mark.parametrize("format", CHATS)
def test_longest_texts_stay_within_what_a_service_takes(format: Format) -> None:
    """Of a claim at its bounds, with as many links, in characters that escape to five."""
    body = orjson.loads((BODIES / "claim.status_changed.json").read_bytes())
    data = body["data"]
    for name in ("print_line", "reason"):
        data[name] = "&<😀" * 2000
    data["claim"]["text"] = "&<😀" * 2000
    data["cites"] = [data["cites"][0] | {"quote": "&*_😀" * 500} for _ in range(60)]
    payload = orjson.loads(render(format, orjson.dumps(body)))
    CHECKS[format](payload)
    assert any("https://desk.example/claims/claim-1" in text for text in list_texts(payload))


@pytest.mark.parametrize("format", CHATS)
def test_notice_with_a_summary_and_items_is_told_in_its_words(format: Format) -> None:
    """A person's digest: each item, and the link by which it is stopped."""
    data: dict[str, Any] = {
        "summary": "Three claims changed",
        "items": [
            {"summary": f"Confirmed: “Claim {i}”", "url": f"https://desk.example/claims/{i}"}
            for i in range(3)
        ],
        "unsubscribe": "https://desk.example/unsubscribe/abc",
    }
    body = orjson.dumps(
        {"type": "notice.digest", "timestamp": "2023-10-02T12:00:00Z", "data": data}
    )
    payload = orjson.loads(render(format, body))
    CHECKS[format](payload)
    texts = "\n".join(list_texts(payload))
    for words in ("Three claims changed", "Claim 2", "https://desk.example/unsubscribe/abc"):
        assert words in texts


@pytest.mark.parametrize("format", CHATS)
async def test_service_of_a_format_takes_every_type_of_event(format: Format) -> None:
    async with receivers.run_receiver(build_service(format)) as there, run_sender() as sender:
        url = there.url
        if format is Format.TELEGRAM:
            url = f"http://127.0.0.1:{there.port}/bot***/sendMessage?chat_id=-1001234"
        for kind in KINDS:
            body = (BODIES / f"{kind}.json").read_bytes()
            answer = await sender.send(build_outgoing(format, body, url))
            assert answer.delivered, (kind, answer)
        assert all(b"X-Own: 1" in request for request in there.requests)
        assert not any(b"webhook-signature" in request for request in there.requests)
        if format is Format.TELEGRAM:
            line = there.requests[0].split(b"\r\n")[0]
            assert line == f"POST /bot{TOKEN}/sendMessage HTTP/1.1".encode()


@pytest.mark.parametrize(
    ("format", "answer", "error", "wait"),
    [
        (Format.SLACK, build_answer(400, b"no_text"), "the receiver answered 400", None),
        (Format.SLACK, build_answer(404, b"no_service"), "the receiver answered 404", None),
        (Format.SLACK, build_answer(429, b"", b"Retry-After: 30"), "the receiver answered 429", 30),
        (Format.MATTERMOST, build_answer(400, b"{}"), "the receiver answered 400", None),
        (
            Format.TEAMS,
            build_answer(200, b"Webhook message delivery failed with error: HTTP error 429"),
            "Webhook message delivery failed with error: HTTP error 429",
            None,
        ),
        (
            Format.TELEGRAM,
            build_answer(200, b'{"ok":false,"description":"Bad Request: chat not found"}'),
            "Telegram refused it: Bad Request: chat not found",
            None,
        ),
        (
            Format.TELEGRAM,
            build_answer(
                429,
                b'{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 9",'
                b'"parameters":{"retry_after":9}}',
            ),
            "Telegram refused it: Too Many Requests: retry after 9",
            9,
        ),
        (Format.TELEGRAM, build_answer(502, b"<html>"), "the receiver answered 502", None),
        (Format.TELEGRAM, build_answer(502, b"[]"), "the receiver answered 502", None),
    ],
)
async def test_refusal_of_a_service_is_a_failure_that_says_why(
    format: Format, answer: bytes, error: str, wait: int | None
) -> None:
    async with (
        receivers.run_receiver(receivers.build_closing(answer)) as there,
        run_sender() as sender,
    ):
        url = f"http://127.0.0.1:{there.port}/bot***/sendMessage?chat_id=-1"
        outgoing = build_outgoing(format, (BODIES / "claim.merged.json").read_bytes(), url)
        result = await sender.send(outgoing)
    assert not result.delivered
    assert (result.error or f"the receiver answered {result.status}") == error
    assert (result.retry_after.total_seconds() if result.retry_after else None) == wait


def test_changes_of_one_claim_are_one_announcement() -> None:
    bodies = [
        (BODIES / f"{kind}.json").read_bytes()
        for kind in ("link.created", "claim.status_changed", "claim.status_changed")
    ]
    announcement = read_announcement(bodies)
    assert announcement.heading == (
        "State Department asks for confirmation; " + read_announcement(bodies[1:2]).heading
    )
    assert announcement.print_line == read_announcement(bodies[2:]).print_line
    assert len({*announcement.facts}) == len(announcement.facts)
    assert (
        dataclasses.replace(read_announcement(bodies, with_quotes=False), heading="").quotes == ()
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://api.telegram.org/sendMessage?chat_id=1",
        "https://api.telegram.org/bot123:abc/sendMessage",
        "https://api.telegram.org/bot123:abc/sendMessage?chat_id=x y",
        "https://api.telegram.org/bot123:abc/sendMessage?chat_id=1&text=hello",
        "https://api.telegram.org/botabc/sendMessage?chat_id=1",
        "https://api.telegram.org/bot123:abc/sendPhoto?chat_id=1",
    ],
)
def test_address_of_a_bot_names_token_and_chat_alone(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        telegram_messages.parse_address(*telegram_messages.split_token(url))


def test_bots_on_servers_of_ones_own_and_topics_are_reached() -> None:
    url, token = telegram_messages.split_token(
        "https://bots.example:8081/api/bot1:a/sendMessage?chat_id=@news&message_thread_id=4"
    )
    assert (url.count("1:a"), token) == (0, "1:a")
    address = telegram_messages.parse_address(url, token)
    assert (address.chat, address.topic) == ("@news", 4)
    full_address = telegram_messages.complete_address(url, token)
    assert full_address == "https://bots.example:8081/api/bot1:a/sendMessage"


def test_long_words_of_an_address_do_not_become_links_in_mattermost() -> None:
    escaped_text = mattermost_messages.escape_text("see https://evil.example and www.evil.example")
    assert "https://" not in escaped_text
    assert "www." not in escaped_text


if __name__ == "__main__":
    for format_written in CHATS:
        for kind_written in KINDS:
            folder = GOLDEN / format_written
            folder.mkdir(parents=True, exist_ok=True)
            source = (BODIES / f"{kind_written}.json").read_bytes()
            (folder / f"{kind_written}.json").write_bytes(render(format_written, source) + b"\n")
