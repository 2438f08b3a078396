"""What Neo4j Browser is shown: each query ready to run, and no name of a person that could break out."""

from __future__ import annotations

import html
import io
import re
import zipfile
from urllib.parse import parse_qs, urlsplit

import cypher
from cypher import Expression
from kg.facts.predicates import ENTITY_KINDS
from mcp_server.pages.guide import browser_link, render_guide, saved_queries, style

BASE = "http://localhost:7475/key/"
SLY = 'o\'Neil \\ </pre><script>x()</script> "q"'


def queries(guide: str) -> list[str]:
    """The queries that a click runs or puts into the editor."""
    return [html.unescape(text) for text in re.findall(r'<pre class="runnable[^"]*">(.*?)</pre>', guide, re.DOTALL)]


def test_the_guide_asks_ten_questions_and_settles_one_thing():
    style, *found = queries(render_guide("ada", BASE))
    assert style == f":style {BASE}style.grass"
    assert len(found) == 11
    assert all("$" not in query and "'ada'" in query for query in found)
    assert [query for query in found if "MERGE" in query] == [found[-1]]


def test_the_guide_offers_the_saved_queries():
    guide = render_guide("ada", BASE)
    assert f'href="{BASE}queries.zip"' in guide
    assert not re.findall(r"\{\{\w+\}\}", guide)


def test_a_name_cannot_leave_its_place_in_the_guide_or_a_query():
    guide = render_guide(SLY, BASE)
    assert "<script>" not in guide
    assert all(r"'o\'Neil \\ </pre><script>x()</script>" in query for query in queries(guide)[1:])


def test_values_are_written_as_cypher_writes_them():
    query = cypher.load()["report/changed"]
    text = cypher.filled(query, dict.fromkeys(query.params) | {"user_id": 'a"b', "now": Expression("datetime()")})
    assert "'a\"b'" in text and "datetime()" in text and not re.search(r"\$\w", text)
    assert not text.startswith("//")


def test_the_saved_queries_lie_in_folders_by_name():
    with zipfile.ZipFile(io.BytesIO(saved_queries("ada"))) as archive:
        names = archive.namelist()
        texts = {name: archive.read(name).decode() for name in names}
    assert len([name for name in names if name.startswith("knowthread/")]) == 10
    reports = {
        name.partition("/")[2].removesuffix(".cypher") for name in names if name.startswith("knowthread reports/")
    }
    assert reports == {query.path.stem for query in cypher.load().values() if query.folder == "report"}
    for text in texts.values():
        assert text.startswith("// ") and not re.search(r"\$\w", text)
    assert saved_queries("ada") == saved_queries("ada")


def test_the_style_names_every_kind_and_is_well_formed():
    text = style()
    rules = re.findall(r"^([\w.]+) \{(.*?)\}$", text, re.MULTILINE | re.DOTALL)
    assert {f"node.{kind}" for kind in ENTITY_KINDS if kind != "Thing"} <= {selector for selector, _ in rules}
    for _, body in rules:
        assert all(re.fullmatch(r"[\w-]+: .+", line.strip()) for line in body.split(";") if line.strip())


def test_the_link_fills_the_login_in_but_for_the_password():
    link = urlsplit(
        browser_link("http://127.0.0.1:7474/browser/", "bolt://127.0.0.1:7687", "neo4j", "neo4j", f"{BASE}guide.html")
    )
    given = {name: value for name, (value,) in parse_qs(link.query).items()}
    assert given == {"dbms": "bolt://neo4j@127.0.0.1:7687", "db": "neo4j", "cmd": "play", "arg": f"{BASE}guide.html"}
