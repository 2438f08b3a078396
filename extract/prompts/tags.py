"""User data inside named tags, so that it can neither end its tag nor forge another."""

from __future__ import annotations

from collections.abc import Iterable

from extract.prompts.load import data


def tag(name: str, text: str, **attributes: str | None) -> str:
    """Return a text inside a tag; attributes that are None are left out."""
    written = "".join(f' {key}="{_attribute(value)}"' for key, value in attributes.items() if value is not None)
    return f"<{name}{written}>{data(text)}</{name}>"


def lines(items: Iterable[str]) -> str:
    """Return one item a line, or ``none`` if there are no items."""
    return "\n".join(items) or "none"


def _attribute(value: str) -> str:
    return data(" ".join(value.split()).replace('"', "'")).replace("<", "&lt;").replace(">", "&gt;")
