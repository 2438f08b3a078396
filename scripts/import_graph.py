"""Draw who imports whom, wing by wing, into ``docs/architecture.md``: ``python scripts/import_graph.py``.

Read from the syntax trees, so nothing is imported. An import that only the type checker sees does not count.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import networkx as nx

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"

PACKAGES = ("cypher", "kg", "extract", "mcp_server")
"""In the order in which they may be imported: each may import those before it."""

GROUND = ("values", "model_values", "errors", "ports", "background", "validate", "narrow")
"""The modules on which all of ``kg`` stands, drawn as one; they may import one another."""

BEGIN = "<!-- import graph: begin -->\n"
END = "<!-- import graph: end -->\n"


class Import(NamedTuple):
    """A module that a file imports."""

    module: str
    at_top: bool
    """Whether it is imported when the file is, and not on first use."""


def source_files() -> list[Path]:
    """Return every Python file of the four packages, sorted."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def file_of(module: str) -> Path:
    """Return the file that a module of ours would lie in, ``kg.graph.store`` or ``kg.graph``."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports_of(path: Path) -> Iterator[Import]:
    """Every module that a file imports, except for the type checker's sake.

    Raises:
        ValueError: a relative import; they are not used here.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    top = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield from (Import(module, id(node) in top) for module in _imported_from(path, node))


def _imported_from(path: Path, node: ast.ImportFrom) -> Iterator[str]:
    """``from kg.graph import store`` imports ``kg.graph`` and ``kg.graph.store``."""
    if node.level or not node.module:
        raise ValueError(f"{path}:{node.lineno}: relative import; name the module in full")
    yield node.module
    if node.module.split(".")[0] in PACKAGES and file_of(node.module).name == "__init__.py":
        inner = (f"{node.module}.{alias.name}" for alias in node.names)
        yield from (name for name in inner if file_of(name).exists())


def wing_of(module: str) -> str:
    """Return what a module is drawn as: ``kg.graph.store`` as ``kg.graph``, ``kg.errors`` as ``kg.ground``."""
    package, wing, *_ = (*module.split("."), "")
    if package == "kg" and wing in GROUND:
        return "kg.ground"
    return f"{package}.{wing}" if wing and package != "cypher" else package


def wing_graph() -> nx.DiGraph[str]:
    """Return an edge from each wing to each that it imports."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for path in source_files():
        wing = wing_of(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        if wing in PACKAGES[1:]:
            continue  # a package by itself imports nothing
        graph.add_node(wing)
        others = {wing_of(module) for module, _ in imports_of(path) if module.split(".")[0] in PACKAGES}
        graph.add_edges_from((wing, other) for other in others - {wing, *PACKAGES[1:]})
    return graph


def mermaid(graph: nx.DiGraph[str]) -> str:
    """Return the graph as Mermaid text; an arrow that follows from others is left out.

    Raises:
        networkx.NetworkXError: the wings import one another in a circle.
    """
    lines = ["flowchart TD"]
    for package in reversed(PACKAGES):
        wings = sorted(wing for wing in graph if wing.split(".")[0] == package)
        lines.append(f"  subgraph {package}")
        lines += (f'    {_node(wing)}["{_label(wing)}"]' for wing in wings)
        lines.append("  end")
    edges = sorted(nx.transitive_reduction(graph).edges)
    lines += (f"  {_node(wing)} --> {_node(other)}" for wing, other in edges)
    return "\n".join(lines) + "\n"


def _node(wing: str) -> str:
    """``mcp_server.link`` as ``mcp_server_link``; a package drawn as a whole may not be named as its frame is."""
    return wing.replace(".", "_") if "." in wing else f"{wing}_files"


def _label(wing: str) -> str:
    return "<br/>".join(GROUND) if wing == "kg.ground" else wing.rsplit(".", maxsplit=1)[-1]


def redrawn(page: str) -> str:
    """Return the text of the page with the graph as it is now between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```mermaid\n{mermaid(wing_graph())}```\n\n{END}{after}"


def main() -> int:
    """Draw the graph into the page; return the exit status."""
    page = PAGE.read_text(encoding="utf-8")
    if BEGIN not in page or END not in page:
        sys.stderr.write(f"{PAGE} lacks the lines {BEGIN.strip()} and {END.strip()}; put them where the graph goes\n")
        return 1
    PAGE.write_text(redrawn(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
