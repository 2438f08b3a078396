"""What a node is called where people see it: in Neo4j Browser, in Bloom, in reports, on pages.

Every node that people see has a ``name``. A name repeats what stands in the node anyway, so a write that changes or
erases the one changes or erases the other in the same transaction.
"""

from __future__ import annotations

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
