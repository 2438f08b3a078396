"""The built wheel, installed beside nothing but what it declares, works from any folder without the source tree."""

import itertools
import json
import os
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import psutil
import pytest
from packaging.requirements import Requirement

from kg.settings.paths import cache_dir

ROOT = Path(__file__).parents[2]
CARRIED = (".py", ".cypher", ".md", ".toml", ".json", ".html", ".css", ".js", ".grass", "py.typed")
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("knowthread-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the packages that it declares, those taken from ours; its folder of scripts."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, symlinks=True, with_pip=False)
    scripts = folder / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python")]
    options = ["--no-index", "--no-deps", "--no-warn-script-location"]
    subprocess.run([*pip, "install", *options, str(wheel)], check=True, capture_output=True, timeout=120)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (installed,) = Distribution.discover(name="knowthread", path=[str(site)])
    for package in _declared(installed, set()):
        for name in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / name).exists():
                (site / name).symlink_to(package.locate_file(name))
    return scripts


def _declared(package: Distribution, seen: set[str], extras: Iterable[str] = ()) -> Iterator[Distribution]:
    """What a package requires here with some of its extras, and what that requires."""
    for line in package.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            continue
        wanted = f"{requirement.name}{sorted(requirement.extras)}"
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            pytest.fail(f"{requirement.name} is declared but not in the development environment")
        yield found
        yield from _declared(found, seen, requirement.extras)


def _run(command: list[str], folder: Path, text: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("KNOWTHREAD_", "PYTHON"))}
    environment |= {"KNOWTHREAD_DATA_DIR": str(folder / "data")}
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
    answers = [json.loads(line) for line in _run([str(installed / "knowthread"), "mcp"], tmp_path, text).splitlines()]
    results = {answer["id"]: answer["result"] for answer in answers if "id" in answer}
    assert results[1]["serverInfo"]["name"] == "knowthread"
    assert len(results[2]["tools"]) == 11


def test_its_command_explains_itself(installed: Path, tmp_path: Path) -> None:
    assert "search" in _run([str(installed / "knowthread"), "--help"], tmp_path)


def test_the_service_it_starts_answers_a_tool_through_its_shim_from_another_folder(
    installed: Path, tmp_path: Path
) -> None:
    """Nothing but what the wheel brought is at work: its shim starts its service, which starts its Neo4j."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "USER") if name in os.environ}
    environment |= {
        "HOME": str(tmp_path),
        "KNOWTHREAD_DATA_DIR": str(tmp_path / "data"),
        "KNOWTHREAD_CACHE_DIR": str(cache_dir()),
    }
    command = [str(installed / "knowthread")]
    try:
        started = subprocess.run(
            [*command, "status", "--json"], cwd=elsewhere, env=environment, capture_output=True, timeout=120, check=True
        )
        assert json.loads(started.stdout)["running"] is False
        with subprocess.Popen(
            [*command, "mcp"], cwd=elsewhere, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as shim:
            remembered = _call(shim, "add_memory", text="Wheels turn in the empty environment.", wait=True)
            assert remembered["results"][0]["id"]
            found = _call(shim, "search_memories", query="which wheels turn?")
            assert found["results"][0]["memory"] == "Wheels turn in the empty environment."
            assert found["results"][0]["project"].startswith("elsewhere~")
            assert shim.stdin is not None
            shim.stdin.close()
            assert shim.wait(60) == 0
        service = psutil.Process(json.loads((tmp_path / "data" / "service.json").read_text())["pid"])
        assert Path(service.cmdline()[0]).is_relative_to(installed), service.cmdline()
    finally:
        stopped = subprocess.run(
            [*command, "stop"], cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120, check=True
        )
    assert "stopped" in stopped.stdout


def _call(shim: subprocess.Popen[bytes], tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool, asked again as long as the service is not ready."""
    assert shim.stdin is not None and shim.stdout is not None
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    deadline = time.monotonic() + 240
    for number in itertools.count(1):
        params = {"name": tool, "arguments": arguments, "_meta": meta}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        shim.stdin.write(json.dumps(message).encode() + b"\n")
        shim.stdin.flush()
        answer = json.loads(shim.stdout.readline())
        assert answer["id"] == number and "result" in answer, answer
        if not answer["result"].get("isError"):
            return answer["result"]["structuredContent"]
        text = answer["result"]["content"][0]["text"]
        assert ("not ready" in text or "same call again" in text) and time.monotonic() < deadline, text
        time.sleep(1)
    raise AssertionError("unreachable")
