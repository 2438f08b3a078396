"""Everyday commands ("run the tests") as an embedder reads them: questions are measured against them too.

An embedder reads each one alike for ever, so their vectors are kept in a file: to embed them takes a second of a core,
which every start would spend while the database starts too.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import tomllib
from functools import cache
from pathlib import Path

import numpy as np

from kg.ports import Embedder, Vector

log = logging.getLogger(__name__)

COMMANDS_FILE = Path(__file__).with_name("commands.toml")
_UNIT_TOLERANCE = 1e-3


@cache
def everyday_commands() -> tuple[str, ...]:
    """Return the everyday commands."""
    return tuple(tomllib.loads(COMMANDS_FILE.read_text(encoding="utf-8"))["commands"])


class Commands:
    """The vectors of the everyday commands: embedded once, or read from the file that an earlier start has left."""

    def __init__(self, embedder: Embedder, folder: Path | None = None) -> None:
        """``folder``: where the file is kept; None keeps none."""
        self._embedder = embedder
        self._folder = folder
        self._lock = asyncio.Lock()
        self._vectors: Vector | None = None

    async def vectors(self) -> tuple[Vector, Vector]:
        """Return the (n, d) vectors of the commands as texts and as sentences.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        async with self._lock:
            if self._vectors is None:
                kept = await asyncio.to_thread(self._read)
                self._vectors = await self._embed() if kept is None else kept
            return self._vectors[0], self._vectors[1]

    async def _embed(self) -> Vector:
        read = [await self._embedder.embed_question(command) for command in everyday_commands()]
        vectors = np.stack([[one.text for one in read], [one.sentence for one in read]]).astype(np.float32)
        await asyncio.to_thread(self._write, vectors)
        return vectors

    def _file(self) -> Path | None:
        if self._folder is None:
            return None
        identity = "\n".join([self._embedder.name, self._embedder.digest, *everyday_commands()])
        return self._folder / f"everyday-commands-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.npy"

    def _read(self) -> Vector | None:
        """Return the (2, n, d) vectors of the file, None if there is none or it holds anything else."""
        file = self._file()
        if file is None:
            return None
        try:
            with file.open("rb") as kept:
                vectors: Vector = np.lib.format.read_array(kept, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if vectors.shape != (2, len(everyday_commands()), self._embedder.dimension) or vectors.dtype != np.float32:
            return None
        off = np.abs(np.linalg.norm(vectors, axis=-1) - 1.0).max()
        return vectors if off <= _UNIT_TOLERANCE else None

    def _write(self, vectors: Vector) -> None:
        """Keep the vectors; the next start embeds them again where that fails."""
        file = self._file()
        if file is None:
            return
        fresh = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        try:
            with fresh.open("wb") as out:
                np.save(out, vectors, allow_pickle=False)
            fresh.replace(file)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            log.info("the vectors of everyday commands are not kept: %s", error)
