"""An article recorded through the API as it is, and what makes two desks the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from service.domain.names import make_slug
from tests.desk.browser.articles import Article, Passage
from tests.desk.browser.conftest import Desk
from tests.support.desk import Json

COMPARED = (
    *("kind", "claimed_at", "precision", "status", "finding", "lifecycle", "story"),
    *("suggested_status", "agrees", "challenged", "print_line", "evidence", "tags"),
)
"""Fields of a claim that are compared as they are."""


@asynccontextmanager
async def open_client(desk: Desk, role: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program that works through the API."""
    async with httpx.AsyncClient(base_url=desk.url) as client:
        client.headers["Authorization"] = f"Bearer {desk.create_key(role)}"
        yield client


async def record_article(desk: Desk, article: Article, story: str) -> None:
    """Record an article through the API, as it is."""
    async with open_client(desk, "editor") as client:

        async def post(path: str, body: Json) -> Json:
            answer = await client.post(path, json=body)
            assert answer.status_code == 201, answer.text
            recorded_statement: Json = answer.json()
            return recorded_statement

        await post("/v1/stories", {"slug": story, "title": story})
        for name in dict.fromkeys(each.party for each in article.passages if each.party):
            await post("/v1/parties", {"slug": make_slug(name), "name": name})
        claims: dict[str, str] = {}
        for passage in article.passages:
            statement = build_statement(article, passage)
            recorded_statement = await post("/v1/statements", statement)
            if passage.claim:
                is_named = statement.get("attribution") is None
                body = {
                    "text": passage.claim,
                    "kind": passage.kind,
                    "claimant": statement["party"] if is_named else None,
                    "speaker": statement["speaker"] if is_named else None,
                    "claimed_at": statement["said_at"],
                    "precision": statement["precision"],
                    "story": story,
                    "origin_statement": recorded_statement["id"],
                }
                claims[passage.claim] = (await post("/v1/claims", body))["id"]
            for claim, stance in passage.stands.items():
                body = {
                    "statement": recorded_statement["id"],
                    "stance": stance,
                    "scope": "partial" if passage.partial else "full",
                }
                await post(f"/v1/claims/{claims[claim]}/links", body)


def build_statement(article: Article, passage: Passage) -> Json:
    """What a passage says, as the API takes it."""
    body: Json = {
        "party": make_slug(passage.party) if passage.party else None,
        "speaker": {"name": passage.speaker, "role": passage.role} if passage.speaker else None,
        "said_at": f"{passage.said_on}T{passage.said_hour or '00:00'}:00Z",
        "precision": "minute" if passage.said_hour else "day",
        "basis": passage.basis,
        "quotes": [
            {
                "text": passage.words,
                "language": passage.language,
                "rendering": passage.rendering,
                "source": {
                    "url": article.url,
                    "title": article.title,
                    "publisher": article.publisher,
                    "published_at": f"{article.published_on}T00:00:00Z",
                    "language": article.language,
                },
                "selector": {"exact": passage.words, "prefix": "", "suffix": ""},
            }
        ],
    }
    if passage.description:
        body |= {"attribution": "unnamed", "description": passage.description}
        body["reason"] = passage.withheld
    return body


async def list_ids(desk: Desk) -> dict[str, str]:
    """List the ids of claims by their texts, whatever became of them."""
    async with open_client(desk, "reader") as client:
        items = (await client.get("/v1/claims", params={"limit": 200})).json()["items"]
        return {item["text"]: item["id"] for item in items}


async def list_statements(desk: Desk) -> dict[str, str]:
    """List the ids of statements by their words."""
    async with open_client(desk, "reader") as client:
        items = (await client.get("/v1/statements", params={"limit": 200})).json()["items"]
        return {item["quotes"][0]["text"]: item["id"] for item in items}


async def describe_desk(desk: Desk) -> Json:
    """Describe the claims and statements of a desk that are in force: all that may be wrong."""
    async with open_client(desk, "reader") as client:
        items = (await client.get("/v1/claims", params={"limit": 200})).json()["items"]
        claims = {}
        for item in items:
            links = (await client.get(f"/v1/claims/{item['id']}/links")).json()["items"]
            claims[item["text"]] = {
                **{name: item[name] for name in COMPARED},
                "claimant": item["claimant"] and describe_voice(item["claimant"]),
                "links": sorted(
                    [
                        *(link[name] for name in ("stance", "scope", "conditional", "note")),
                        link["affirmed"],
                        link["statement"]["quotes"][0]["text"],
                    ]
                    for link in links
                    if link["retracted_at"] is None and "voided_at" not in link
                ),
            }
        statement_items = (await client.get("/v1/statements", params={"limit": 200})).json()[
            "items"
        ]
        statements = sorted(
            (describe_statement(item) for item in statement_items if "voided_at" not in item),
            key=lambda described: str(described["quotes"]),
        )
    return {"claims": claims, "statements": statements}


def describe_voice(claimant: Json) -> Json:
    speaker = claimant["speaker"]
    return {
        "party": claimant["party"],
        "speaker": speaker and [speaker["name"], speaker["role"]],
    }


def describe_statement(statement: Json) -> Json:
    return {
        **{name: statement.get(name) for name in ("party", "said_at", "precision", "basis")},
        **{name: statement.get(name) for name in ("attribution", "description", "withdrawn_at")},
        "speaker": statement["speaker"]
        and [statement["speaker"]["name"], statement["speaker"]["role"]],
        "quotes": [
            [
                *(quote[name] for name in ("text", "language", "rendering")),
                quote["selector"]["exact"],
                quote["source"]["url"],
            ]
            for quote in statement["quotes"]
        ],
    }
