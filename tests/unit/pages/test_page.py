"""A picture's page holds everything that it needs, and no text of a memory can run in it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from mcp_server.pages.page import render_page
from tests.support.pictures import HOSTILE, picture


class Page(HTMLParser):
    """The blocks of a page as a browser divides them, and every attribute that leads elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.blocks: list[tuple[str, dict[str, str | None], str]] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.title = ""
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.links += [name for name, _ in attrs if name in ("src", "href", "srcset", "action", "data")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag in ("script", "style", "meta"):
            self.blocks.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            tag, attrs, text = self.blocks[-1]
            self.blocks[-1] = (tag, attrs, text + data)
        if self._open == "title":
            self.title += data

    def texts(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attrs, text) for name, attrs, text in self.blocks if name == tag]


@pytest.fixture(params=["graph", "timeline"])
def page(request: pytest.FixtureRequest) -> Page:
    library = "/* draws */ var cytoscape = '</scrip' + 't>';" if request.param == "graph" else ""
    return Page(render_page(picture(picture=request.param, entity="shop"), f"About {HOSTILE}", library))


def sha256(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(page: Page) -> dict[str, list[str]]:
    (content,) = [a["content"] for a, _ in page.texts("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert content is not None
    return {name: values for name, *values in (part.split() for part in content.split(";"))}


def test_the_policy_allows_the_pages_own_scripts_and_styles_and_nothing_else(page: Page):
    allowed = policy(page)
    scripts = [text for attrs, text in page.texts("script") if "type" not in attrs]
    assert allowed["script-src"] == [sha256(text) for text in scripts]
    assert allowed["style-src"] == [sha256(text) for _, text in page.texts("style")]
    assert allowed["default-src"] == ["'none'"] and allowed["base-uri"] == ["'none'"]
    assert set(allowed) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}


def test_nothing_is_fetched_and_no_attribute_runs(page: Page):
    assert page.links == [] and page.handlers == []


def test_a_memorys_text_arrives_as_data_and_stays_whole(page: Page):
    (data,) = [text for attrs, text in page.texts("script") if attrs.get("type") == "application/json"]
    assert "<" not in data
    assert json.loads(data)["memories"]["m1"]["text"] == HOSTILE
    assert page.title == f"About {HOSTILE}"


def test_a_library_that_would_end_its_own_block_is_refused():
    with pytest.raises(ValueError, match="end of its own block"):
        render_page(picture(), "x", "var a = '</script>';")


def test_every_part_of_the_frame_is_filled():
    text = render_page(picture(memories={}, facts=[], entities=[]), "x", "var cytoscape;")
    assert not re.findall(r"\{\{\w+\}\}", text)
