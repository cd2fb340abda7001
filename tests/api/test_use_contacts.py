"""Contacts of printed claims, through the API: asked once by mail, confirmed by a page, told of
what is outdated, and forgotten."""

import asyncio
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from service.config import Settings
from service.domain.uses import UseState
from service.store.engine import Connection
from service.store.tables import contact_addresses, events
from service.store.webhook_tables import webhooks
from service.uses import contact_addresses as commands
from service.webhooks import retention
from tests.api.problems import require_problem
from tests.api.test_holds import hold_claim
from tests.api.test_merging import merge
from tests.api.test_notice_settings import read_body, run_mailing_desk, wait_for_mails
from tests.api.test_reversals import require_sound_record
from tests.api.test_uses import read_use, record_use, settle
from tests.support.desk import Desk
from tests.support.inboxes import tell_people
from tests.webhooks.running import wait_until

ADDRESS = "night.desk@paper.example"


def find_link(mail: EmailMessage) -> str:
    """Return the path of the link by which an address is confirmed."""
    [link] = [line for line in read_body(mail).splitlines() if ".confirm." in line]
    return urlsplit(link).path


def find_way_out(mail: EmailMessage) -> str:
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return urlsplit(str(mail["List-Unsubscribe"]).strip("<>")).path


async def press(client: httpx.AsyncClient, path: str, **fields: str) -> str:
    """Press the button of the page at a link, and return the words of the page after it."""
    before = await client.get(path)
    assert before.status_code == 200, before.text
    assert before.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in before.headers["cache-control"]
    after = await client.post(path, data=fields)
    assert after.status_code == 200, after.text
    return after.text


async def test_contact_is_asked_at_the_address_as_it_is_written(settings: Settings) -> None:
    """A percent sign is a letter of an address: in a mailto: URL it would spell another, and the
    same person were asked as often as there are spellings."""
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        addresses = ["%6eight.desk@paper.example", "night.d%65sk@paper.example", "a%0ab@paper.com"]
        for address in addresses:
            use = await record_use(desk, claim, contact=address)
            assert (use["contact"], use["contact_state"]) == (address, "asked")
        mails = await wait_for_mails(server, 3)
        assert sorted(mail["To"] for mail in mails) == sorted(addresses)
        recipients = [envelope.rcpt_tos for envelope in server.envelopes]
        assert sorted(recipients) == sorted([address] for address in addresses)


async def test_encoded_word_is_no_address_of_mail(settings: Settings) -> None:
    """Mail programs show another address in its place (RFC 2047)."""
    async with run_mailing_desk(settings) as (desk, _):
        claim = (await desk.record_claim())["id"]
        for contact in ("=?utf-8?q?a=2C_b?=@paper.example", "=?x?q?a?=@paper.example"):
            use = await record_use(desk, claim, contact=contact)
            assert (use["contact"], use.get("contact_state")) == (contact, None)


async def find_text(desk: Desk, text: str) -> int:
    """Count the lines of the record, the endpoints and the addresses that hold a text."""

    def count(connection: Connection) -> int:
        places = (events.c.data, webhooks.c.url, contact_addresses.c.address)
        return sum(
            connection.execute(select(func.count()).where(place.contains(text))).scalar_one()
            for place in places
        )

    return await desk.database.read(count)


async def test_contact_is_told_once_the_address_is_confirmed(settings: Settings) -> None:
    """Looking at the link confirms nothing; what was outdated meanwhile is told when it is
    confirmed, once, and each later change in one mail."""
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim(text="Serbia reduced its troops"))["id"]
        use = await record_use(desk, claim, contact=ADDRESS, title="Buy at https://spam.example")
        assert (use["contact"], use["contact_state"]) == (ADDRESS, "asked")
        [question] = await wait_for_mails(server, 1)
        assert server.envelopes[0].rcpt_tos == [ADDRESS]
        assert question["Subject"] == "Do you want mail when a claim that you printed changes?"
        assert "spam" not in read_body(question)
        assert "Serbia" not in read_body(question)
        assert (await desk.public.get(find_link(question))).status_code == 200
        assert (await read_use(desk, use["id"]))["contact_state"] == "asked"
        await hold_claim(desk, claim)
        await tell_people(desk)
        assert len(server.mails) == 1
        assert "Your address is confirmed" in await press(desk.public, find_link(question))
        assert (await read_use(desk, use["id"]))["contact_state"] == "confirmed"
        _, mail_message = await wait_for_mails(server, 2)
        assert mail_message["Subject"] == (
            "Update: more is known of what you printed: Serbia reduced its troops"
        )
        assert mail_message["References"] == f"<claim.{claim}@claims.example>"
        body = " ".join(read_body(mail_message).split())
        assert f"Could be printed then: {use['print_line']}" in body
        assert f"Printed: {use['title']}, {use['url']}" in body
        now = (await desk.read_claim(claim))["print_line"]
        assert f"May be printed now: {now}" in body
        await press(desk.public, find_link(question))
        await tell_people(desk)
        assert len(server.mails) == 2
        await settle(desk, use["id"], "acknowledgement", desk.reader, note="Updated")
        answer = await desk.checker.post(f"/v1/claims/{claim}/void", json={"reason": "a secret"})
        assert answer.status_code == 200
        await tell_people(desk)
        *_, kill = await wait_for_mails(server, 3)
        assert kill["Subject"].startswith("Kill: take back what you printed")
        assert "a secret" not in read_body(kill)
        await require_sound_record(desk)


