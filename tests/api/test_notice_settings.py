"""Where and when people are told: mail to a real mail server, chat, digests, and the way out."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from sqlalchemy import func, select, update

from service.config import Settings
from service.domain.notices import NoticeKind
from service.store.engine import Connection
from service.store.tables import notice_mailings, users
from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support import desk as support
from tests.support.desk import Desk, Json
from tests.support.inboxes import follow, read_inbox, tell_people
from tests.webhooks.mail_servers import MailServer, run_mail_server
from tests.webhooks.receivers import OK, Receiver, run_receiver
from tests.webhooks.running import run_dispatcher, wait_until

EVERYTHING = {kind: {"mail": "at_once", "chat": False} for kind in NoticeKind}


@asynccontextmanager
async def run_mailing_desk(settings: Settings) -> AsyncIterator[tuple[Desk, MailServer]]:
    """A desk that sends mail, and the mail server."""
    async with run_mail_server() as server:
        mailing = settings.model_copy(
            update={
                "smtp_url": Settings(
                    database_url="sqlite:///unused.db",
                    smtp_url=f"smtp://127.0.0.1:{server.port}?starttls=off",
                    mail_from="Desk <desk@claims.example>",
                ).smtp_url,
                "mail_from": "Desk <desk@claims.example>",
            }
        )
        async with support.run_desk(mailing) as desk, run_dispatcher(mailing, desk.database):
            await desk.record_parties()
            yield desk, server


async def choose(client: httpx.AsyncClient, **body: Any) -> Json:
    answer = await client.put("/v1/me/notices", json=body)
    assert answer.status_code == 200, answer.text
    settings: Json = answer.json()
    return settings


async def wait_for_mails(server: MailServer, count: int) -> list[EmailMessage]:
    await wait_until(lambda: len(server.mails) >= count)
    assert len(server.mails) == count
    return server.mails


def read_body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_settings_are_read_and_changed(settings: Settings) -> None:
    """Kinds that are not named come to the inbox alone; what is wrong changes nothing."""
    async with run_mailing_desk(settings) as (desk, _):
        first = (await desk.editor.get("/v1/me/notices")).json()
        assert first["kinds"] == {kind: {"mail": "off", "chat": False} for kind in NoticeKind}
        assert (first["mail"], first["chat"]) == ("editor@keys.example", None)
        body = {
            "kinds": {"change": {"mail": "digest"}, "approval": {"mail": "at_once", "chat": True}},
            "digest_hour": 7,
            "time_zone": "Europe/Belgrade",
            "quiet_from": "22:00",
            "quiet_until": "06:30",
        }
        changed_settings = await choose(desk.editor, **body)
        assert changed_settings["kinds"]["change"] == {"mail": "digest", "chat": False}
        assert changed_settings["kinds"]["approval"] == {"mail": "at_once", "chat": True}
        assert changed_settings["kinds"]["due"] == {"mail": "off", "chat": False}
        assert changed_settings["time_zone"] == "Europe/Belgrade"
        assert (await desk.editor.get("/v1/me/notices")).json() == changed_settings
        async with nothing_changes(desk):
            for field, value in (
                ("time_zone", "Belgrade/Europe"),
                ("digest_hour", 24),
                ("quiet_from", "25:00"),
            ):
                answer = await desk.editor.put("/v1/me/notices", json={**body, field: value})
                require_field_error(answer, "body", field)
            wrong_bodies: tuple[Json, ...] = (
                {"kinds": {}, "quiet_from": "22:00"},
                {},
                {"kinds": {"weather": {}}},
                {"kinds": {}, "chat": {"format": "standard", "url": "https://chat.example/x"}},
            )
            for wrong_body in wrong_bodies:
                answer = await desk.editor.put("/v1/me/notices", json=wrong_body)
                require_problem(answer, "invalid-request")
        require_problem(await desk.reader.get("/v1/me/notices"), "key-without-person")


async def test_time_zone_is_that_of_the_account_unless_one_is_named(desk: Desk) -> None:
    await set_person(desk, desk.editor, time_zone="Europe/Belgrade")
    read = (await desk.editor.get("/v1/me/notices")).json()
    assert read["time_zone"] == "Europe/Belgrade"
    assert (await choose(desk.editor, kinds={}))["time_zone"] == "Europe/Belgrade"
    own_settings = await choose(desk.editor, kinds={}, time_zone="Europe/Paris")
    assert own_settings["time_zone"] == "Europe/Paris"
    assert (await choose(desk.editor2, kinds={}))["time_zone"] == "UTC"


async def test_desk_without_mail_server_takes_no_mail(desk: Desk) -> None:
    answer = await desk.editor.put("/v1/me/notices", json={"kinds": EVERYTHING})
    assert "sends no mail" in require_field_error(answer, "body", "kinds")


async def test_mail_comes_at_once_and_ends_by_its_own_link(settings: Settings) -> None:
    """One for each notice, threaded by claim; a GET of the link changes nothing, a POST without
    signing in ends mails of that kind, and only those."""
    async with run_mailing_desk(settings) as (desk, server):
        await choose(desk.editor, kinds=EVERYTHING)
        claim = (await desk.record_claim(text="Serbia <b>reduced</b> its troops"))["id"]
        await tell_people(desk)
        await follow(desk.editor, {"claim": claim})
        await desk.link_statement(claim, "comments", "pristina")
        await tell_people(desk)
        [mail] = await wait_for_mails(server, 1)
        assert server.envelopes[0].rcpt_tos == ["editor@keys.example"]
        assert mail["Subject"].strip() == (
            "Pristina comments, recorded by checker: Serbia <b>reduced</b> its troops"
        )
        assert mail["References"] == f"<claim.{claim}@claims.example>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = mail["List-Unsubscribe"].strip("<>")
        assert link in read_body(mail)
        assert f"{desk.settings.base_url}/claims/{claim}" in read_body(mail)
        path = urlsplit(link).path
        page = await desk.public.get(path)
        assert page.status_code == 200
        assert "changes of what you follow" in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert (await desk.editor.get("/v1/me/notices")).json()["kinds"] == EVERYTHING
        answer = await desk.public.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        kinds = (await desk.editor.get("/v1/me/notices")).json()["kinds"]
        assert kinds["change"]["mail"] == "off"
        assert kinds["approval"]["mail"] == "at_once"
        await desk.link_statement(claim, "comments", "nato")
        link_id = (await desk.link_statement(claim, "supports", "nato"))["id"]
        await desk.change_status(claim, "confirmed", cites=[link_id])
        await tell_people(desk)
        _, second = await wait_for_mails(server, 2)
        assert (
            second["Subject"]
            .strip()
            .startswith("checker proposes the status “Confirmed”, which waits")
        )
        for wrong_path in (path[:-1], path.replace(".change.", ".approval."), "/unsubscribe/x"):
            assert (await desk.public.get(wrong_path)).status_code == 404
            assert (await desk.public.post(wrong_path)).status_code == 404


async def test_digest_comes_at_its_hour_with_what_is_unread_by_then(settings: Settings) -> None:
    async with run_mailing_desk(settings) as (desk, server):
        kinds = {"change": {"mail": "digest"}}
        await choose(desk.editor, kinds=kinds, digest_hour=8, time_zone="Europe/Belgrade")
        claims = [
            (await desk.record_claim(text=text))["id"] for text in ("One left", "Two", "Three")
        ]
        for claim in claims:
            await follow(desk.editor, {"claim": claim})
            await desk.link_statement(claim, "comments", "pristina")
            await tell_people(desk)
        newest = (await read_inbox(desk.editor))[0]
        await desk.editor.post("/v1/inbox/read", json={"ids": [newest["id"]]})
        assert server.mails == []
        desk.clock.now = desk.clock.now.replace(day=3, hour=5, minute=58)
        await tell_people(desk)
        assert server.mails == []
        desk.clock.advance(minutes=2)
        await tell_people(desk)
        [mail] = await wait_for_mails(server, 1)
        assert mail["Subject"] == "2 notices"
        text = read_body(mail)
        assert "One left" in text
        assert "Three" not in text
        assert ".all." in mail["List-Unsubscribe"]
        answer = await desk.public.post(urlsplit(mail["List-Unsubscribe"].strip("<>")).path)
        assert "Mails to you have ended" in answer.text


async def test_quiet_hours_hold_back_and_send_together(settings: Settings) -> None:
    async with run_mailing_desk(settings) as (desk, server):
        await choose(
            desk.editor, kinds=EVERYTHING, quiet_from="11:00", quiet_until="14:00", digest_hour=3
        )
        claim = (await desk.record_claim())["id"]
        await follow(desk.editor, {"claim": claim})
        for party in ("pristina", "nato"):
            await desk.link_statement(claim, "comments", party)
            await tell_people(desk)
        assert server.mails == []
        desk.clock.now = desk.clock.now.replace(hour=14, minute=0)
        await tell_people(desk)
        [mail] = await wait_for_mails(server, 1)
        assert mail["Subject"] == "2 notices"


async def set_person(desk: Desk, client: httpx.AsyncClient, **values: Any) -> None:
    person = (await client.get("/v1/me")).json()["id"]

    def change(connection: Connection) -> None:
        connection.execute(update(users).where(users.c.id == person).values(values))

    await desk.database.write(change)


async def test_account_without_an_address_of_mail_holds_up_no_mail_of_others(
    settings: Settings,
) -> None:
    """An account signs in with any name with an @; mail goes to addresses that servers take."""
    async with run_mailing_desk(settings) as (desk, server):
        for client in (desk.editor, desk.editor2):
            await choose(client, kinds=EVERYTHING)
        claim = (await desk.record_claim())["id"]
        for client in (desk.editor, desk.editor2):
            await follow(client, {"claim": claim})
        for email in ("jürgen@paper.example", "a,b@paper.example", "=?x?q?a?=@paper.example"):
            await set_person(desk, desk.editor, email=email)
            answer = await desk.editor.put("/v1/me/notices", json={"kinds": EVERYTHING})
            assert "mail cannot be sent to" in require_field_error(answer, "body", "kinds")
        await choose(desk.editor, kinds={})
        await set_person(desk, desk.editor, email="editor@paper.example")
        await choose(desk.editor, kinds=EVERYTHING)
        await set_person(desk, desk.editor, email="jürgen@paper.example")
        await set_person(desk, desk.editor2, email="two%6f@paper.example")
        await desk.link_statement(claim, "comments", "pristina")
        await tell_people(desk)
        await wait_for_mails(server, 1)
        assert server.envelopes[0].rcpt_tos == ["two%6f@paper.example"]


async def test_nothing_internal_is_sent_to_who_left_the_desk(settings: Settings) -> None:
    """Also of what was planned before; a disabled person is sent nothing, and whoever has another
    address gets mail there."""
    async with run_mailing_desk(settings) as (desk, server):
        kinds = {kind: {"mail": "digest"} for kind in NoticeKind}
        for client in (desk.editor, desk.editor2, desk.checker2):
            await choose(client, kinds=kinds, digest_hour=8)
        claim = (await desk.record_claim())["id"]
        link = (await desk.link_statement(claim, "supports", "nato"))["id"]
        await desk.change_status(claim, "confirmed", cites=[link])
        await tell_people(desk)
        await set_person(desk, desk.editor, role="reader")
        await set_person(desk, desk.editor2, email="new@paper.example")
        await set_person(desk, desk.checker2, disabled_at=desk.clock())
        desk.clock.advance(days=1)
        await tell_people(desk)
        [mail] = await wait_for_mails(server, 1)
        assert server.envelopes[0].rcpt_tos == ["new@paper.example"]
        assert "waits for you" in mail["Subject"]

        def count(connection: Connection) -> int:
            return connection.execute(
                select(func.count()).select_from(notice_mailings)
            ).scalar_one()

        assert await desk.database.read(count) == 0


async def test_chat_tells_in_the_chats_own_form(desk: Desk, settings: Settings) -> None:
    """Its address is a secret: only its host is shown, and administrators do not see it."""
    await desk.record_parties()

    async def take(receiver: Receiver, reader: Any, writer: Any) -> None:
        await receiver.request(reader)
        await receiver.send(writer, OK)

    async with run_receiver(take) as receiver, run_dispatcher(settings, desk.database):
        chat = {"format": "slack", "url": f"{receiver.url}/T0/secret"}
        chat_settings = await choose(
            desk.editor, kinds={"change": {"mail": "off", "chat": True}}, chat=chat
        )
        assert chat_settings["chat"] == {
            "format": "slack",
            "host": "127.0.0.1",
            "state": "active",
            "last_error": None,
        }
        assert (await desk.admin.get("/v1/webhooks")).json()["items"] == []
        claim = (await desk.record_claim(text="Serbia <!channel> left"))["id"]
        await tell_people(desk)
        await follow(desk.editor, {"claim": claim})
        await desk.link_statement(claim, "comments", "pristina")
        await tell_people(desk)
        await wait_until(lambda: len(receiver.requests) == 1)
        message = orjson.loads(receiver.requests[0].partition(b"\r\n\r\n")[2])
        assert message["text"].startswith("Pristina comments, recorded by checker: Serbia &lt;!ch")
        assert "unsubscribe" not in str(message)
        kept_settings = await choose(desk.editor, kinds={"change": {"chat": True}})
        assert kept_settings["chat"] == chat_settings["chat"]
        settings_without = await choose(desk.editor, kinds={"change": {"chat": True}}, chat=None)
        assert settings_without["chat"] is None
        await desk.link_statement(claim, "comments", "nato")
        await tell_people(desk)
        assert len(receiver.requests) == 1


async def test_address_that_the_guard_refuses_is_no_chat(desk: Desk) -> None:
    chat = {"format": "slack", "url": "http://169.254.169.254/latest"}
    answer = await desk.editor.put("/v1/me/notices", json={"kinds": {}, "chat": chat})
    require_field_error(answer, "body", "chat", "url")


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_unsubscribing_address_is_never_logged(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    loud = settings.model_copy(
        update={"log_format": "json", "log_level": "info", "access_log": "all"}
    )
    async with support.run_desk(loud) as desk:
        await desk.public.post("/unsubscribe/a-secret-token")
    log_text = capfd.readouterr().err
    assert re.search(r"/unsubscribe/…", log_text)
    assert "a-secret-token" not in log_text
