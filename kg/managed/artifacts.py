"""Fetches what the service runs on (Neo4j's jars, embedding models, the drawing script) and keeps it checked.

Storage idea: one folder under the cache folder, laid out as Maven does it. A file gets its final name only after its
SHA-256 matched the lock, so every file with that name is whole. ``.stamps.json`` keeps size and modification time of
the files that were checked, so that a warm start hashes nothing. One process fetches at a time; the others wait.

A maintainer updates the lock with ``python -m kg.managed.artifacts lock``. That resolves the roots in
``kg/managed/artifact_lock.py`` through jgo, fetches everything once and writes ``kg/managed/artifacts.lock.json``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import BaseFileLock, FileLock, Timeout

from kg.errors import ConfigurationError, SetupError
from kg.managed.artifact_lock import CYTOSCAPE, NEO4J, LockedFile, LockedGroup, LockedJar, load_lock, write_lock
from kg.managed.free_space import free_bytes
from kg.managed.maven import FetchFailed, MavenClient

Progress = Callable[[str, int, int], None]
"""Called with a label, the bytes done and the bytes in all (0: a step without bytes). Any thread may call it, one at a
time.

Labels of a fetch begin with ``fetching``. Whoever waits for the service sees that word and is told to wait longer.
"""

Fetch = Callable[[str, Path, Callable[[int], None]], Path]
"""Fetches the jar of a coordinate into a folder, reports the size of each chunk, and returns the jar's path."""

PARALLEL = 8
ATTEMPTS = 3
PAUSE_S = 0.5
LINE_EVERY_S = 3.0
SPARE_BYTES = 32 * 2**20
OTHER_DISK = "free some space, or set KNOWTHREAD_CACHE_DIR to a folder on another disk"
GO_ONLINE = (
    "connect to the internet (behind a proxy: set HTTPS_PROXY) and run `knowthread setup`; what has arrived is kept, "
    "and once everything is there, knowthread works offline"
)


@dataclass(frozen=True)
class ModelFiles:
    """The files of an embedding model; ``digest`` is the fingerprint of both, taken from the lock."""

    onnx: Path
    tokenizer: Path
    digest: str


def ensure_jars(cache_dir: Path, progress: Progress | None = None, *, verify: bool = False) -> list[Path]:
    """Return Neo4j's class path after fetching what is missing; ``verify`` hashes every file again.

    Raises:
        SetupError: something on this machine or its network prevents it.
    """
    return ArtifactCache(cache_dir).ensure(NEO4J, progress, verify=verify)


def ensure_model(
    cache_dir: Path, embedder: str, progress: Progress | None = None, *, verify: bool = False
) -> ModelFiles:
    """Return an embedding model's files after fetching what is missing; arguments as for ``ensure_jars``.

    Raises:
        ConfigurationError: the embedder is not one that is fetched.
        SetupError: something on this machine or its network prevents it.
    """
    models = {name: group for name, group in load_lock().items() if name not in (NEO4J, CYTOSCAPE)}
    if embedder not in models:
        raise ConfigurationError("KNOWTHREAD_EMBEDDER", f"{embedder!r} is not known", "one of " + ", ".join(models))
    paths = ArtifactCache(cache_dir).ensure(embedder, progress, verify=verify)
    onnx = next(path for path in paths if path.suffix == ".onnx")
    tokenizer = next(path for path in paths if path.suffix == ".json")
    checksums = sorted(file.sha256 for file in models[embedder].kept)
    return ModelFiles(onnx, tokenizer, hashlib.sha256("".join(checksums).encode()).hexdigest())


def ensure_script(cache_dir: Path, progress: Progress | None = None) -> Path:
    """Return the script that draws pictures after fetching it if it is missing; errors as for ``ensure_jars``."""
    (script,) = ArtifactCache(cache_dir).ensure(CYTOSCAPE, progress)
    return script


