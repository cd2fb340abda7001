"""`?lang=`: print lines in other languages, wherever they are served."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.problems import require_problem
from tests.support.desk import Desk

UNCONFIRMED = {
    "en": "No independent party has confirmed it.",
    "sr": "Није потврдила ниједна независна страна.",
    "sr-Latn": "Nije potvrdila nijedna nezavisna strana.",
    "sq": "Asnjë palë e pavarur nuk e ka konfirmuar.",
    "fr": "Aucune partie indépendante ne l’a confirmé.",
}


@pytest.mark.parametrize("lang", UNCONFIRMED)
async def test_print_line_is_served_in_the_language_that_is_asked_for(
    desk: Desk, lang: str
) -> None:
    """Everywhere, and of exactly the version that is served, now and as of an instant."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=1)
    await desk.link_statement(claim, "contradicts", "pristina")
    url = f"/v1/claims/{claim}"
    plain = (await desk.reader.get(url)).json()
    answer = await desk.reader.get(url, params={"lang": lang})
    claim_view = answer.json()
    assert claim_view["print_line"].endswith(UNCONFIRMED[lang])
    assert "Pristina" in claim_view["print_line"]
    assert claim_view | {"print_line": plain["print_line"]} == plain
    earlier = await desk.read_claim(claim, as_of=instant, lang=lang)
    assert earlier["print_line"].endswith(UNCONFIRMED[lang])
    assert "Pristina" not in earlier["print_line"]
    full_view = await desk.read_claim(claim, expand="links", lang=lang)
    assert full_view["print_line"] == claim_view["print_line"]
    assert len(full_view["links"]) == 1
    for query in ({}, {"as_of": instant}, {"q": "regime"}):
        (item,) = (await desk.reader.get("/v1/claims", params=query | {"lang": lang})).json()[
            "items"
        ]
        expected_view = earlier if "as_of" in query else claim_view
        assert item["print_line"] == expected_view["print_line"], query
    feed = (await desk.reader.get("/feeds/claims.json", params={"lang": lang})).json()
    lines = [item["_claimdesk"]["print_line"] for item in feed["items"]]
    assert lines == [claim_view["print_line"], earlier["print_line"]]
    assert lang == "en" or f"lang={lang}" in feed["feed_url"]
    atom = await desk.reader.get("/feeds/claims.atom", params={"lang": lang})
    assert UNCONFIRMED[lang] in atom.text
    review = (await desk.reader.get(f"{url}/claimreview", params={"lang": lang})).json()
    assert review["reviewBody"] == claim_view["print_line"]
    badge = await desk.reader.get(f"{url}/badge.svg", params={"lang": lang})
    word = {"en": "Disputed", "sr": "Оспорено", "sr-Latn": "Osporeno"}.get(lang)
    assert word is None or f">{word}<" in badge.text
    same = await desk.reader.get(
        url, params={"lang": lang}, headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert same.status_code == 304


async def test_hold_is_said_first_in_every_language_until_it_ends(desk: Desk) -> None:
    """One that has ended by itself is not printed, whether its end is recorded yet or not."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    until = (desk.clock.now + timedelta(minutes=5)).isoformat()
    hold = await desk.checker.put(
        f"/v1/claims/{claim}/hold",
        json={"reason": "a call", "until": until},
        headers={"If-Match": "*"},
    )
    assert hold.status_code == 200, hold.text
    first = {lang: (await desk.read_claim(claim, lang=lang))["print_line"] for lang in UNCONFIRMED}
    assert first["fr"].startswith("RETENU : ne pas utiliser")
    assert first["sr-Latn"].startswith("ZADRŽANO: ne koristiti")
    desk.clock.advance(minutes=6)
    for lang, line in first.items():
        later = (await desk.read_claim(claim, lang=lang))["print_line"]
        assert line.endswith(f" {later}")
        assert len(later) < len(line)


async def test_tags_of_feeds_and_reviews_differ_by_language(desk: Desk) -> None:
    """A cache that has one language has not the other."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    for path in (
        "/feeds/claims.json",
        f"/v1/claims/{claim}/claimreview",
        f"/v1/claims/{claim}/badge.svg",
    ):
        tags = {
            (await desk.reader.get(path, params={"lang": lang})).headers["ETag"]
            for lang in UNCONFIRMED
        }
        assert len(tags) == len(UNCONFIRMED), path


async def test_unknown_language_is_refused_clearly(desk: Desk) -> None:
    """And Accept-Language asks for nothing."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    for path in (
        f"/v1/claims/{claim}",
        "/v1/claims",
        "/feeds/claims.json",
        "/feeds/claims.atom",
        "/feeds/corrections.json",
        "/v1/corrections",
        f"/v1/claims/{claim}/claimreview",
        f"/v1/claims/{claim}/badge.svg",
    ):
        for lang in ("de", "", "SR", "sr-latn"):
            refusal = await desk.reader.get(path, params={"lang": lang})
            assert "sr-Latn" in str(require_problem(refusal, "invalid-request")), path
        answer = await desk.reader.get(path, headers={"Accept-Language": "fr"})
        assert "Aucune" not in answer.text
