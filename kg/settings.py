"""Service settings: one TOML file, the environment over it, read once by the service.

Session settings (user, agent, run, project) are not here: they travel with every call of a session.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from kg.errors import ConfigurationError
from kg.paths import cache_dir, data_dir

PREFIX = "KNOWTHREAD_"
EMBEDDERS = ("onnx:all-minilm-l6-v2", "onnx:bge-small-en-v1.5")


@dataclass(frozen=True)
class Settings:
    """What one service runs with. Field names are the settings' names without the prefix, in lower case.

    Attributes:
        neo4j_url: an existing Neo4j (``bolt://``, ``neo4j://``, ``neo4j+s://``); empty: a managed local one.
        qdrant_url: an existing Qdrant server; empty: the embedded engine.
        embedder: one of ``EMBEDDERS``.
        host: address to listen on; anything but loopback also needs an explicit ``token``.
        port: 0 chooses a free port once and remembers it.
        token: bearer token; empty: generated once and kept in the data folder, mode 0600.
        idle_minutes: the service stops this long after the last session; 0: never.
        java: a Java 17 or 21 executable; empty: the one that is installed with the package.
        neo4j_heap: maximum heap of the managed Neo4j, JVM notation.
        neo4j_page_cache: page cache of the managed Neo4j, JVM notation.
    """

    data_dir: Path = field(default_factory=data_dir)
    cache_dir: Path = field(default_factory=cache_dir)
    neo4j_url: str = ""
    neo4j_user: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)
    neo4j_database: str = "neo4j"
    qdrant_url: str = ""
    qdrant_api_key: str = field(default="", repr=False)
    embedder: str = EMBEDDERS[0]
    host: str = "127.0.0.1"
    port: int = 0
    token: str = field(default="", repr=False)
    idle_minutes: float = 30.0
    java: str = ""
    neo4j_heap: str = "512m"
    neo4j_page_cache: str = "128m"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``config.toml`` of the data folder, then the environment over it.

    Raises:
        ConfigurationError: an unknown key in the file, or a value of the wrong type or range.
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    chosen = env.get(PREFIX + "DATA_DIR", "").strip()
    folder = Path(chosen).expanduser().absolute() if chosen else data_dir()
    file = folder / "config.toml"
    known = {f.name: f for f in fields(Settings)}
    if file.is_file():
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(str(file), f"is not valid TOML ({error})", "mend or remove the file") from error
        for key, value in content.items():
            if key not in known or key == "data_dir":
                names = ", ".join(sorted(set(known) - {"data_dir"}))
                raise ConfigurationError(f"{key} in {file}", "is not a setting", f"known settings: {names}")
            values[key] = value
    for name in known:
        text = env.get(PREFIX + name.upper(), "").strip()
        if text:
            values[name] = text
    values["data_dir"] = folder
    return Settings(**{name: _convert(name, value) for name, value in values.items()})


def _convert(name: str, value: object) -> Any:
    setting = PREFIX + name.upper()
    if name.endswith("_dir"):
        return Path(str(value)).expanduser().absolute()
    if name in ("port", "idle_minutes"):
        upper = 65535 if name == "port" else 10**6
        try:
            number = int(str(value)) if name == "port" else float(str(value))
        except ValueError as error:
            raise ConfigurationError(setting, f"{value!r} is not a number", f"0 to {upper}") from error
        if not 0 <= number <= upper:
            raise ConfigurationError(setting, f"{value!r} is out of range", f"0 to {upper}")
        return number
    if not isinstance(value, str):
        raise ConfigurationError(setting, f"{value!r} is not a string", "a quoted string")
    if name == "embedder" and value not in EMBEDDERS:
        raise ConfigurationError(setting, f"{value!r} is not known", "one of " + ", ".join(EMBEDDERS))
    return value
