"""The built wheel, installed beside nothing but what it declares, works from any folder without the source tree."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

from mcp_server.link.stop import stop_service
from tests.support.wheel import ROOT

CARRIED = (".py", ".cypher", ".md", ".toml", ".json", ".html", ".css", ".js", ".grass", "py.typed")
NO_NEO4J = "bolt://127.0.0.1:9"
"""Where nothing answers: a shim starts a service behind the client's back, and that needs no Neo4j of its own here."""

INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}


def _run(command: list[str], folder: Path, text: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KNOWTHREAD_", "PYTHON"))}
    environment |= {"KNOWTHREAD_DATA_DIR": str(folder / "data"), "KNOWTHREAD_NEO4J_URL": NO_NEO4J}
    result = subprocess.run(
        command, cwd=folder, input=text, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_wheel_carries_every_data_file_and_nothing_else_of_the_repository(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    carried = {name for name in names if ".dist-info/" not in name and not name.endswith(".data/scripts/knowthread")}
    expected = {
        str(file.relative_to(ROOT))
        for package in ("cypher", "kg", "extract", "mcp_server")
        for file in (ROOT / package).rglob("*")
        if file.name.endswith(CARRIED) and "__pycache__" not in file.parts
    }
    assert carried == expected
    for name in (
        "mcp_server/tools/manifest.generated.json",
        "kg/managed/artifacts.lock.json",
        "kg/facts/predicates.toml",
        "kg/py.typed",
    ):
        assert name in carried


def test_its_modules_and_data_files_are_read_from_another_folder(installed: Path, tmp_path: Path) -> None:
    code = """
import importlib, json, pkgutil, cypher, extract, kg, mcp_server
for package in (cypher, extract, kg, mcp_server):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
from kg.managed.artifact_lock import load_lock
from kg.facts.predicates import PREDICATES
print(json.dumps({
    "folders": [package.__path__[0] for package in (cypher, extract, kg, mcp_server)],
    "queries": len(cypher.load()), "predicates": len(PREDICATES), "artifacts": sorted(load_lock()),
    "manifest": importlib.import_module("mcp_server.tools.manifest").FILE.exists(),
}))
"""
    seen = json.loads(_run([str(installed / "python"), "-I", "-c", code], tmp_path))
    assert all(Path(folder).is_relative_to(installed.parent) for folder in seen["folders"]), seen["folders"]
    assert seen["queries"] == len(list((ROOT / "cypher").rglob("*.cypher")))
    assert seen["predicates"] > 20
    assert "neo4j" in seen["artifacts"]
    assert seen["manifest"]


def test_its_command_answers_a_client_from_another_folder(installed: Path, tmp_path: Path) -> None:
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    text = "".join(json.dumps(message) + "\n" for message in messages)
    try:
        said = _run([str(installed / "knowthread"), "mcp"], tmp_path, text)
    finally:
        stop_service(tmp_path / "data")
    answers = [json.loads(line) for line in said.splitlines()]
    results = {answer["id"]: answer["result"] for answer in answers if "id" in answer}
    assert results[1]["serverInfo"]["name"] == "knowthread"
    assert len(results[2]["tools"]) == 11


def test_its_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    assert "search" in _run([str(installed / "knowthread"), "--help"], tmp_path)
