"""Lists of several pages: each goes on where the one before ended, however it was come to."""

import pytest

from tests.desk.conftest import People, parsed


@pytest.mark.parametrize(
    "address",
    [
        "/?status=asserted",
        # As the form of filters sends it, and as a page is called up after something was done.
        "/?status=asserted&story=&kind=",
        "/?status=asserted&done=recorded",
        "/?status=asserted&kind=event&story=&utm_source=mail",
    ],
)
async def test_a_list_goes_on_where_it_ended(people: People, address: str) -> None:
    """Without what only came along: empty filters, and word of what was done."""
    desk = people.desk
    await desk.parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    for number in range(53):
        await desk.claim(text=f"Claim number {number} of the list")
    first = await people.checker.get(address)
    [following] = parsed(first).xpath("//a[@rel='next']/@href")
    second = await people.checker.get(following)
    assert second.status_code == 200, second.text[:500]
    shown = [
        found for page in (first, second) for found in parsed(page).xpath("//ol[@id='rows']/li/@id")
    ]
    assert len(shown) == len(set(shown)) == 53
