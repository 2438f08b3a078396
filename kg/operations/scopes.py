"""How the values of a scope are compared: trimmed, composed, and a project by any spelling of its remote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from kg.language.remotes import normalise_project
from kg.validate import check_id

_FOLDER = re.compile(r"[~.]*/|[a-z]:/")
_OUTER = re.compile(r"^[\s\u200b-\u200f\u2060\ufeff]+|[\s\u200b-\u200f\u2060\ufeff]+$")
"""Blanks and invisible characters round a value."""
_NOT_GIVEN = frozenset(("", "null", "none", "undefined"))


def is_not_given(value: object) -> bool:
    """Return whether a scope value says nothing: blank, or a word that some clients write for that."""
    return value is None or (isinstance(value, str) and _trimmed(value).casefold() in _NOT_GIVEN)


def _trimmed(value: str) -> str:
    return _OUTER.sub("", value)


def scope_value(field: str, value: object) -> str | None:
    """Return a user, agent or run without outer blanks and composed (NFC); None if it is not given.

    Raises:
        InvalidInput: it cannot be an id.
    """
    if is_not_given(value):
        return None
    return check_id(field, unicodedata.normalize("NFC", _trimmed(value)) if isinstance(value, str) else value)


def project_value(field: str, value: object) -> str | None:
    """Return a project as a session names its own, whatever spelling of its remote is given; None if it is not given.

    Raises:
        InvalidInput: it cannot be an id.
    """
    project = scope_value(field, value)
    return None if project is None else check_id(field, normalise_project(project))


def meant_project(project: str, known: Sequence[str]) -> str | None:
    """Return the one known project that a short name or another spelling means; None if there is none or several.

    ``shop``, ``shop.git`` and ``~/code/shop`` mean ``github.com/acme/shop`` or ``shop~3fa1``, and ``acme/shop`` the
    first.
    """
    if project in known:
        return project
    name = project.casefold().replace("\\", "/").rstrip("/").removesuffix(".git")
    name = name.rpartition("/")[2] if _FOLDER.match(name) else name
    folded = {found: normalise_project(found).casefold() for found in known}
    found = [
        whole
        for whole, spelled in folded.items()
        if name in (spelled, spelled.rpartition("~")[0]) or spelled.endswith(f"/{name}")
    ]
    return found[0] if len(found) == 1 else None
