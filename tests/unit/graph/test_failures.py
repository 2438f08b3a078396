"""What a person is told of a report of their own that the database does not run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kg.graph.failures import refused_report


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("Neo.ClientError.Statement.AccessMode", "reports may not write"),
        ("Neo.ClientError.Transaction.TransactionTimedOut", "takes less time"),
        ("Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration", "takes less time"),
        ("Neo.ClientError.Statement.SyntaxError", "that Neo4j can run: because"),
    ],
)
def test_a_refused_report_is_told_what_to_change(code: str, said: str) -> None:
    error: Any = SimpleNamespace(code=code, message="because")
    refusal = refused_report("mine.cypher", error)
    assert "mine.cypher" in str(refusal) and said in refusal.accepted
