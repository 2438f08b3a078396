"""What both models take of memory beyond the process: ``make bench-model-memory``.

Loads them in this fresh process, embeds 500 notes of mixed length and 50 long ones, and prints after each step how much
more is resident than before: RSS; PSS, which counts shared pages in part; and what is the process's own (Anonymous),
which the system cannot have back, as it can the words that are read from the models' files. Linux alone tells that.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.recall_sets import OWN_SETS
from extract.embedders.connect import make_embedder
from extract.embedders.unused_memory import give_back_unused
from kg.language.sentences import sentences
from kg.ports import Embedder, TextToEmbed
from kg.settings.paths import cache_dir
from kg.settings.service import EMBEDDERS

NOTES, LONG, JOINED = 500, 50, 40
BATCH = 32
KINDS = ("Rss", "Pss", "Anonymous")


def resident_mb() -> dict[str, float]:
    """Return what this process holds of memory, in MB."""
    lines = (line.split() for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines())
    return {parts[0][:-1]: int(parts[1]) / 1024 for parts in lines if parts[0][:-1] in KINDS}


async def embed(embedder: Embedder, texts: list[str]) -> None:
    for start in range(0, len(texts), BATCH):
        batch = [TextToEmbed(text, sentences(text), tokens=True) for text in texts[start : start + BATCH]]
        await embedder.embed_texts(batch)


async def main() -> None:
    lines = (OWN_SETS / "notes" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    stored = [json.loads(line)["text"] for line in lines]
    notes = [" ".join([text] * (1 + i % 4)) for i, text in enumerate(islice(cycle(stored), NOTES))]
    long = [" ".join(islice(cycle(stored), i, i + JOINED)) for i in range(LONG)]
    before = resident_mb()

    def show(step: str) -> None:
        print(step, ", ".join(f"{name} {value - before[name]:.1f} MB" for name, value in resident_mb().items()))

    embedder = make_embedder(EMBEDDERS[0], cache_dir())
    await embedder.embed_question("Are the models loaded?")
    show("both models loaded:")
    await embed(embedder, notes)
    show(f"after {NOTES} notes:")
    await embed(embedder, long)
    show(f"after {LONG} long texts:")
    gc.collect()
    give_back_unused()
    show("settled:")
    await embedder.close()


if __name__ == "__main__":
    asyncio.run(main())
