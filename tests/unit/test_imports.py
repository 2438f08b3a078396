"""Who imports whom, read from the syntax trees: one direction, and one room for each foreign SDK."""

from __future__ import annotations

import sys
from pathlib import Path

import networkx as nx
import pytest

from scripts.import_graph import GROUND, PACKAGES, ROOT, file_of, imports_of, source_files

WINGS = {
    "kg": (
        GROUND,
        ("settings", "language", "graph"),
        ("facts", "index", "managed"),
        ("entities", "recall"),
        ("writing",),
        ("jobs", "mending"),
        ("operations",),
        ("reports",),
    ),
    "extract": (("prompts", "providers"), ("routing", "tasks", "embedders")),
    "mcp_server": (
        ("link",),
        ("shim", "tools", "pages"),
        ("service",),
        ("doctor",),
        ("cli",),
        ("entry",),
        ("__main__",),
    ),
}
"""The wings of each package by floor: a wing may import those on floors below its own, and none beside it."""

ROOMS = {
    "neo4j": (
        "kg/graph/store.py",
        "kg/graph/python_values.py",
        "kg/graph/failures.py",
        "kg/graph/report_values.py",
        "kg/graph/driver_instants.py",
        "kg/graph/driver_tables.py",
    ),
    "neomodel": ("kg/graph/schema.py",),
    "qdrant_client": ("kg/index/qdrant/",),
    "qdrant_edge": ("kg/index/qdrant/",),
    "onnxruntime": ("extract/embedders/onnx_model.py",),
    "tokenizers": ("extract/embedders/onnx_model.py",),
    "anthropic": ("extract/providers/anthropic.py",),
    "google": ("extract/providers/gemini.py",),
    "ollama": ("extract/providers/ollama_client.py",),
    "networkx": ("kg/entities/resolve.py", "mcp_server/pages/formats.py"),
    "prometheus_client": ("mcp_server/service/metrics.py",),
    "mcp": ("mcp_server/",),
    "starlette": ("mcp_server/",),
    "uvicorn": ("mcp_server/",),
}
"""The only places where a foreign SDK may be imported."""

SHIM = (
    "entry",
    "shim.stdio",
    "shim.forward",
    "shim.patience",
    "link.http_client",
    "shim.legacy_session",
    "link.session",
    "link.lifecycle",
    "link.record",
)
"""Modules of the stdio shim, which starts without any installed package."""

FILES = source_files()


def test_the_files_of_all_four_packages_are_read():
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(PACKAGES)
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path):
    own = PACKAGES.index(path.relative_to(ROOT).parts[0])
    later = set(PACKAGES[own + 1 :])
    assert not later & {module.split(".")[0] for module, _ in imports_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_wing_imports_only_those_below_it(path: Path):
    package, wing, *_ = (*path.relative_to(ROOT).with_suffix("").parts, "")
    if package not in WINGS or wing == "__init__":
        return
    floor = {name: number for number, names in enumerate(WINGS[package]) for name in names}
    assert wing in floor, f"{package}/{wing} has no place in WINGS"
    for module, _ in imports_of(path):
        other, *rest = module.split(".")
        if other != package or not rest or rest[0] == wing or {wing, rest[0]} <= set(GROUND):
            continue
        assert floor[rest[0]] < floor[wing], f"{module} is not below {package}.{wing}"


def test_no_module_imports_itself_by_way_of_others():
    imports = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): [
            module for module, _ in imports_of(path) if module.split(".")[0] in PACKAGES and file_of(module).is_file()
        ]
        for path in FILES
    }
    assert nx.is_directed_acyclic_graph(nx.DiGraph(imports)), nx.find_cycle(nx.DiGraph(imports))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_foreign_sdk_is_imported_in_its_own_room_only(path: Path):
    place = path.relative_to(ROOT).as_posix()
    for module, _ in imports_of(path):
        rooms = ROOMS.get(module.split(".")[0])
        assert rooms is None or place.startswith(rooms), f"{module} in {place}"


@pytest.mark.parametrize("package", ["kg", "mcp_server"])
def test_a_package_imports_nothing_by_itself(package: str):
    assert not list(imports_of(ROOT / package / "__init__.py"))


@pytest.mark.parametrize("name", SHIM)
def test_the_shim_starts_with_the_standard_library_alone(name: str):
    for module in loaded_with(f"mcp_server.{name}"):
        top = module.split(".")[0]
        assert top in sys.stdlib_module_names or top in PACKAGES, f"{module} by way of mcp_server.{name}"


def test_what_speaks_http_loads_no_driver_of_a_database():
    """A service listens before it knows its graph, and the driver takes a third of a second."""
    loaded = loaded_with("mcp_server.service.http")
    assert "starlette.routing" in loaded
    assert not [module for module in loaded if module.split(".")[0] == "neo4j"]


def loaded_with(name: str) -> set[str]:
    """The modules that come with one, followed through everything of ours that is imported at a module's top level."""
    todo, seen = [name], set[str]()
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        if module.split(".")[0] in PACKAGES:
            todo.extend(imported for imported, at_top in imports_of(file_of(module)) if at_top)
    return seen
