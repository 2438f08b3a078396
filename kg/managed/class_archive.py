"""An archive of the classes that Neo4j loads, for faster starts."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from kg.managed.java import Java
from kg.managed.java_flags import environment

CLASS_LOG = Path("logs", "classes.log")
_ARCHIVE_SPARE_BYTES = 500 * 2**20
_LEFT_OVER_S = 3600

log = logging.getLogger(__name__)


class ClassArchive:
    """An archive of Neo4j's loaded classes, in the cache folder. Java ignores one that does not fit its class path.

    It belongs to a build of Java, wherever that is installed: an upgrade that brings the same Java keeps it.
    """

    def __init__(self, cache_dir: Path, java: Java, jars: Sequence[Path]) -> None:
        key = hashlib.sha256("\n".join([_build(java), *map(str, jars)]).encode()).hexdigest()[:16]
        self._folder = cache_dir / "artifacts"
        self._java, self._jars = java, jars
        self.file = self._folder / f"neo4j-{key}.jsa"

    def flags(self) -> list[str]:
        """Return the flags that use the archive, or, if there is none, those that log the classes for making it.

        Java puts an archive where it was made for. By default it moves it elsewhere, which writes to all of its pages,
        and so takes 66 MB of memory that the system cannot have back.
        """
        if self.file.is_file():
            placed = ("-XX:+UnlockDiagnosticVMOptions", "-XX:ArchiveRelocationMode=0")
            return [f"-XX:SharedArchiveFile={self.file}", *placed, "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        return [f"-Xlog:class+load:file={CLASS_LOG}:none:filecount=0"]

    def drop(self) -> bool:
        """Remove the archive, because a damaged one can make Java crash; True if there was one."""
        there = self.file.is_file()
        self.file.unlink(missing_ok=True)
        return there

    async def make(self, home: Path) -> bool:
        """Make the archive from the classes that a running Neo4j has loaded; True if there is one afterwards.

        This takes one core for ten to twenty seconds at the lowest priority. Neo4j runs without it, so a failure is
        only logged, and nothing is done while another process makes it.
        """
        lock = FileLock(f"{self.file}.lock")
        try:
            lock.acquire(blocking=False)
        except (Timeout, OSError):
            return self.file.is_file()
        try:
            return self.file.is_file() or await self._make(home)
        finally:
            lock.release()

    async def _make(self, home: Path) -> bool:
        names = home / "logs" / "classes.list"
        made = self.file.with_name(f"{self.file.name}.{os.getpid()}.tmp")
        try:
            self._remove_leftovers()
            if shutil.disk_usage(self._folder).free < _ARCHIVE_SPARE_BYTES:
                return False
            loaded = _loaded_classes((home / CLASS_LOG).read_text(encoding="utf-8"))
            names.write_text("\n".join(loaded) + "\n", encoding="utf-8")
            process = await asyncio.create_subprocess_exec(
                *("nice", "-n", "19", self._java.executable, "-Xshare:dump", "-Xmx512m", "-XX:+UseSerialGC"),
                *(f"-XX:SharedClassListFile={names}", f"-XX:SharedArchiveFile={made}"),
                env=environment(self._jars),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                status = await process.wait()
            except asyncio.CancelledError:
                process.kill()
                await process.wait()
                raise
            if status == 0:
                made.replace(self.file)
                (home / CLASS_LOG).unlink(missing_ok=True)
        except OSError as error:
            log.info("no class archive for Neo4j: %s", error)
        finally:
            names.unlink(missing_ok=True)
            made.unlink(missing_ok=True)
        return self.file.is_file()

    def _remove_leftovers(self) -> None:
        """Remove what killed processes left, and all archives except the newest, which another installation may use."""
        for file in self._folder.glob("neo4j-*.jsa.*.tmp"):
            if time.time() - file.stat().st_mtime > _LEFT_OVER_S:
                file.unlink(missing_ok=True)
        for file in sorted(self._folder.glob("neo4j-*.jsa"), key=lambda file: file.stat().st_mtime)[:-1]:
            file.unlink(missing_ok=True)


def _build(java: Java) -> str:
    """Return what tells one build of Java from another: its version and the size of its classes, or where it is."""
    home = Path(java.executable).resolve().parent.parent
    try:
        return f"{(home / 'release').read_text(encoding='utf-8')}\n{(home / 'lib' / 'modules').stat().st_size}"
    except OSError:
        return f"{java.executable}\n{java.version}"


def _loaded_classes(text: str) -> list[str]:
    """Return the names of the classes that were loaded from a jar or from Java itself; a class list takes no others."""
    lines = (line.partition(" source: ") for line in text.splitlines())
    return [name.replace(".", "/") for name, _, source in lines if source.startswith(("jrt:", "file:", "shared "))]
