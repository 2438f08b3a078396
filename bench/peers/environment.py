"""What is compared, and an environment of its own for each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from kg.managed.artifacts import ensure_model
from kg.settings.paths import cache_dir


@dataclass(frozen=True)
class Peer:
    """What is compared.

    Attributes:
        packages: what pip installs into its environment; none: it runs in this one.
        npm: the package that npm installs, for a server in Node.js.
        needs: a program it cannot do without.
        python: the lowest version of Python that its packages run on, where that is later than this project's.
        on_neo4j: it gets a managed Neo4j of its own, whose start and memory count as its own.
    """

    name: str
    packages: tuple[str, ...] = ()
    npm: str | None = None
    needs: str | None = None
    python: tuple[int, int] | None = None
    on_neo4j: bool = False

    @property
    def script(self) -> Path:
        """The file that runs it."""
        return Path(__file__).parent / f"{self.name.replace('-', '_')}_peer.py"


EMBEDS = ("onnxruntime", "tokenizers", "numpy")
PEERS = (
    Peer("knowthread"),
    Peer("mem0", ("mem0ai[nlp]", "fastembed", "stop-words", *EMBEDS)),
    Peer("graphiti", ("graphiti-core", "httpx", *EMBEDS), on_neo4j=True),
    Peer("basic-memory", ("basic-memory",), python=(3, 12)),
    Peer("reference", npm="@modelcontextprotocol/server-memory", needs="npm"),
    Peer("bm25", ("bm25s", "PyStemmer")),
    Peer("grep", needs="grep"),
)

PYTHON = "KNOWTHREAD_PEER_PYTHON"
"""Names the Python of peers that need a later one than this."""
_LATER = 10
"""How many minor versions from a peer's lowest on are looked for on PATH."""


class Missing(Exception):
    """What a peer needs is not on this machine; it says what that is."""


def python_for(peer: Peer) -> str:
    """Return the Python that makes a peer's environment.

    This one where it will do; otherwise the one that ``KNOWTHREAD_PEER_PYTHON`` names, or ``python3.12``,
    ``python3.13``, … on PATH.

    Raises:
        Missing: there is none that is late enough.
    """
    if peer.python is None or sys.version_info >= peer.python:
        return sys.executable
    major, minor = peer.python
    named = os.environ.get(PYTHON)
    wanted = [named] if named else [f"python{major}.{minor + later}" for later in range(_LATER)]
    for name in wanted:
        found = shutil.which(name)
        if found is not None and _is_at_least(found, peer.python):
            return found
    where = f"and the one that {PYTHON} names is none" if named else f"there is none on PATH, and {PYTHON} is not set"
    raise Missing(f"it needs Python {major}.{minor} or later, {where}")


class Environment:
    """Where a peer's packages lie, and what its process is told.

    Raises:
        Missing: this machine lacks what the peer needs.
    """

    def __init__(self, peer: Peer, base: Path) -> None:
        if peer.needs and shutil.which(peer.needs) is None:
            raise Missing(f"it needs {peer.needs}")
        self.peer = peer
        self.folder = base / peer.name
        self._made_by = python_for(peer)

    def prepare(self) -> None:
        """Install what is missing; at most once for each set of packages and Python."""
        wanted = "\n".join(self.peer.packages or (self.peer.npm or "",))
        if self.peer.python:
            wanted += f"\n{self._made_by}"
        stamp = self.folder / "installed.txt"
        if not wanted or (stamp.exists() and stamp.read_text() == wanted):
            return
        print(f"installing {self.peer.name}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.peer.npm:
            self.folder.mkdir(parents=True)
            _run(["npm", "install", "--silent", "--prefix", str(self.folder), self.peer.npm])
        else:
            _run([self._made_by, "-m", "venv", str(self.folder)])
            _run([self.python, "-m", "pip", "install", "--quiet", *self.peer.packages])
        stamp.write_text(wanted)

    @property
    def python(self) -> str:
        """The interpreter that runs it."""
        return str(self.folder / "bin" / "python") if self.peer.packages else sys.executable

    def version(self) -> str:
        """Return the version of what is compared, or an empty string."""
        if self.peer.npm:
            return json.loads((self._server.parent.parent / "package.json").read_text())["version"]
        if self.peer.packages:
            name = self.peer.packages[0].partition("[")[0]
            code = f"from importlib.metadata import version; print(version({name!r}))"
            return _run([self.python, "-c", code]).strip()
        return version("knowthread") if self.peer.name == "knowthread" else ""

    def variables(self, folder: Path) -> dict[str, str]:
        """Return the environment of its process."""
        model = ensure_model(cache_dir(), "onnx:all-minilm-l6-v2-q")
        return os.environ | {
            "KNOWTHREAD_PEER_FOLDER": str(folder),
            "KNOWTHREAD_PEER_NOTES": str(folder / "notes.txt"),
            "KNOWTHREAD_PEER_MODEL": str(model.onnx),
            "KNOWTHREAD_PEER_TOKENIZER": str(model.tokenizer),
            "KNOWTHREAD_PEER_SERVER": str(self._server) if self.peer.npm else "",
        }

    @property
    def _server(self) -> Path:
        return self.folder / "node_modules" / str(self.peer.npm) / "dist" / "index.js"


def _is_at_least(python: str, version: tuple[int, int]) -> bool:
    """Ask it: a name on PATH may lead to nothing, or to another version."""
    code = f"import sys; sys.exit(sys.version_info < {version})"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
