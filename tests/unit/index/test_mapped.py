"""Mapped files whose memory is given back: nothing is lost, and only files below the folder are meant."""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

from kg.index.qdrant.mapped import give_back_mapped


def test_a_mapped_file_says_the_same_after_its_memory_was_given_back(tmp_path: Path) -> None:
    folder, size = tmp_path / "a folder", 4 * mmap.PAGESIZE
    for name in ("shard", "shard-2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "page_0.dat").write_bytes(b"x" * size)
    with (folder / "shard" / "page_0.dat").open("r+b") as mine, (folder / "shard-2" / "page_0.dat").open("rb") as other:
        mapped = mmap.mmap(mine.fileno(), 0)
        beside = mmap.mmap(other.fileno(), 0, prot=mmap.PROT_READ)
        mapped[:5] = b"later"
        assert give_back_mapped(folder / "shard") == (size if sys.platform == "linux" else 0)
        assert mapped[:6] == b"laterx" and mapped[-1:] == b"x"
        assert beside[:] == b"x" * size
        mapped.close()
        beside.close()
    assert give_back_mapped(folder / "shard") == 0
    assert (folder / "shard" / "page_0.dat").read_bytes().startswith(b"laterx")
