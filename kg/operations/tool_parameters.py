"""What a caller is told of an operation's parameters: their types in JSON and what they mean.

An operation says both in its own signature, ``Annotated[object, Parameter(...)]``. The MCP tools make their schemas of
it and the command line its options, so that nothing is declared twice. The type is ``object`` because callers send
anything: the operation checks what came, and its error says what to send instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from inspect import Parameter as Argument
from inspect import signature
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from kg.values import JsonObject

JsonType = Literal["string", "boolean", "integer", "number", "object", "array"]
Operation = Callable[..., Awaitable[JsonObject]]
"""A method that takes a session, and its own arguments by name."""


@dataclass(frozen=True)
class Parameter:
    """What a caller is told of a parameter.

    Attributes:
        type: its type in JSON.
        description: for an agent, which reads it in every session: each word costs.
        help: for a person at a terminal; empty: the description will do.
        items: JSON schema of a list's members.
        default: what the operation takes when the caller gives nothing; from the signature.
        required: whether the caller must give it; from the signature.
    """

    type: JsonType
    description: str = ""
    help: str = ""
    items: Mapping[str, Any] | None = None
    default: object = None
    required: bool = False


Text = Annotated[object, Parameter("string")]
Json = Annotated[object, Parameter("object")]
Limit = Annotated[object, Parameter("integer", help="show at most this many")]
MemoryId = Annotated[object, Parameter("string", help="the memory's id, as add, search and list show it")]
UserId = Annotated[object, Parameter("string", "another user than the session's")]
AgentId = Annotated[object, Parameter("string", "only this agent's")]
RunId = Annotated[object, Parameter("string", "only this run's")]
Project = Annotated[
    object,
    Parameter("string", "only this project's, e.g. github.com/me/app", "only this project, such as github.com/me/app"),
]
FactList = Annotated[
    object,
    Parameter(
        "array",
        "sentences or {statement, subject, predicate, object, because, revisit_when, valid_at, "
        "invalid_at, supersedes: [fact ids], how: superseded|corrected, reason}; with no text [{id, supersedes}]",
        items={"type": "object"},
    ),
]
Filters = Annotated[
    object,
    Parameter(
        "object",
        'over metadata and own fields, e.g. {"AND": [{"topic": "db"}, {"created_at": {"gte": '
        '"2025-01"}}]}; eq ne gt gte lt lte in nin contains icontains, AND OR NOT',
    ),
]
AsOf = Annotated[
    object,
    Parameter(
        "string",
        "what held then (ISO; a day means to its end)",
        "show what was true at the end of that day, month or year, such as 2024-05-17",
    ),
]
KnownAt = Annotated[
    object,
    Parameter(
        "string",
        "as it was known then (ISO; a day means to its end)",
        "show what was known at the end of that day, month or year, such as 2024-05",
    ),
]
DryRun = Annotated[object, Parameter("boolean", "only count")]
Confirm = Annotated[object, Parameter("integer", "the count that dry_run gave; needed above 10")]


@cache
def parameters_of(operation: Operation) -> Mapping[str, Parameter]:
    """Return what callers may give to an operation, by name, in the order of its signature.

    Raises:
        TypeError: an argument has no description type.
    """
    found: dict[str, Parameter] = {}
    for name, argument in signature(operation, eval_str=True).parameters.items():
        if argument.kind is not Argument.KEYWORD_ONLY:
            continue
        told = [part for part in get_args(argument.annotation) if isinstance(part, Parameter)]
        if not told:
            raise TypeError(f"{operation.__qualname__}: {name} is not Annotated with a Parameter")
        required = argument.default is Argument.empty
        found[name] = replace(told[-1], default=None if required else argument.default, required=required)
    return MappingProxyType(found)
