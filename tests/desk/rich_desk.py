"""Fills a desk with what strains its pages: twelve parties and forty claims in one story, words
from right to left, long words, changes of mind, corrections, printed articles, notices, webhooks
that nobody answers."""

from typing import Any

import httpx

from tests.desk.browser.conftest import Desk
from tests.desk.browser.test_pages import record_corrected_claim

PARTIES = (
    "Office of the President of the Republic",
    "Ministry of Defence",
    "Ministry of Transport, Infrastructure and Maritime Affairs",
    "Port Authority of Kamen",
    "Union of Dock Workers",
    "Red Cross",
    "UN Observer Mission in the Northern Districts",
    "Shipping line Adria",
    "Harbour police",
    "Opposition alliance “Together”",
    "University hospital",
    "وزارة الخارجية",
)
SUBJECTS = (
    "The bridge over the harbour is open to all vehicles, by day and by night",
    "Seventeen people were injured when the crane fell",
    "No weapons were in the containers that were unloaded on Monday",
    "The ceasefire along the northern road holds",
    "All 3,400 workers will be paid what they are owed before the end of the year",
)
LONG = (
    "The government undertook, in a letter that its minister signed in the presence of three "
    "ambassadors, to withdraw every armoured vehicle that was brought to the northern districts "
    "after the first of September, to reopen the crossings at Kamen, Brod and Saint-Élie-de-la-"
    "Montagne within ten days, and to let observers count what remains, at an hour of their own "
    "choosing and without notice; https://example.org/2023/10/a-very-long-address-without-any-"
    "space-at-all-which-does-not-break-by-itself"
)
STANCES = ("supports", "contradicts", "comments", "requests_confirmation")
BASES = ("own_observation", "documents", "unstated")
ENDPOINTS = ("The CMS", "Archive of the agency, for all its customers", "Bot")
STORY = "harbour-of-kamen"
DAY = "2023-10-{:02}T{:02}:00:00Z"


