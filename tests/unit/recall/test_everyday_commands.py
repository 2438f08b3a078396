"""The vectors of everyday commands are embedded once, and read from a file after that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kg.ports import QuestionVectors
from kg.recall.everyday_commands import Commands, everyday_commands
from tests.support.plain_embedder import PlainEmbedder


class Counting(PlainEmbedder):
    """Counts what it embeds."""

    def __init__(self, digest: str = "counting") -> None:
        self.digest = digest
        self.asked = 0

    async def embed_question(self, text: str) -> QuestionVectors:
        self.asked += 1
        return await super().embed_question(text)


async def read(folder: Path | None, digest: str = "counting") -> tuple[int, np.ndarray]:
    """How many texts a start embeds, and what it has then."""
    embedder = Counting(digest)
    commands = Commands(embedder, folder)
    texts, sentences = await commands.vectors()
    assert np.array_equal((await commands.vectors())[0], texts)
    return embedder.asked, np.stack([texts, sentences])


async def test_the_second_start_reads_what_the_first_embedded(tmp_path: Path) -> None:
    asked, vectors = await read(tmp_path)
    assert asked == len(everyday_commands())
    again, same = await read(tmp_path)
    assert again == 0
    assert np.array_equal(same, vectors)
    assert [file.suffix for file in tmp_path.iterdir()] == [".npy"], "nothing else is left"


async def test_without_a_folder_nothing_is_kept() -> None:
    assert (await read(None))[0] == (await read(None))[0] == len(everyday_commands())


async def test_another_embedder_reads_them_itself(tmp_path: Path) -> None:
    await read(tmp_path)
    assert (await read(tmp_path, "another"))[0] == len(everyday_commands())
    assert (await read(tmp_path))[0] == 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array",
        b"PK\x03\x04 no zip",
        b"\x93NUMPY\x01\x00",
        np.ones(3, np.float32),
        np.ones((2, 124, 16), np.float32),
    ],
)
async def test_a_file_that_holds_anything_else_is_made_again(tmp_path: Path, content: bytes | np.ndarray) -> None:
    _, vectors = await read(tmp_path)
    (file,) = tmp_path.iterdir()
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content)
    asked, made = await read(tmp_path)
    assert asked == len(everyday_commands())
    assert np.array_equal(made, vectors)
    assert (await read(tmp_path))[0] == 0


async def test_a_folder_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert (await read(missing))[0] == len(everyday_commands())
    assert not missing.exists()