async def test_nobody_is_asked_twice_nor_told_who_was_not_asked(settings: Settings) -> None:
    """Not under other capitals, not for another use, and never who ended it."""
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        first = await record_use(desk, claim, contact=ADDRESS)
        await record_use(desk, claim, contact=ADDRESS.upper())
        await record_use(desk, claim, contact="night desk, +381 11 000")
        [question] = await wait_for_mails(server, 1)
        await hold_claim(desk, claim)
        await tell_people(desk)
        assert "writes to your address no more" in await press(
            desk.public, find_way_out(question), **{"List-Unsubscribe": "One-Click"}
        )
        assert (await read_use(desk, first["id"]))["contact_state"] == "stopped"
        second_use = await record_use(desk, claim, contact=ADDRESS)
        assert second_use["contact_state"] == "stopped"
        await tell_people(desk)
        assert len(server.mails) == 1


async def test_several_places_are_one_mail_and_end_by_it(settings: Settings) -> None:
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        for number in range(2):
            await record_use(desk, claim, contact=ADDRESS, url=f"https://paper.example/{number}")
        [question] = await wait_for_mails(server, 1)
        await press(desk.public, find_link(question))
        await hold_claim(desk, claim)
        await tell_people(desk)
        _, mail_message = await wait_for_mails(server, 2)
        assert "(2 places)" in mail_message["Subject"]
        await press(desk.public, find_way_out(mail_message))
        hold = await desk.checker.delete(f"/v1/claims/{claim}/hold")
        assert hold.status_code == 200, hold.text
        await desk.checker.post(f"/v1/claims/{claim}/void", json={"reason": "a parody"})
        await tell_people(desk)
        assert len(server.mails) == 2


async def test_address_is_seen_by_the_desk_and_deleted_from_all_of_it(settings: Settings) -> None:
    """The record never has it; once deleted, no table does, and nobody is asked again."""
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        use = await record_use(desk, claim, contact=ADDRESS)
        other = await record_use(desk, claim, desk.editor, contact=ADDRESS)
        await wait_for_mails(server, 1)
        use_view = await read_use(desk, other["id"], desk.reader)
        assert (use_view["contact"], use_view["contact_state"]) == (None, None)
        assert (await desk.admin.get("/v1/webhooks")).json()["items"] == []
        refusal = await desk.reader.delete(f"/v1/uses/{other['id']}/contact")
        require_problem(refusal, "forbidden")
        assert (await read_use(desk, other["id"]))["contact"] == ADDRESS
        for deleted, remaining in ((use, 2), (other, 1)):
            answer = await desk.checker.delete(f"/v1/uses/{deleted['id']}/contact")
            assert answer.status_code == 200, answer.text
            assert (answer.json()["contact"], answer.json()["contact_state"]) == (None, None)
            assert await find_text(desk, ADDRESS) == remaining
        while await desk.database.write(retention.delete_old_deliveries, now=desk.clock()):
            pass
        assert await find_text(desk, ADDRESS) == 0
        second_answer = await desk.checker.delete(f"/v1/uses/{use['id']}/contact")
        require_problem(second_answer, "already-settled")
        await record_use(desk, claim, contact=ADDRESS)
        await tell_people(desk)
        assert len(server.mails) == 1
        await require_sound_record(desk)


async def test_contact_deletes_the_address_by_the_mail_itself(settings: Settings) -> None:
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        use = await record_use(desk, claim, contact=ADDRESS)
        [question] = await wait_for_mails(server, 1)
        await press(desk.public, find_way_out(question), erase="1")
        assert (await read_use(desk, use["id"]))["contact"] is None
        while await desk.database.write(retention.delete_old_deliveries, now=desk.clock()):
            pass
        assert await find_text(desk, ADDRESS) == 0
        assert (await desk.public.get(find_link(question))).status_code == 404
        assert (await desk.public.post(find_link(question))).status_code == 404


