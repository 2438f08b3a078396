"""How code names a query: a constant that also says what its rows look like.

Each wing lists its queries in a module ``queries``, with one TypedDict for the rows of each. The constant has the name
of the query file, so a search for that name finds the file, the rows and every call. A test compares each TypedDict
with the ``returns:`` lines of its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Query(Generic[R]):
    """A query that answers with rows.

    Attributes:
        name: the stem of its file.
        row: the TypedDict of its rows.
    """

    name: str
    row: type[R]


@dataclass(frozen=True)
class Command:
    """A query that changes the graph and returns nothing.

    Attributes:
        name: the stem of its file.
    """

    name: str
