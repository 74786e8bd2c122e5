"""The pages of the documentation: all are in the site's navigation, and every link leads to a page and heading."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^()\s]+)\)")


def in_navigation(entries: list[Any]) -> Iterator[str]:
    """Yield the pages of a navigation, those of its sections too."""
    for entry in entries:
        (page,) = entry.values()
        if isinstance(page, list):
            yield from in_navigation(page)
        else:
            yield page


def headings(page: Path) -> set[str]:
    """Return what a page's headings are called in addresses."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = list(in_navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert sorted(navigation) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        outside = page != ROOT / "README.md" and not target.is_relative_to(DOCS)
        if outside or not target.exists() or (heading and heading not in headings(target)):
            lost.append(link)
    assert lost == []
