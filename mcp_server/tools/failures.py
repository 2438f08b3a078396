"""What a caller is told of a failure: the one place through which every error of a tool, a resource or a route passes.

An error of ours says field, value and cure itself. Any other is a fault of the service: its text may quote a memory,
and its kind means nothing to a caller. So the log gets kind and place under a reference, which the caller gets.
"""

from __future__ import annotations

import logging
import secrets
import traceback

from kg.errors import CommitInDoubt, KgError, StoreUnavailable

log = logging.getLogger(__name__)

AGAIN = "Make the same call again."


def told(error: Exception, what: str) -> str:
    """Return what a caller is told of a failure.

    Args:
        error: what was raised.
        what: the tool, resource or operation that failed.
    """
    if isinstance(error, StoreUnavailable) and not isinstance(error, CommitInDoubt):
        return f"{error}. {AGAIN}" if error.retryable else f"{error}."
    if isinstance(error, KgError):
        return str(error)
    reference = secrets.token_hex(4)
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{place[0].filename}:{place[0].lineno}" if place else "an unknown place"
    log.error("%s met an unexpected %s at %s, reference %s", what, type(error).__name__, where, reference)
    return (
        f"{what} met a fault in the service or in the graph, reference {reference} in its log. Call it once more. If "
        "that fails too, `knowthread repair --check` names what is damaged in the graph; `knowthread repair` mends it"
    )
