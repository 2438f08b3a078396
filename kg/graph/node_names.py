"""What a node is called where people see it: in Neo4j Browser, in Bloom, in reports, on pages.

Every node that people see has a ``name``. A name repeats what stands in the node anyway, so a write that changes or
erases the one changes or erases the other in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kg.graph import queries

if TYPE_CHECKING:
    from kg.graph.store import GraphStore, Row

MEMORY_CHARS = 80
FACT_CHARS = 240


def memory_name(text: str) -> str:
    """Return the first words of a memory, on one line and at most 80 characters."""
    return _first_words(text, MEMORY_CHARS)


def fact_name(statement: str) -> str:
    """Return a fact's statement on one line; one of more than 240 characters is cut."""
    return _first_words(statement, FACT_CHARS)


def _first_words(text: str, max_chars: int) -> str:
    text = text.strip()
    line = " ".join(text[: max_chars * 8].split())
    if len(line) <= max_chars and len(text) <= max_chars * 8:
        return line
    words = line[:max_chars].rpartition(" ")[0]
    return f"{words if len(words) > max_chars // 2 else line[: max_chars - 1]}…"


_NAMED: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("Memory", memory_name),
    ("MemoryVersion", memory_name),
    ("Fact", fact_name),
)


async def name_nodes(store: GraphStore, page: int) -> int:
    """Name after what stands in them all memories, versions and facts that are called otherwise; return how many were.

    Before version 4 of the schema they had no name; and a person may change a text in Neo4j Browser.

    Args:
        store: the graph.
        page: how many nodes are looked at, and named, at once.
    """
    named = 0
    for label, name_of in _NAMED:
        after: str | None = ""
        while after is not None:
            found = await store.read_one(queries.misnamed_nodes, label=label, after=after, top_k=page)
            nodes: list[Row] = [
                {"uuid": node["uuid"], "words": words, "name": name_of(words)}
                for node in found["nodes"]
                if (words := node["words"]) and node["name"] != name_of(words)
            ]
            if nodes:
                await store.write(lambda tx, n=nodes: tx.run(queries.name_nodes, nodes=n), "name_nodes")
            named += len(nodes)
            after = found["last"]
    return named
