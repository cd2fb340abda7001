"""Notices and mails to contacts, as each chat and a mail have them: each is its golden file."""

import orjson
import pytest

from service.domain.notices import NoticeKind
from service.domain.webhooks import Format
from tests.webhooks.chat_services import CHECKS
from tests.webhooks.notice_bodies import CONTACT_MAILS, NOTICES, SUMMARIES
from tests.webhooks.test_chat_messages import CHATS, GOLDEN
from tests.webhooks.test_chat_messages import render as render_chat
from tests.webhooks.test_mails import parse, read_text
from tests.webhooks.test_mails import render as render_mail

MAILS = {**NOTICES, **CONTACT_MAILS}


def test_every_kind_of_notice_has_a_body() -> None:
    assert set(SUMMARIES) == set(NoticeKind)


@pytest.mark.parametrize("format", CHATS)
@pytest.mark.parametrize("kind", sorted(NOTICES))
def test_notice_in_a_chat_is_what_its_golden_file_has(format: Format, kind: str) -> None:
    rendering = render_chat(format, NOTICES[kind])
    CHECKS[format](orjson.loads(rendering))
    assert rendering + b"\n" == (GOLDEN / format / f"{kind}.json").read_bytes()


@pytest.mark.parametrize("kind", sorted(MAILS))
def test_mail_of_a_notice_is_what_its_golden_file_has(kind: str) -> None:
    """Its plain text has at most 72 columns, but for addresses, which stand alone."""
    raw = render_mail(MAILS[kind])
    assert raw == (GOLDEN / "email" / f"{kind}.eml").read_bytes()
    for line in read_text(parse(raw)).splitlines():
        assert len(line) <= 72 or line.strip().startswith("https://"), line


if __name__ == "__main__":  # writes the golden files anew
    for format_written in CHATS:
        for kind_written, body in NOTICES.items():
            path = GOLDEN / format_written / f"{kind_written}.json"
            path.write_bytes(render_chat(format_written, body) + b"\n")
    for kind_written, body in MAILS.items():
        (GOLDEN / "email" / f"{kind_written}.eml").write_bytes(render_mail(body))