def missing_bytes(cache_dir: Path, *groups: str) -> int:
    """Return how many bytes these groups (``neo4j``, an embedder's name) still lack; files are judged by size alone."""
    cache, lock = ArtifactCache(cache_dir), load_lock()
    return sum(cache.missing_bytes(lock[name]) for name in groups)


class ArtifactCache:
    """The folder of fetched files, checked against a lock."""

    def __init__(
        self,
        cache_dir: Path,
        lock: dict[str, LockedGroup] | None = None,
        fetch: Fetch | None = None,
        make_lock: Callable[[Path], BaseFileLock] = FileLock,
        *,
        pause_s: float = PAUSE_S,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        """Nothing is looked at yet.

        Args:
            cache_dir: the cache folder.
            lock: what its files must be; by default what is shipped.
            fetch: fetches one jar; by default over the network.
            make_lock: makes the lock under which one process fetches at a time.
            pause_s: before the second attempt at a jar; it doubles before the third.
            free: returns the free space for a folder.
        """
        self._root = cache_dir / "artifacts"
        self._incoming = self._root / ".incoming"
        self._stamp_file = self._root / ".stamps.json"
        self._lock = load_lock() if lock is None else lock
        self._fetch = MavenClient().fetch if fetch is None else fetch
        self._make_lock = make_lock
        self._pause_s = pause_s
        self._free = free

    def ensure(self, name: str, progress: Progress | None = None, *, verify: bool = False) -> list[Path]:
        """Return the paths of a group's files; each is there and its checksum is right."""
        group = self._lock[name]
        paths = [self._root / file.path for file in group.kept]
        if not verify:
            stamps = self._load_stamps()
            if all(self._is_stamped(file, stamps) for file in group.kept):
                return paths
        with self._sole_fetcher(group, progress) as writable:
            stamps = {} if verify else self._load_stamps()
            bad = [jar for jar in group.jars if not all(self._is_right(file, stamps) for file in jar.kept)]
            if bad and not writable:
                raise self._read_only(group, bad)
            if bad:
                self._fetch_all(group, bad, progress)
            if writable:
                self._save_stamps(group)
        return paths

    def missing_bytes(self, group: LockedGroup) -> int:
        """Return the size of all jars that lack a file or have one of the wrong size."""
        return sum(jar.file.size_bytes for jar in group.jars if not all(map(self._has_size, jar.kept)))

    # What is already there

    def _has_size(self, file: LockedFile) -> bool:
        try:
            return (self._root / file.path).stat().st_size == file.size_bytes
        except OSError:
            return False

    def _stamp(self, file: LockedFile) -> list[object] | None:
        try:
            found = (self._root / file.path).stat()
        except OSError:
            return None
        return [file.sha256, found.st_size, found.st_mtime_ns]

    def _is_stamped(self, file: LockedFile, stamps: dict[str, list[object]]) -> bool:
        stamp = stamps.get(file.path)
        return stamp is not None and stamp == self._stamp(file)

    def _is_right(self, file: LockedFile, stamps: dict[str, list[object]]) -> bool:
        path = self._root / file.path
        return self._is_stamped(file, stamps) or (self._has_size(file) and _sha256(path) == file.sha256)

    def _load_stamps(self) -> dict[str, list[object]]:
        try:
            return json.loads(self._stamp_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def _save_stamps(self, group: LockedGroup) -> None:
        """Remember that a group's files were checked. They were synced before, so the note holds after a power cut."""
        stamps = self._load_stamps()
        fresh = {file.path: stamp for file in group.kept if (stamp := self._stamp(file)) is not None}
        if all(stamps.get(path) == stamp for path, stamp in fresh.items()):
            return
        temporary = self._stamp_file.with_suffix(".tmp")
        with self._disk_errors(group, 0):
            temporary.write_text(json.dumps(stamps | fresh), encoding="utf-8")
            temporary.replace(self._stamp_file)

    # One fetcher at a time

    @contextmanager
    def _sole_fetcher(self, group: LockedGroup, progress: Progress | None) -> Generator[bool]:
        """Wait for the folder's lock and hold it; yields False if the folder is read-only."""
        lock = self._make_lock(self._root / ".lock")
        total = sum(jar.file.size_bytes for jar in group.jars)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            while not _acquired(lock):
                if progress is not None:
                    done = total - self.missing_bytes(group)
                    progress(f"fetching {group.label} in another process", done, total)
                time.sleep(0.2)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise SetupError(
                    f"the cache folder {self._root} cannot be used: {error.strerror}", OTHER_DISK
                ) from error
        try:
            yield lock.is_locked
        finally:
            lock.release()

    # Fetching

    def _fetch_all(self, group: LockedGroup, jars: Sequence[LockedJar], progress: Progress | None) -> None:
        """Fetch jars in parallel; the first failure stops the rest."""
        need = sum(jar.file.size_bytes + sum(member.size_bytes for member in jar.members) for jar in jars)
        free = self._free(self._root)
        if free < need + SPARE_BYTES:
            raise self._no_space(group, need, free)
        tally = _Tally(f"fetching {group.label}", sum(jar.file.size_bytes for jar in jars), progress)
        tally.add(0)  # tells the caller what is going on, since the first connection may take long
        with self._disk_errors(group, need):
            for jar in jars:
                for file in jar.kept:
                    (self._root / file.path).unlink(missing_ok=True)
            shutil.rmtree(self._incoming, ignore_errors=True)
            self._incoming.mkdir()
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="fetch") as pool:
            futures = [pool.submit(self._fetch_jar, group, jar, tally) for jar in jars]
            try:
                for future in as_completed(futures):
                    future.result()
            finally:
                tally.stopped = True
                pool.shutdown(cancel_futures=True)
                shutil.rmtree(self._incoming, ignore_errors=True)

    def _fetch_jar(self, group: LockedGroup, jar: LockedJar, tally: _Tally) -> None:
        """Put one jar, or the files taken out of it, in its final place; try again if the bytes are wrong."""
        for attempt in range(1, ATTEMPTS + 1):
            counted = 0

            def count(size: int) -> None:
                nonlocal counted
                counted += size
                tally.add(size)

            try:
                with self._disk_errors(group, jar.file.size_bytes):
                    folder = Path(tempfile.mkdtemp(dir=self._incoming))
                    self._place(jar, self._fetch(jar.coordinate, folder, count), folder)
                tally.add(jar.file.size_bytes - counted)
                return
            except FetchFailed as error:
                tally.add(-counted)
                if attempt == ATTEMPTS:
                    raise self._unreachable(group, error) from error
                time.sleep(self._pause_s * attempt)
            except _WrongContent as error:
                tally.add(-counted)
                if attempt == ATTEMPTS:
                    raise SetupError(
                        f"{jar.coordinate} arrived {ATTEMPTS} times, but never with the checksum of the lock",
                        "a proxy or mirror on the way changes files; use another network, then run `knowthread setup`",
                    ) from error

    def _place(self, jar: LockedJar, arrived: Path, folder: Path) -> None:
        _check(arrived, jar.file)
        if jar.members:
            place = PurePosixPath(jar.file.path).parent
            with zipfile.ZipFile(arrived) as archive:
                for member in jar.members:
                    taken = Path(archive.extract(str(PurePosixPath(member.path).relative_to(place)), folder))
                    _check(taken, member)
                    self._publish(taken, member)
        else:
            self._publish(arrived, jar.file)

    def _publish(self, checked: Path, file: LockedFile) -> None:
        target = self._root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        checked.replace(target)

    # What can go wrong

    @contextmanager
    def _disk_errors(self, group: LockedGroup, need: int) -> Generator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise self._no_space(group, need, self._free(self._root)) from error
            raise SetupError(f"cannot write to {self._root}: {error.strerror or error}", OTHER_DISK) from error

    def _no_space(self, group: LockedGroup, need: int, free: int) -> SetupError:
        return SetupError(
            f"no space for {group.label} in {self._root}: {_mb(need + SPARE_BYTES)} needed, {_mb(free)} free",
            OTHER_DISK,
        )

    def _read_only(self, group: LockedGroup, bad: Sequence[LockedJar]) -> SetupError:
        size = sum(jar.file.size_bytes for jar in bad)
        return SetupError(
            f"{group.label} is not complete in {self._root} ({_mb(size)} missing or damaged) "
            "and the folder is read-only",
            "make it writable, or set KNOWTHREAD_CACHE_DIR to a folder that is",
        )

    def _unreachable(self, group: LockedGroup, error: FetchFailed) -> SetupError:
        missing = [jar for jar in group.jars if not all(map(self._has_size, jar.kept))]
        size = sum(jar.file.size_bytes for jar in missing)
        return SetupError(
            f"cannot fetch {group.label}: {len(missing)} of {len(group.jars)} files ({_mb(size)}) are still missing "
            f"and the Maven repository cannot be reached ({error})",
            GO_ONLINE,
        )


class _WrongContent(Exception):
    """A file arrived, but its bytes do not match the lock."""


class _Tally:
    """Adds up the bytes that several threads received and reports the sum."""

    def __init__(self, label: str, total: int, progress: Progress | None) -> None:
        self.stopped = False
        self._label, self._total, self._progress = label, total, progress
        self._done = 0
        self._guard = threading.Lock()

    def add(self, size: int) -> None:
        if self.stopped:
            raise FetchFailed("stopped")
        with self._guard:
            self._done += size
            if self._progress is not None:
                self._progress(self._label, self._done, self._total)


def _acquired(lock: BaseFileLock) -> bool:
    """Take a lock if nobody else has it, and return whether we have it now."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _sha256(path: Path) -> str:
    """Hash a file and sync it, so that the hash also holds for what is on the disk."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return digest


def _check(path: Path, expected: LockedFile) -> None:
    if path.stat().st_size != expected.size_bytes or _sha256(path) != expected.sha256:
        raise _WrongContent(expected.path)


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


@contextmanager
def progress_bar(line_every_s: float = LINE_EVERY_S) -> Generator[Progress]:
    """Show progress on standard error: a bar in a terminal, otherwise a plain line every few seconds."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Bar(*columns, console=Console(stderr=True)) as bar:
            tasks: dict[str, TaskID] = {}

            def draw(label: str, done: int, total: int) -> None:
                if label not in tasks:
                    tasks[label] = bar.add_task(label)
                bar.update(tasks[label], completed=done, total=total or None)

            yield draw
    else:
        last: dict[str, float] = {}

        def write(label: str, done: int, total: int) -> None:
            now = time.monotonic()
            if now - last.get(label, -math.inf) >= line_every_s or (done == total and last.get(label, 0) < math.inf):
                last[label] = math.inf if done == total else now
                sys.stderr.write(f"{label}: {_mb(done)} of {_mb(total)}\n" if total else f"{label}\n")
                sys.stderr.flush()

        yield write


def main(arguments: Sequence[str]) -> int:
    """Write a new lock (``lock``); for maintainers."""
    if list(arguments) != ["lock"]:
        sys.stderr.write("usage: python -m kg.managed.artifacts lock\n")
        return 2
    client = MavenClient()

    def fetch(coordinate: str, folder: Path) -> Path:
        return client.fetch(coordinate, Path(tempfile.mkdtemp(dir=folder)), lambda _size: None)

    with tempfile.TemporaryDirectory() as folder:
        groups = write_lock(fetch, Path(folder))
    for group in groups.values():
        size = sum(jar.file.size_bytes for jar in group.jars)
        sys.stderr.write(f"{group.label}: {len(group.jars)} jars, {_mb(size)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
