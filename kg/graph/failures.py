"""The driver's exceptions as our own errors, and the refusal of a server that is too old."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConstraintError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from kg.errors import CommitInDoubt, ConfigurationError, InvalidInput, StoreUnavailable

if TYPE_CHECKING:
    from kg.graph.store import GraphAddress

log = logging.getLogger(__name__)

MINIMUM_VERSION = (5, 26)
_NO_SUCH_DATABASE = "Neo.ClientError.Database.DatabaseNotFound"
_LOCKED_OUT = "Neo.ClientError.Security.AuthenticationRateLimit"


def check_version(agent: str, url: str) -> None:
    """Refuse a server that is too old, by what it calls itself: ``Neo4j/5.26.30``, ``Neo4j/5.27-aura``.

    Raises:
        ConfigurationError: it is too old, or does not say its version.
    """
    found = re.fullmatch(r"[^/]*/(\d+)\.(\d+)\b.*", agent)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM_VERSION:
        raise ConfigurationError(
            "KNOWTHREAD_NEO4J_URL",
            f"{url} is {agent}, which is too old" if found else f"{url} is {agent!r}, whose version is not known",
            "Neo4j 5.26 or newer; or unset it to use the managed one",
        )


def refused_report(file_name: str, error: ClientError) -> InvalidInput:
    """Return our error for a report that the database does not run. The text is the person's own, so it may be told."""
    if "AccessMode" in str(error.code) or "read access mode" in str(error.message):
        return InvalidInput("report", file_name, "give a query that only reads: reports may not write")
    if "TransactionTimedOut" in str(error.code):
        return InvalidInput("report", file_name, "give a query that takes less time: it was ended, as it took too long")
    return InvalidInput("report", file_name, f"give a query that Neo4j can run: {error.message}")


def is_race(error: Neo4jError) -> bool:
    """Tell whether another transaction created or removed something between two of our statements."""
    return isinstance(error, ConstraintError) or "EntityNotFound" in str(error.code)


def translate(error: Exception, address: GraphAddress, label: str) -> StoreUnavailable:
    """Return our error for the driver's. The log gets its code, never its message: that may quote a memory."""
    if isinstance(error, AuthError):
        return StoreUnavailable(
            "neo4j",
            f"{address.url} refused the login of user '{address.user}'; check KNOWTHREAD_NEO4J_USER and _PASSWORD",
            retryable=False,
        )
    if isinstance(error, IncompleteCommit):
        return CommitInDoubt("neo4j", address.url)
    if isinstance(error, ServiceUnavailable | SessionExpired | OSError | ValueError):
        return StoreUnavailable("neo4j", f"{address.url} does not answer; `knowthread doctor` says why", retryable=True)
    code = getattr(error, "code", None) or type(error).__name__
    if code == _NO_SUCH_DATABASE:
        return StoreUnavailable(
            "neo4j",
            f"{address.url} has no database '{address.database}'; set KNOWTHREAD_NEO4J_DATABASE to one that it has",
            retryable=False,
        )
    if code == _LOCKED_OUT:
        return StoreUnavailable(
            "neo4j",
            f"{address.url} takes no login of user '{address.user}' for some seconds, because a program sent wrong "
            "passwords for it. Ours may be right, so leave it as it is and try again; if it goes on, end the program "
            "that sends them",
            retryable=True,
        )
    log.error("%s failed with %s", label, code)
    retryable = isinstance(error, Neo4jError | DriverError) and error.is_retryable()
    return StoreUnavailable("neo4j", f"{label} failed; {_cure(retryable)}", retryable=retryable)


def _cure(retryable: bool) -> str:
    if retryable:
        return "the database is busy, or another call changed the same nodes"
    return "the log has the database's reason; `knowthread repair --check` says what is damaged in the graph"
