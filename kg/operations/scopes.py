"""How the values of a scope are compared: trimmed, composed, and a project by any spelling of its remote."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kg.language.remotes import normalise_project
from kg.validate import check_id, composed

_FOLDER = re.compile(r"[~.]*/|[a-z]:/")
_NOT_GIVEN = frozenset(("", "null", "none", "undefined"))


def is_not_given(value: object) -> bool:
    """Return whether a scope value says nothing: blank, or a word that some clients write for that."""
    return value is None or (isinstance(value, str) and composed(value).casefold() in _NOT_GIVEN)


def scope_value(field: str, value: object) -> str | None:
    """Return a user, agent or run without outer blanks and composed (NFC); None if it is not given.

    Raises:
        InvalidInput: it cannot be an id.
    """
    if is_not_given(value):
        return None
    return check_id(field, composed(value) if isinstance(value, str) else value)


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
