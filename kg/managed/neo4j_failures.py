"""Why the managed Neo4j did not start, as its output shows, and what to do about it."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

from kg.errors import SetupError

_TAIL_LINES = 12


class Failure(Enum):
    """A known reason for not starting: what is wrong and how to fix it; both may name ``{home}``."""

    PORT_TAKEN = (
        "a port of the graph in {home} is taken by another program",
        "remove {home}/ports.json and start again; free ports are chosen then",
    )
    DISK_FULL = (
        "there is no space left for the graph in {home}",
        "free at least 500 MB there, or set KNOWTHREAD_DATA_DIR to a folder on another disk",
    )
    STORE_LOCKED = (
        "another Neo4j, not started by knowthread, has the store in {home} open",
        "stop that Neo4j (its command line names the folder) and start again",
    )
    JAR_DAMAGED = (
        "Neo4j's program files cannot be loaded",
        "remove the folder `artifacts` of the cache folder and run `knowthread setup`",
    )
    JAVA_UNFIT = (
        "this Java cannot run Neo4j",
        "unset KNOWTHREAD_JAVA to use the one that comes with knowthread, or set it to a Java 17 or 21",
    )
    MEMORY = (
        "there is not enough memory for Neo4j",
        "close other programs, or change KNOWTHREAD_NEO4J_HEAP (512m) and KNOWTHREAD_NEO4J_PAGE_CACHE (128m)",
    )
    FORBIDDEN = (
        "files of the graph in {home} cannot be read or written",
        "make the user who runs knowthread their owner",
    )
    NEWER_STORE = (
        "the store in {home} was written by another version of Neo4j",
        "use the newer knowthread that wrote it, or restore a backup",
    )
    TIMEOUT = ("Neo4j did not start in time", "see {home}/logs, then try again on a less busy machine")
    UNKNOWN = ("Neo4j did not start", "see {home}/logs; `knowthread doctor` checks everything that it needs")

    def error(self, home: Path, tail: str) -> SetupError:
        """Return the error to raise, with the end of what Neo4j wrote."""
        what, cure = (text.format(home=home) for text in self.value)
        lines = "\n".join(tail.strip().splitlines()[-_TAIL_LINES:])
        return SetupError(f"{what}; its log ends:\n{lines}\n" if lines else what, cure)


# The order counts: the first one found is the cause, later ones are often its effects.
_SIGNS = (
    (Failure.DISK_FULL, r"No space left on device|Disk quota exceeded|DatabaseOutOfDiskSpace"),
    (Failure.PORT_TAKEN, r"BindException|Address already in use|PortBindException"),
    (
        Failure.STORE_LOCKED,
        r"FileLockException|StoreLockException|OverlappingFileLockException|has been locked by anoth",
    ),
    (Failure.JAVA_UNFIT, r"UnsupportedClassVersionError|Unrecognized (VM )?option|Unsupported Java|GLIBC_"),
    (
        Failure.JAR_DAMAGED,
        r"NoClassDefFoundError|ClassNotFoundException|ClassFormatError|ZipException|Could not find or load main class"
        r"|zip END header|Invalid or corrupt jar|NoSuchMethodError|ServiceConfigurationError|VerifyError"
        r"|DataFormatException|ZipError|IncompatibleClassChangeError",
    ),
    (
        Failure.MEMORY,
        r"OutOfMemoryError|Could not reserve enough space|Cannot allocate memory|Invalid (maximum|initial) heap size"
        r"|Too small (maximum|initial) heap|Initial heap size set to a larger value",
    ),
    (Failure.FORBIDDEN, r"AccessDeniedException|Permission denied"),
    (Failure.NEWER_STORE, r"Unknown store version|UnsupportedFormat|StoreUpgrade|Unable to read store with version"),
)


def diagnose(text: str) -> Failure:
    """Return why Neo4j did not start, from its output or from an error of the operating system."""
    return next((failure for failure, signs in _SIGNS if re.search(signs, text)), Failure.UNKNOWN)
