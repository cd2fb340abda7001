"""`claimdesk export --format dossier`: claims drawn at random, as a page for an assessor."""

import re
from pathlib import Path

import pytest
from lxml import html

from service.exchange.dossier import draw_sample
from tests.cli.conftest import Run, RunJson

pytestmark = pytest.mark.usefixtures("migrated_database")

DAYS = ("--from", "2000-01-01", "--to", "2100-01-01")
DOSSIER = ("export", "dossier.html", "--format", "dossier", *DAYS)


def read_ids(page: str) -> list[str]:
    """The claims of a dossier, in their order."""
    return re.findall(r'<article id="c-([0-9a-f-]{36})">', page)


def test_same_seed_draws_the_same_claims(run: Run, run_json: RunJson, folder: Path) -> None:
    """The seed is in the page and on the terminal, whether it was given or chosen."""
    run("seed")
    result = run(*DOSSIER, "--sample", "5", "--seed", "7")
    assert result.stderr == "Written: 5 of 12 claims, drawn with seed 7.\n"
    first = (folder / "dossier.html").read_text(encoding="utf-8")
    assert "<strong>7</strong>" in first
    first_ids = read_ids(first)
    assert len(set(first_ids)) == 5
    run(*DOSSIER, "--sample", "5", "--seed", "7", "--force")
    assert (folder / "dossier.html").read_text(encoding="utf-8") == first
    run(*DOSSIER, "--sample", "5", "--seed", "8", "--force")
    other = read_ids((folder / "dossier.html").read_text(encoding="utf-8"))
    assert other != first_ids
    report = run_json(*DOSSIER, "--force")
    assert (report["records"], report["of"]) == ({"claim": 12}, 12)
    page = (folder / "dossier.html").read_text(encoding="utf-8")
    assert f"<strong>{report['seed']}</strong>" in page


def test_draw_follows_from_the_seed_and_the_ids_alone() -> None:
    """Every claim has the same chance: of many seeds, each claim is drawn about as often."""
    ids = [f"claim-{number}" for number in range(10)]
    counts = dict.fromkeys(ids, 0)
    for seed in range(1_000):
        sample = draw_sample(ids, sample=3, seed=seed)
        assert sample == draw_sample(ids[::-1], sample=3, seed=seed)
        for claim in sample:
            counts[claim] += 1
    assert all(230 < count < 370 for count in counts.values()), counts


def test_dossier_shows_what_claims_rest_on(run: Run, folder: Path) -> None:
    """Evidence on each side with its words and sources, decisions by role, and nothing that is
    loaded from elsewhere."""
    run("seed")
    run(*DOSSIER)
    page = (folder / "dossier.html").read_text(encoding="utf-8")
    tree = html.fromstring(page)
    for article in tree.cssselect("article"):
        heads = [head.text_content() for head in article.cssselect("h3")]
        assert heads[:5] == [
            *("As it was claimed", "For it", "Against it", "Besides"),
            "What was decided",
        ]
        assert heads[-2:] == ["Corrections, voids and what was taken back", "Sources"]
        assert article.cssselect("blockquote")
    text = " ".join(tree.text_content().split())
    assert "counted," in text
    assert "By the rules." in text
    assert not tree.cssselect("script, link, img, iframe, object, embed, form")
    assert not re.search(r"(?:src|srcset|data|poster)=|url\(|@import", page)
    assert run(*DOSSIER, "--names", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--from", "2000-01-01", "--to", "2000-12-31"), "No claim was recorded in this period"),
        ((*DAYS, "--sample", "13"), "12 claims were recorded in this period, fewer than the 13"),
        (("--from", "2020-01-01", "--to", "2019-01-01"), "The period ends before it begins"),
        ((*DAYS, "--sample", "1001"), "A dossier has 1 to 1000 claims"),
        (("--from", "2020-01-01"), "takes --from and --to"),
        (("--from", "yesterday", "--to", "2019-01-01"), "yesterday"),
    ],
)
def test_dossier_that_cannot_be_drawn_is_refused(
    run: Run, folder: Path, options: tuple[str, ...], message: str
) -> None:
    """With what to do, and without a file."""
    run("seed")
    refusal = run("export", "dossier.html", "--format", "dossier", *options)
    assert refusal.exit_code == 2
    assert message in " ".join(refusal.stderr.split())
    assert not list(folder.glob("dossier*"))


def test_options_of_the_dossier_belong_to_it(run: Run) -> None:
    refusal = run("export", "desk.jsonl", "--seed", "7")
    assert refusal.exit_code == 2
    assert "are for --format dossier" in refusal.stderr
