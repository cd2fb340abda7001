"""People choose on a page how they are told, and make private addresses of feeds."""

from urllib.parse import urlsplit

from tests.desk.conftest import People, parse_page, read_text, send_form, submit
from tests.support.desk import Desk

PAGE, FEEDS = "/profile/notices", "/profile/feeds"


async def test_settings_are_chosen_and_kept(desk: Desk, people: People) -> None:
    """What a form says holds in the API too; what is refused keeps what was typed."""
    assert PAGE in (await people.checker.get("/profile")).text
    refusal = await submit(
        people.checker, PAGE, PAGE, digest_hour="25", quiet_from="22:00", quiet_until=""
    )
    assert refusal.status_code == 422
    assert 'value="25"' in refusal.text
    answer = await send_form(
        people.checker,
        refusal,
        PAGE,
        digest_hour="7",
        time_zone="Europe/Belgrade",
        quiet_from="22:00",
        quiet_until="06:30",
        **{"chat-approval": "on"},
    )
    assert answer.headers["location"] == f"{PAGE}?done=saved"
    page = parse_page(await people.checker.get(PAGE))
    assert page.get_element_by_id("digest_hour").get("value") == "7"
    assert page.get_element_by_id("time_zone").get("value") == "Europe/Belgrade"
    assert page.get_element_by_id("quiet_until").get("value") == "06:30"
    [checkbox] = page.xpath("//input[@name='chat-approval']")
    assert checkbox.get("checked") is not None
    assert not page.xpath("//input[@name='chat-change'][@checked]")
    assert not page.xpath("//input[@name='chat-webhook']")  # administrators' alone


async def test_mail_is_not_offered_where_the_desk_sends_none(people: People) -> None:
    page = parse_page(await people.checker.get(PAGE))
    assert page.xpath("//select[@name='mail-approval'][@disabled]")
    refusal = await submit(people.checker, PAGE, PAGE, **{"mail-approval": "at_once"})
    assert refusal.status_code == 422
    assert "sends no mail" in read_text(refusal)


async def test_chat_of_the_inner_network_is_refused(people: People) -> None:
    """The address is vetted like a webhook's, and is not shown again once it was taken."""
    refusal = await submit(
        people.checker, PAGE, PAGE, chat_format="slack", chat_url="https://10.0.0.1/hook"
    )
    assert refusal.status_code == 422
    assert "private" in read_text(refusal)


async def test_feed_is_made_shown_once_and_ended(desk: Desk, people: People) -> None:
    """Its address opens it without signing in; ended, it is gone at once."""
    feed_page = await submit(people.checker, PAGE, FEEDS)
    assert feed_page.status_code == 200
    assert feed_page.headers["cache-control"] == "no-store"
    [feed_address] = [
        part.get("value") or part.text_content()
        for part in parse_page(feed_page).cssselect("#feed")
    ]
    path = urlsplit(feed_address.strip()).path
    assert (await people.public.get(path)).status_code == 200
    page_again = await people.checker.get(PAGE)
    assert "What you follow" in read_text(page_again)
    assert path not in page_again.text
    [end] = [
        form for form in parse_page(page_again).forms if form.get("action", "").endswith("/end")
    ]
    answer = await send_form(people.checker, page_again, end.get("action"))
    assert answer.headers["location"] == f"{PAGE}?done=feed-ended#feeds"
    assert (await people.public.get(path)).status_code == 404


async def test_editor_shares_the_feed_of_a_story(desk: Desk, people: People) -> None:
    await desk.post("/v1/stories", {"slug": "ports", "title": "Ports"})
    feed_page = await submit(people.editor, PAGE, FEEDS, story="ports")
    assert feed_page.status_code == 200
    assert "/feeds/shared/" in feed_page.text
    assert not parse_page(await people.checker.get(PAGE)).xpath("//select[@name='story']")
