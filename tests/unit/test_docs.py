"""What the documents say of the code, compared with the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

import cypher
from kg.graph.schema import NODE_CLASSES
from kg.settings.service import PREFIX, Settings
from mcp_server.link.session import SESSION_VARIABLES
from mcp_server.shim.wire import load_manifest
from scripts import report_page
from scripts.import_graph import PAGE, ROOT, redrawn
from tests.support.commands import run

DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
LONGEST_README = 180
LONG_FILE = 350
SOURCES = ("cypher", "kg", "extract", "mcp_server", "bench", "examples", "scripts", "tests")
"""Folders whose files the list of long files covers."""

MADE = ("kg/managed/artifacts.lock.json", "mcp_server/tools/manifest.generated.json")
"""Files that a program writes."""
RAW = ROOT / "bench" / "results"
"""Where ``make bench`` leaves what is not kept."""


def test_the_import_graph_is_that_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    assert page == redrawn(page), "run: make graph"


def test_the_page_of_reports_is_that_of_their_headers():
    assert report_page.PAGE.read_text(encoding="utf-8") == report_page.page(), "run: make reports"


def test_every_long_file_is_listed_with_its_reason():
    listed = dict(_rows(_section(PAGE, "Files longer than 350 lines"), columns=2))
    long = {
        path.relative_to(ROOT).as_posix()
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".py", ".cypher", ".md", ".toml", ".json")
        and RAW not in path.parents
        and len(path.read_bytes().splitlines()) > LONG_FILE
    }
    assert set(listed) == long - set(MADE), (
        "docs/architecture.md, Files longer than 350 lines: divide it, or say why not"
    )
    assert all(listed.values())


def test_every_setting_of_the_service_is_documented_with_its_default():
    documented = {name: default for name, default, _ in _rows(_section(_doc("settings"), "Of the service"), columns=3)}
    assert set(documented) == {PREFIX + field.name.upper() for field in fields(Settings)}
    for field in fields(Settings):
        if not field.name.endswith("_dir"):
            shown = f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
            assert documented[PREFIX + field.name.upper()].startswith(shown or "none"), field.name


def test_every_setting_of_a_session_is_documented():
    section = _section(_doc("settings"), "Of a session")
    assert {name for name, _ in _rows(section, columns=2)} == {
        name for name in SESSION_VARIABLES if name.startswith(PREFIX)
    }


def test_every_label_is_documented_with_its_properties():
    contract = _section(PAGE, "The graph's contract")
    documented = {label: properties.split(", ") for label, _, properties in _rows(contract, columns=3)}
    declared = {
        node.__name__: [name for name in node.defined_properties(aliases=False, rels=False) if name != "user_id"]
        for node in NODE_CLASSES
    }
    assert documented == declared


def test_every_relationship_of_the_queries_is_documented():
    used = {
        name
        for query in cypher.load().values()
        for names in re.findall(r"\[\w*:([A-Z_|]+)", query.text)
        for name in names.split("|")
    }
    documented = set(re.findall(r"\[:([A-Z_]+)\]", _section(PAGE, "The graph's contract")))
    assert documented - {"REJECTED"} == used


def test_the_readme_lists_every_tool():
    names = [name for name, _ in _rows(_section(ROOT / "README.md", "The tools"), columns=2)]
    manifest = load_manifest(str(ROOT / "mcp_server" / "tools" / "manifest.generated.json"))
    assert names == [
        tool["name"] for tool in (manifest.answer("tools/list", MODERN_PROTOCOL_VERSIONS[-1]) or {})["tools"]
    ]


def test_documents_name_every_command_and_no_other():
    named = {words for document in DOCUMENTS for words in _commands(document.read_text(encoding="utf-8"))}
    listed = set(re.findall(r"^    ([a-z0-9]+) ", run({}, "--help").out, re.MULTILINE))
    assert {words.split()[0] for words in named} == listed
    for words in sorted(named):
        assert run({}, *words.split(), "--help").status == 0, f"knowthread {words}"


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < LONGEST_README


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file_and_a_heading_that_are_there(document: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), target
        if anchor:
            assert anchor in {_anchor(heading) for heading in _headings(file)}, target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_file_that_is_named_is_there(document: Path):
    named = re.findall(rf"`((?:{'|'.join(SOURCES)}|docs)/[\w./-]+)`", document.read_text(encoding="utf-8"))
    missing = [name for name in named if not (ROOT / name).exists() and not name.startswith("bench/results")]
    assert not missing


def test_code_cites_headings_that_are_there():
    cited = [
        (path, *citation)
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        for citation in re.findall(r'docs/(\w+)\.md \("([^"]+)"\)', path.read_text(encoding="utf-8"))
    ]
    assert cited
    for path, document, heading in cited:
        assert heading in _headings(_doc(document)), f"{path} cites {heading!r} of {document}.md"


def _doc(name: str) -> Path:
    return ROOT / "docs" / f"{name}.md"


def _commands(text: str) -> Iterator[str]:
    """The commands of ours in a document's code, without their arguments."""
    for block, span in re.findall(r"```(?:sh|console)\n(.*?)```|`([^`\n]+)`", text, re.DOTALL):
        for words in re.findall(r"(?:^|[$-] )knowthread((?: [a-z][a-z0-9]*)+)", block or span, re.MULTILINE):
            yield words.strip()


def _headings(file: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)


def _anchor(heading: str) -> str:
    """The name by which GitHub links to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _section(file: Path, heading: str) -> str:
    """The text below a heading, up to the next one of its level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", file.read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"{file} has no heading {heading!r}"
    return found[1]


def _rows(section: str, columns: int) -> Iterator[tuple[str, ...]]:
    """The rows of a section's tables of so many columns, without the marks of code; of their heads none."""
    for line in section.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and cells[0].startswith("`"):
            yield tuple(cell.replace("`", "") for cell in cells)