class Hand:
    """Records as one person."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    async def send(self, path: str, body: Any, method: str = "POST", **headers: str) -> Any:
        answer = await self._client.request(
            method, path, json=body, headers=self._headers | headers
        )
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    async def read(self, path: str) -> Any:
        return (await self._client.get(path, headers=self._headers)).json()


async def fill(desk: Desk) -> dict[str, str]:
    """Record it all; returns addresses of pages to look at."""
    async with httpx.AsyncClient(base_url=desk.url, timeout=60) as client:
        eva, admin = (Hand(client, desk.create_key(role)) for role in ("editor", "admin"))
        claims = await _tell_story(eva)
        await _discuss(eva, claims[1])
        await _print(eva, claims[1])
        await _tell_ada(eva, claims)
        await _add_webhooks(admin)
        client.headers["Authorization"] = admin._headers["Authorization"]
        corrected = await record_corrected_claim(client)
    return {
        "rich claim": f"/claims/{claims[0]}",
        "rich claim long": f"/claims/{claims[4]}",
        "rich claim outdated": f"/claims/{claims[1]}",
        "rich claim corrected": f"/claims/{corrected['id']}",
        "rich story": f"/stories/{STORY}",
        "rich dossier": f"/stories/{STORY}/dossier",
        "rich claim dossier": f"/claims/{claims[0]}/dossier",
        "rich party": "/parties/party-3",
        "rich search": "/search?q=harbour",
        "rich search none": "/search?q=zeppelin",
        "rich board of story": f"/?story={STORY}",
        "rich printed of claim": f"/printed?claim={claims[1]}",
        "refused review": "/review?reason=nonsense",
        "refused search": "/search?q=%22open",
        "refused printed": "/printed?state=nonsense",
        "refused corrections": "/corrections?since=yesterday",
        "as of before": f"/claims/{claims[0]}?as_of=2001-01-01T00:00:00Z",
    }


def _quote(text: str, language: str = "en", publisher: str = "Example News") -> dict[str, Any]:
    source = {"url": f"https://example.org/{language}/harbour", "publisher": publisher}
    return {"text": text, "language": language, "source": source}


async def _tell_story(eva: Hand) -> list[str]:
    await begin_story(eva)
    claims = [await record_claim(eva, number) for number in range(40)]
    await contest(eva, claims[0])
    return claims


async def begin_story(eva: Hand) -> None:
    """Record the story and those who speak in it."""
    await eva.send("/v1/stories", {"slug": STORY, "title": "The harbour of Kamen, autumn 2023"})
    for number, name in enumerate(PARTIES):
        await eva.send("/v1/parties", {"slug": f"party-{number}", "name": name})


async def record_claim(eva: Hand, number: int) -> str:
    """Record a claim of the story, with what others say of it: of the first two, all of them."""
    subject = LONG if number == 4 else f"{SUBJECTS[number % 5]} ({number + 1})"
    claim = await eva.send(
        "/v1/claims",
        {
            "text": subject,
            "kind": "event",
            "claimant": f"party-{number % 12}",
            "claimed_at": DAY.format(1 + number % 28, number % 24),
            "story": STORY,
            "tags": ["harbour", "ceasefire"] if number % 3 else [],
            "origin": {"quotes": [_quote(subject)]},
        },
    )
    for voice in range(12) if number < 2 else range(number % 4):
        await _speak(eva, claim["id"], voice, number + voice)
    return str(claim["id"])


async def contest(eva: Hand, claim: str) -> None:
    """Let four parties change their minds on a claim, and others speak from right to left."""
    for turn in range(20):
        await _speak(eva, claim, turn % 4, turn)
    arabic = "لم نرَ أحداً (KFOR) هناك، ولم يصل إلينا أي تقرير (17) عن ذلك."
    hebrew = "איש לא היה ליד הגשר (Brod) באותו לילה."
    for text, language in ((arabic, "ar"), (hebrew, "he")):
        statement = {
            "party": "party-11",
            "said_at": DAY.format(29, 8),
            "quotes": [_quote(text, language, "الجزيرة (Al Jazeera)")],
        }
        await eva.send(
            f"/v1/claims/{claim}/links", {"statement": statement, "stance": "contradicts"}
        )


async def _speak(eva: Hand, claim: str, voice: int, turn: int) -> Any:
    statement = {
        "party": f"party-{voice}",
        "speaker": {"name": f"Speaker {voice} van der Lange-Nachname", "role": "spokesperson"},
        "said_at": DAY.format(1 + turn % 28, turn % 24),
        "precision": "hour",
        "basis": BASES[turn % 3],
        "quotes": [_quote(f"We have looked at this {turn + 1} times, and say so again.")],
    }
    body = {"statement": statement, "stance": STANCES[turn % 4], "note": "Heard twice."}
    return await eva.send(f"/v1/claims/{claim}/links", body)


async def _discuss(eva: Hand, claim: str) -> None:
    for number in range(4):
        await eva.send(
            f"/v1/claims/{claim}/notes", {"text": f"Who has the delivery note of day {number}?"}
        )


async def _print(eva: Hand, claim: str) -> None:
    for number in range(3):
        use = {
            "url": f"https://paper.example/{number}",
            "title": "What we know of the harbour, and what nobody can tell at this hour",
            "wording": "Officials said the crane had fallen.",
            "contact": "night-desk@paper.example" if number else "the night desk, by telephone",
        }
        await eva.send(f"/v1/claims/{claim}/uses", use)
    correction = {"kind": "position", "reason": "Misread"}
    await eva.send(f"/v1/claims/{claim}/corrections", correction, **{"If-Match": "*"})


async def _tell_ada(eva: Hand, claims: list[str]) -> None:
    for claim in claims[:12]:
        await eva.send(f"/v1/claims/{claim}/notes", {"text": "Please look at this, @Ada."})


async def _add_webhooks(admin: Hand) -> None:
    for number, name in enumerate(ENDPOINTS):
        body = {
            "url": f"http://127.0.0.1:{9 + number}/a/rather/long/path/of/a/content/system/hook",
            "description": name,
        }
        hook = await admin.send("/v1/webhooks", body)
        for _ in range(3):
            await admin.send(f"/v1/webhooks/{hook['id']}/ping", {})
