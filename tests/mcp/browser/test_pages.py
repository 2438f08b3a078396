"""The pages in a real Chromium without a network: drawn, searched, moved through time; no text of a memory runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kg.managed.artifacts import ensure_script
from kg.settings.paths import cache_dir
from mcp_server.pages.page import render_page
from scripts.chromium import Chromium, Page, chromium
from tests.support.pictures import HOSTILE, picture

pytestmark = pytest.mark.browser

PANEL = "document.getElementById('panel').innerText"
SHOWN_EDGES = (
    "knowthread.graph.edges().filter(edge => !edge.hasClass('gone')).map(edge => edge.data('predicate')).sort().join()"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    with browser.page(1100, 700) as opened:
        opened.offline()
        yield opened
        assert opened.complaints == [], "scripts failed, or the policy stopped something"
        assert {address.partition(":")[0] for address in opened.requests} == {"file"}
        assert opened.run("document.title") != "owned"
        assert "[object" not in opened.run("document.body.innerText")


def show(page: Page, folder: Path, title: str = "About shop", **more: Any) -> None:
    drawn = picture(**more)
    library = ensure_script(cache_dir()).read_text(encoding="utf-8") if drawn["picture"] == "graph" else ""
    file = folder / "page.html"
    file.write_text(render_page(drawn, title, library), encoding="utf-8")
    page.open(file.as_uri())
    page.wait("!!window.knowthread")


def test_a_graph_is_drawn_and_a_click_tells_all_about_a_fact(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path, title=HOSTILE)
    assert page.run("knowthread.graph.nodes().length") == 4
    page.run("void knowthread.graph.edges().filter(edge => edge.data('predicate') === 'REJECTED').emit('tap')")
    told = page.run(PANEL)
    for words in ("one more service", "2025-01-01 to 2026-01-01", "shop chose Redis", "load", HOSTILE):
        assert words in told, words
    page.run("knowthread.page.choose('redis')")
    assert "holds then (1)" in page.run(PANEL).lower() and "no longer then (1)" in page.run(PANEL).lower()


def test_the_keys_move_through_time_and_search(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path)
    assert page.run(SHOWN_EDGES) == "CHOSE,REJECTED,USES_VERSION"
    page.key("f")
    assert page.run(SHOWN_EDGES) == "CHOSE,USES_VERSION"
    page.key("Home")
    assert page.run(SHOWN_EDGES) == "REJECTED,USES_VERSION"
    page.key("/")
    page.type("after all")
    page.run("document.getElementById('query').dispatchEvent(new Event('input', {bubbles: true}))")
    assert page.run("document.querySelectorAll('#hits button').length") == 2
    page.key("Escape")
    assert page.run("document.getElementById('hits').hidden")
    page.key("d")
    assert page.run("document.documentElement.classList.contains('dark')")
    page.key("?")
    assert page.run("document.getElementById('help').open")


def test_the_legend_hides_a_kind(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path)
    page.run("[...document.querySelectorAll('#legend button')].find(one => one.innerText.includes('a value')).click()")
    assert page.run(SHOWN_EDGES) == "CHOSE,REJECTED"


def test_a_timeline_draws_bars_and_an_arrow_to_what_took_its_place(page: Page, tmp_path: Path) -> None:
    show(page, tmp_path, picture="timeline", entity="shop")
    assert page.run("document.querySelectorAll('svg .bar').length") == 3
    assert page.run("document.querySelectorAll('svg path.replaced').length") == 1
    page.run("document.querySelector('svg .bar').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert page.run(PANEL)


@pytest.mark.parametrize("count", [3, 2000])
def test_from_few_to_many_every_node_has_a_place_of_its_own(page: Page, tmp_path: Path, count: int) -> None:
    entities = [{"id": f"e{i}", "name": f"thing {i}", "kind": "Tool", "aliases": []} for i in range(count)]
    fact = {"predicate": "USES", "stored": "2026-01-01T00:00:00Z", "origin": "caller", "memory": "m1"}
    facts = [
        {**fact, "id": f"f{i}", "claim": str(i), "subject": f"e{i // 4}", "object": f"e{i}", "statement": f"uses {i}"}
        for i in range(1, count)
    ]
    show(page, tmp_path, entities=entities, facts=facts)
    places = page.run("knowthread.graph.nodes().map(n => [Math.round(n.position('x')), Math.round(n.position('y'))])")
    assert len({tuple(place) for place in places}) > 0.99 * count
    box = page.run("knowthread.graph.elements().renderedBoundingBox({includeLabels: false})")
    width, height = page.run("[knowthread.graph.width(), knowthread.graph.height()]")
    assert 0 <= box["x1"] < box["x2"] <= width and 0 <= box["y1"] < box["y2"] <= height
