"""The servers of ``docker-compose.yml``, as far as can be told without Docker.

Neo4j refuses to start with a setting that it does not know, and the image makes a setting of every ``NEO4J_`` variable.
"""

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from kg.managed import neo4j_config
from kg.managed.artifact_lock import NEO4J, load_lock
from kg.managed.artifacts import ensure_jars
from kg.settings.paths import cache_dir
from kg.settings.service import Settings

FILE = Path(__file__).parents[2] / "docker-compose.yml"


@pytest.fixture(scope="module")
def neo4j() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]["neo4j"]


@pytest.fixture(scope="module")
def given(neo4j: dict[str, Any]) -> dict[str, str]:
    """The settings as the image makes them of its environment: ``_`` is a dot, ``__`` an underscore."""
    names = [name for name in neo4j["environment"] if name.startswith("NEO4J_") and name != "NEO4J_AUTH"]
    named = {name.removeprefix("NEO4J_").replace("_", ".").replace("..", "_"): name for name in names}
    return {setting: neo4j["environment"][name] for setting, name in named.items()}


@pytest.fixture(scope="module")
def declared() -> bytes:
    """The constants of the classes that declare Neo4j's settings."""
    ensure_jars(cache_dir())
    found: list[bytes] = []
    for file in load_lock()[NEO4J].kept:
        if "neo4j" in file.path:
            with zipfile.ZipFile(cache_dir() / "artifacts" / file.path) as jar:
                found += [jar.read(name) for name in jar.namelist() if name.endswith("Settings.class")]
    return b"\n".join(found)


def test_every_setting_of_the_neo4j_container_is_one_that_this_neo4j_declares(
    given: dict[str, str], declared: bytes
) -> None:
    assert len(given) >= 6
    constants = {
        name: b"\x01" + len(name).to_bytes(2, "big") + name.encode() for name in given
    }  # as class files have it
    unknown = [name for name, constant in constants.items() if constant not in declared]
    assert unknown == []


def test_the_container_is_as_reticent_as_the_managed_neo4j(given: dict[str, str]) -> None:
    ours = neo4j_config.render_settings(Settings(), neo4j_config.Ports(7687, 7474, 7475)).splitlines()
    managed = dict(line.split("=", 1) for line in ours if "=" in line and not line.startswith("#"))
    for name, value in given.items():
        if not name.startswith("server.memory."):
            assert " ".join(value.split()) == managed[name], name


def test_the_container_is_the_version_that_is_managed(neo4j: dict[str, Any]) -> None:
    (version,) = re.findall(r"neo4j:(\S+)-community", neo4j["image"])
    assert any(f"/{version}/neo4j-{version}.jar" in file.path for file in load_lock()[NEO4J].kept)


def test_the_health_check_shows_no_password_in_the_list_of_processes(neo4j: dict[str, Any]) -> None:
    kind, command = neo4j["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    _, started = command.split("cypher-shell")
    assert "PASSWORD" not in started and "AUTH" not in started and "-p" not in started
    assert 'NEO4J_PASSWORD="$${NEO4J_AUTH#neo4j/}"' in command
    assert not {"NEO4J_PASSWORD", "NEO4J_USERNAME"} & neo4j["environment"].keys(), "the image takes these for settings"
