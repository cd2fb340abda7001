"""What finds its people, in Chromium: counts that move by themselves, mails and chats that come
once, names completed by keys, what waits for nobody, and one's own time zone."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from playwright.async_api import Browser, Page, expect

from service.domain.webhooks import Format
from tests.desk.browser import acts
from tests.desk.browser.conftest import Desk, Windows, sign_in_by
from tests.faults import served
from tests.support import browsing
from tests.webhooks.chat_services import build_service
from tests.webhooks.mail_servers import MailServer, run_mail_server
from tests.webhooks.receivers import Receiver, run_receiver
from tests.webhooks.running import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANA, BEN = "ana@example.org", "ben@example.org"
KINDS = {
    kind: {"mail": "at_once", "chat": True}
    for kind in ("approval", "decision", "mention", "assignment")
}
BEFORE_POLL = 15_000
"""Milliseconds in which a count must have moved: pages look by themselves after 20 s."""


@contextmanager
def run_mailing_desk(folder: Path, port: int) -> Iterator[Desk]:
    """A desk of its own, which sends mail: what others propose elsewhere counts for nobody here."""
    url = f"sqlite:///{folder / 'claimdesk.db'}"
    settings = {
        "CLAIMDESK_WEBHOOK_ALLOW_HTTP": "on",
        "CLAIMDESK_WEBHOOK_ALLOW_CIDRS": "127.0.0.0/8",
        "CLAIMDESK_SMTP_URL": f"smtp://127.0.0.1:{port}?starttls=off",
        "CLAIMDESK_MAIL_FROM": "desk@claims.example",
    }
    with served.serve(url, folder, "--seed", **settings) as server:
        yield Desk(server, url, folder)


async def choose_channels(desk: Desk, name: str, role: str, chat: str) -> str:
    """Have a person told of everything by mail and chat; returns the link that signs them in."""
    link = desk.create_sign_in_link(name, role)
    email = f"{name.lower()}@example.org"
    key = json.loads(
        desk.run("keys", "create", "--name", f"{name}’s", "--role", role, "--user", email, "--json")
    )["key"]
    body = {"kinds": KINDS, "chat": {"format": "slack", "url": chat}}
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {key}"}
        answer = await client.put("/v1/me/notices", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return link


async def require_counts(pages: list[Page], count: int) -> None:
    """Wait until every page says in its menu how much waits."""
    words = str(count) if count else ""
    for page in pages:
        await expect(page.locator("#work-count")).to_have_text(words, timeout=BEFORE_POLL)


async def propose(page: Page, claim: str, reason: str) -> None:
    await page.goto(f"/claims/{claim}")
    await page.locator("input[name=to][value=confirmed]").check()
    await page.fill("#reason", reason)
    await browsing.follow(page.get_by_role("button", name="Decide"))
    await expect(page.locator(".pending h2")).to_contain_text("You propose")


def list_mails(server: MailServer) -> list[tuple[str, str]]:
    """List who got which mails, without the text of the claim."""
    return [
        (envelope.rcpt_tos[0], str(mail["Subject"]).partition(":")[0])
        for envelope, mail in zip(server.envelopes, server.mails, strict=True)
    ]


def list_chat(receiver: Receiver) -> list[str]:
    bodies = [request.partition(b"\r\n\r\n")[2] for request in receiver.requests]
    return [orjson.loads(body)["text"].partition(":")[0] for body in bodies]


async def test_two_people_in_three_browsers_are_told_of_each_other(
    browser: Browser, tmp_path: Path
) -> None:
    """Ana has two windows, Ben one. Each count moves without a reload; of each proposal, mention,
    rejection and approval one mail and one message in the chat, and nothing of one's own acts."""
    claim_text = "The bridge at Merdare was shut for an hour"
    async with (
        run_mail_server() as mails,
        run_receiver(build_service(Format.SLACK)) as anas_chat,
        run_receiver(build_service(Format.SLACK)) as bens_chat,
    ):
        with run_mailing_desk(tmp_path, mails.port) as desk:
            await choose_channels(desk, "Ana", "checker", f"{anas_chat.url}/ana")
            await choose_channels(desk, "Ben", "editor", f"{bens_chat.url}/ben")
            contexts = [await browser.new_context(base_url=desk.url) for _ in range(3)]
            try:
                ana, other, ben = [await context.new_page() for context in contexts]
                for page, name, role in (
                    (ana, "Ana", "checker"),
                    (other, "Ana", "checker"),
                    (ben, "Ben", "editor"),
                ):
                    await sign_in_by(page, desk.create_sign_in_link(name, role))
                claim = await acts.record_claim(desk, claim_text)
                await acts.link(ana, claim, "supports", party="nato", quote="We saw it shut.")
                await other.goto("/parties")
                await ben.goto("/work")
                waiting = int(await ben.locator("#work-count").text_content() or 0)
                await require_counts([ana, other], 0)

                await propose(ana, claim, "NATO saw it")
                await require_counts([ben], waiting + 1)
                await expect(ben.locator("#approvals")).to_contain_text(claim_text)

                await ben.goto(f"/claims/{claim}")
                await ben.fill("#note", "@Ana who took the picture?")
                await browsing.follow(ben.get_by_role("button", name="Add note"))
                await require_counts([ana, other], 1)
                await require_counts([ben], waiting + 1)

                await ben.fill("#comment", "Not without the picture")
                await browsing.follow(ben.get_by_role("button", name="Reject"))
                await require_counts([ana, other], 2)
                await require_counts([ben], waiting)

                await propose(ana, claim, "With the picture")
                await require_counts([ben], waiting + 1)
                await expect(ben.get_by_role("button", name="Approve")).to_be_visible()
                await browsing.follow(ben.get_by_role("button", name="Approve"))
                await require_counts([ana, other], 3)
                await require_counts([ben], waiting)
                await other.goto("/work")
                await expect(other.locator("#proposals")).to_contain_text("Not without the picture")
                await expect(other.locator("#mentions")).to_contain_text("who took the picture?")

                await wait_until(lambda: len(mails.mails) >= 5)
                await wait_until(lambda: len(anas_chat.requests) >= 3)
                await wait_until(lambda: len(bens_chat.requests) >= 2)
                await asyncio.sleep(1)  # what came twice would be there by now
            finally:
                for context in contexts:
                    await context.close()
    proposed = "Ana proposes the status “Confirmed”, which waits for you"
    rejected = (
        "Ben rejected your proposal of the status “Confirmed”, saying “Not without the picture”"
    )
    told_ana = [
        "Ben mentions you",
        rejected,
        "Ben approved your proposal of the status “Confirmed”",
    ]
    assert [words for address, words in list_mails(mails) if address == ANA] == told_ana
    assert [words for address, words in list_mails(mails) if address == BEN] == [proposed] * 2
    assert len(mails.mails) == 5
    assert list_chat(anas_chat) == told_ana
    assert list_chat(bens_chat) == [proposed] * 2


