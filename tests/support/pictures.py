"""A small picture as the service returns one, for tests of what is made of it."""

from __future__ import annotations

from typing import Any

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> {{scripts}} $&"
)
"""A text that tries to run in a page."""


def picture(**more: Any) -> dict[str, Any]:
    """Redis was rejected, then chosen; a version is a value; one memory's text is hostile."""
    return {
        "picture": "graph",
        "user": "ada",
        "now": "2026-06-01T00:00:00Z",
        "at": "2026-06-01T00:00:00Z",
        "entities": [
            {"id": "shop", "name": f"shop {HOSTILE}", "kind": "Project", "aliases": ["shop"]},
            {"id": "redis", "name": "Redis", "kind": "Tool", "aliases": ["redis"]},
            {"id": "node", "name": "Node\x0b.js", "kind": "Tool", "aliases": ["node.js"]},
        ],
        "facts": [
            {
                "id": "f1", "subject": "shop", "object": "redis", "predicate": "REJECTED", "statement": HOSTILE,
                "because": "one more service", "begins": "2025-01-01T00:00:00Z", "ends": "2026-01-01T00:00:00Z",
                "stored": "2025-01-01T00:00:00Z", "claim": "c1", "origin": "caller", "memory": "m1",
                "replaced_by": [{"id": "f2", "fact": "shop chose Redis", "how": "superseded", "reason": "load",
                                 "by": "caller", "at": "2026-01-01T00:00:00Z"}],
            },
            {
                "id": "f2", "subject": "shop", "object": "redis", "predicate": "CHOSE", "statement": "shop chose Redis",
                "begins": "2026-01-01T00:00:00Z", "stored": "2026-01-01T00:00:00Z", "claim": "c2", "origin": "caller",
                "memory": "m2",
            },
            {
                "id": "f3", "subject": "node", "value": 'the "22"\\line', "predicate": "USES_VERSION",
                "statement": "node is at 22", "stored": "2026-01-01T00:00:00Z", "claim": "c3", "origin": "model",
                "memory": "m2",
            },
        ],
        "memories": {
            "m1": {"text": HOSTILE, "project": "github.com/acme/shop", "at": "2025-01-01T00:00:00Z"},
            "m2": {"text": "Redis after all. Node 22.", "at": "2026-01-01T00:00:00Z"},
        },
    } | more  # fmt: skip
