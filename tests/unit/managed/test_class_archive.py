"""Tests of the archive of Neo4j's classes: which Java it belongs to, and who makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from kg.managed.class_archive import CLASS_LOG, ClassArchive
from kg.managed.java import Java

JARS = [Path("/jars/neo4j.jar")]
DUMPS = """#!/bin/sh
for argument; do case $argument in -XX:SharedArchiveFile=*) : > "${argument#*=}";; esac; done
"""


def java_at(home: Path, release: str = 'JAVA_VERSION="21.0.8"', classes: bytes = b"classes") -> Java:
    """Return a Java that is installed in a folder, as far as an archive looks at it."""
    for folder in ("bin", "lib"):
        (home / folder).mkdir(parents=True)
    (home / "bin" / "java").write_text(DUMPS, encoding="utf-8")
    (home / "bin" / "java").chmod(0o700)
    (home / "release").write_text(release, encoding="utf-8")
    (home / "lib" / "modules").write_bytes(classes)
    return Java(str(home / "bin" / "java"), "21.0.8")


def test_the_same_java_in_another_folder_uses_the_same_archive(tmp_path: Path) -> None:
    here, there = java_at(tmp_path / "here"), java_at(tmp_path / "there")
    assert ClassArchive(tmp_path, here, JARS).file == ClassArchive(tmp_path, there, JARS).file


@pytest.mark.parametrize("change", [{"release": 'JAVA_VERSION="21.0.9"'}, {"classes": b"of another build"}])
def test_another_java_has_an_archive_of_its_own(tmp_path: Path, change: dict[str, Any]) -> None:
    one = java_at(tmp_path / "one")
    other = java_at(tmp_path / "other", **change)
    assert ClassArchive(tmp_path, one, JARS).file != ClassArchive(tmp_path, other, JARS).file


def test_a_java_that_says_nothing_of_itself_is_told_by_its_place(tmp_path: Path) -> None:
    files = {ClassArchive(tmp_path, Java(str(tmp_path / name / "bin" / "java"), "21"), JARS).file for name in "ab"}
    assert len(files) == 2


async def test_only_one_process_makes_an_archive(tmp_path: Path) -> None:
    archive = ClassArchive(tmp_path, java_at(tmp_path / "java"), JARS)
    archive.file.parent.mkdir()
    (tmp_path / CLASS_LOG).parent.mkdir()
    (tmp_path / CLASS_LOG).write_text("java.lang.Object source: jrt:/java.base\n", encoding="utf-8")
    with FileLock(f"{archive.file}.lock"):
        assert not await archive.make(tmp_path)
    assert await archive.make(tmp_path)