async def test_count_follows_an_assignment(windows: Windows, desk: Desk) -> None:
    """Somebody else assigns a claim; the count of an open page says so by itself."""
    claim = await acts.record_claim(desk, "The ferry at Bač ran in the night")
    page = await windows.open("/parties", name="Ida")
    await require_counts([page], 0)
    other = await windows.open(f"/claims/{claim}", name="Edit", role="editor")
    person = await other.locator("select[name=assignee] option", has_text="Ida").get_attribute(
        "value"
    )
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {desk.create_key('checker')}", "If-Match": "*"}
        answer = await client.patch(
            f"/v1/claims/{claim}", json={"assignee": person}, headers=headers
        )
    assert answer.status_code == 200, answer.text
    await require_counts([page], 1)


async def test_name_is_completed_by_keys_alone(windows: Windows, desk: Desk) -> None:
    """`@` and the beginning of a name, an arrow and Enter; Escape leaves what was typed."""
    await windows.open("/", name="Žarko Ćirić")
    claim = await acts.record_claim(desk, "The gate at Jarinje stayed open")
    page = await windows.open(f"/claims/{claim}", name="Ana")
    note = page.locator("#note")
    await note.focus()
    await page.keyboard.type("Please, @zar")
    suggestion = page.locator(".names button", has_text="Žarko Ćirić")
    await expect(suggestion).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await expect(suggestion).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(note).to_have_value("Please, @Žarko Ćirić ")
    await expect(note).to_be_focused()
    await page.keyboard.type("and @zar")
    await expect(suggestion).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".names")).to_have_count(0)
    await expect(note).to_have_value("Please, @Žarko Ćirić and @zar")
    await expect(note).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Add note")).to_be_focused()
    await browsing.press(page, "Enter")
    await expect(page.locator("#note-list")).to_contain_text("for Žarko Ćirić")


