"""Mapped files whose memory is given back: nothing is lost, and only files below the folder are meant."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kg.index.qdrant.mapped import give_back_mapped, unmap_unused


@pytest.mark.parametrize("give_back", [give_back_mapped, unmap_unused])
def test_a_mapped_file_says_the_same_after_its_memory_was_given_back(
    tmp_path: Path, give_back: Callable[[Path], int]
) -> None:
    folder, size = tmp_path / "a folder", 4 * mmap.PAGESIZE
    for name in ("shard", "shard-2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "page_0.dat").write_bytes(b"x" * size)
    with (folder / "shard" / "page_0.dat").open("r+b") as mine, (folder / "shard-2" / "page_0.dat").open("rb") as other:
        mapped = mmap.mmap(mine.fileno(), 0)
        beside = mmap.mmap(other.fileno(), 0, prot=mmap.PROT_READ)
        mapped[:5] = b"later"
        assert give_back(folder / "shard") == (size if sys.platform == "linux" else 0)
        assert mapped[:6] == b"laterx" and mapped[-1:] == b"x"
        assert beside[:] == b"x" * size
        mapped.close()
        beside.close()
    assert give_back(folder / "shard") == 0
    assert (folder / "shard" / "page_0.dat").read_bytes().startswith(b"laterx")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which pages of a file a process has mapped")
def test_what_was_read_counts_no_more_and_a_private_change_stays(tmp_path: Path) -> None:
    size = 64 * mmap.PAGESIZE
    (tmp_path / "page_0.dat").write_bytes(b"x" * size)
    with (tmp_path / "page_0.dat").open("r+b") as file:
        shared, private = mmap.mmap(file.fileno(), 0), mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        private[:5] = b"never"
        assert shared[:] == b"x" * size
        before = _mapped_bytes(tmp_path)
        assert before >= size
        assert unmap_unused(tmp_path) == size
        assert _mapped_bytes(tmp_path) <= before - size
        assert private[:6] == b"neverx"
        shared.close()
        private.close()


def _mapped_bytes(folder: Path) -> int:
    return sum(one.rss for one in psutil.Process().memory_maps() if one.path.startswith(str(folder)))