async def test_one_recorder_has_only_so_many_asked_within_an_hour(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait for their turn, and are asked then."""
    monkeypatch.setattr(commands, "MOST_OF_ONE", 2)
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        uses = [
            await record_use(desk, claim, contact=f"desk{number}@paper.example")
            for number in range(3)
        ]
        assert [use["contact_state"] for use in uses] == ["asked", "asked", "waiting"]
        other = await record_use(desk, claim, desk.editor, contact="else@paper.example")
        assert other["contact_state"] == "asked"
        await wait_for_mails(server, 3)
        notifier = desk.app.state.services.notifier
        await notifier.clean_up()
        assert len(server.mails) == 3
        desk.clock.advance(minutes=61)
        await notifier.clean_up()
        await wait_for_mails(server, 4)
        assert (await read_use(desk, uses[2]["id"]))["contact_state"] == "asked"


async def test_two_clients_at_once_find_room_one_by_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks in the same moment does not both get the last free place of the hour."""
    monkeypatch.setattr(commands, "MOST_OF_ALL", 3)
    async with run_mailing_desk(settings) as (desk, server):
        claims = [(await desk.record_claim())["id"] for _ in range(8)]
        uses = await asyncio.gather(
            *(
                record_use(
                    desk,
                    claim,
                    (desk.checker, desk.editor)[number % 2],
                    contact=f"desk{number}@paper.example",
                )
                for number, claim in enumerate(claims)
            )
        )
        states = sorted(use["contact_state"] for use in uses)
        assert states == ["asked"] * 3 + ["waiting"] * 5
        await wait_for_mails(server, 3)


async def test_forged_links_do_nothing(settings: Settings) -> None:
    async with run_mailing_desk(settings) as (desk, server):
        claim = (await desk.record_claim())["id"]
        use = await record_use(desk, claim, contact=ADDRESS)
        [question] = await wait_for_mails(server, 1)
        link, way_out = find_link(question), find_way_out(question)
        swapped = way_out.replace(".stop.", ".confirm.")
        for path in (link[:-1], swapped, "/contact/x", "/contact/a.confirm.b"):
            assert (await desk.public.get(path)).status_code == 404
            assert (await desk.public.post(path)).status_code == 404
        assert (await read_use(desk, use["id"]))["contact_state"] == "asked"


async def test_desk_that_sends_no_mail_keeps_the_address_and_asks_nobody(desk: Desk) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    use = await record_use(desk, claim, contact=ADDRESS)
    assert (use["contact"], use["contact_state"]) == (ADDRESS, "waiting")
    desk.clock.advance(hours=2)
    await desk.app.state.services.notifier.clean_up()
    assert (await read_use(desk, use["id"]))["contact_state"] == "waiting"


async def test_use_that_goes_on_after_a_merge_keeps_its_contact(settings: Settings) -> None:
    async with run_mailing_desk(settings) as (desk, server):
        kept_claim, merged = [(await desk.record_claim())["id"] for _ in range(2)]
        use = await record_use(desk, merged, contact=ADDRESS)
        [question] = await wait_for_mails(server, 1)
        await press(desk.public, find_link(question))
        assert (await merge(desk, merged, kept_claim)).status_code == 200
        await settle(desk, use["id"], "acknowledgement", desk.reader, note="Seen")
        items = (await desk.checker.get("/v1/uses", params={"claim": kept_claim})).json()["items"]
        assert [(item["contact"], item["contact_state"]) for item in items] == [
            (ADDRESS, "confirmed")
        ]
        assert items[0]["state"] == UseState.CURRENT


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_address_and_links_are_never_logged(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nor what a mail server that refuses says of it."""
    loud: dict[str, Any] = {"log_format": "json", "log_level": "info", "access_log": "all"}
    async with run_mailing_desk(settings.model_copy(update=loud)) as (desk, server):
        server.rcpt = f"550 <{ADDRESS}>: no such mailbox"
        claim = (await desk.record_claim())["id"]
        await record_use(desk, claim, contact=ADDRESS)
        await desk.public.post("/contact/a-secret-token")

        def read_error(connection: Connection) -> bool:
            error = connection.scalar(select(webhooks.c.last_error)) or ""
            return "<…>: no such mailbox" in error

        await wait_until(lambda: desk.database.read(read_error))
    log_text = capfd.readouterr().err
    assert "/contact/…" in log_text
    assert "a-secret-token" not in log_text
    assert ADDRESS not in log_text