async def test_work_that_is_empty_says_what_would_stand_there(windows: Windows) -> None:
    """A new checker learns from each group what it is for, on a phone too."""
    page = await windows.open("/work", name="Nova", viewport={"width": 360, "height": 780})
    for group, words in (
        ("#proposals", "You have proposed nothing yet"),
        ("#assigned", "No claim is assigned to you"),
        ("#mentions", "Nobody has mentioned you"),
        ("#changes", "Nothing that you follow has changed"),
        ("#outdated", "All that you printed stands as it was"),
    ):
        await expect(page.locator(group)).to_contain_text(words)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    reader = await windows.open("/work", name="Rada", role="reader")
    await expect(reader.locator("#changes")).to_be_visible()
    for group in ("#approvals", "#proposals", "#assigned", "#mentions"):
        await expect(reader.locator(group)).to_have_count(0)


async def test_pages_are_in_ones_own_time_zone(windows: Windows, desk: Desk) -> None:
    """What is chosen in the profile holds for one's own pages, with UTC on hover, and no others."""
    claim = await acts.record_claim(
        desk,
        "The train left Niš at half past ten",
        claimed_at="2023-10-02T22:30:00Z",
        precision="minute",
    )
    page = await windows.open("/profile", name="Zoe")
    await page.fill("#time_zone", "Asia/Nicosia")
    await browsing.follow(page.get_by_role("button", name="Show times so"))
    await page.goto(f"/claims/{claim}")
    first_time = page.locator(".card time").first
    await expect(first_time).to_have_text("3 October 2023, 01:30 EEST")
    await expect(first_time).to_have_attribute("title", "2 Oct 2023, 22:30 UTC")
    await expect(page.locator("#print-line")).to_contain_text("3 October 2023, 01:30 EEST")
    other = await windows.open(f"/claims/{claim}", name="Ana")
    await expect(other.locator("#print-line")).to_contain_text("2 October 2023, 22:30 UTC")


async def test_what_is_read_in_one_window_counts_no_more_in_others(
    windows: Windows, desk: Desk
) -> None:
    """At once, on pages that listen and on those that only count; none of them looks by itself."""
    pages = []
    for path in ("/parties", "/review", "/work"):
        page = await windows.open("/help", name="Mira")
        await page.add_init_script("window.setInterval = () => 0")
        await page.goto(path)
        pages.append(page)
    claim = await acts.record_claim(desk, "The tunnel at Vrela is lit again")
    async with httpx.AsyncClient(base_url=desk.url) as client:
        headers = {"Authorization": f"Bearer {desk.create_key('checker')}"}
        note = {"text": "@Mira who lit it?"}
        answer = await client.post(f"/v1/claims/{claim}/notes", json=note, headers=headers)
    assert answer.status_code == 201, answer.text
    await require_counts(pages, 1)
    await browsing.follow(pages[-1].get_by_role("button", name="Mark all as read"))
    await require_counts(pages, 0)
