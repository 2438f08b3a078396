"""What the integration tests act with: a clock that moves when told to, and one user's view of the service."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from kg.index.indexer import Indexer
from kg.language.times import parse_instant
from kg.operations.arguments import Session
from kg.operations.memory import MemoryService, Parts
from kg.operations.merges import Merges
from kg.values import RequestKey, Scope


class TestClock:
    """A clock that stands still between writes; each call of ``tick`` or ``at`` moves it."""

    __test__ = False

    def __init__(self) -> None:
        self._now = instant("2024")

    def now(self) -> datetime:
        return self._now

    def at(self, day: str) -> datetime:
        self._now = instant(day)
        return self._now

    def tick(self, **amount: float) -> datetime:
        self._now += timedelta(**(amount or {"hours": 1}))
        return self._now


def instant(text: str) -> datetime:
    """2024, 2024-05 or 2024-05-17 as an aware instant."""
    return parse_instant("day", text)


def new_key() -> RequestKey:
    """The key of a call that nobody has made before."""
    return RequestKey(uuid4().hex)


@dataclass
class User:
    """One user's calls of the eleven operations, each with a request key of its own unless one is given."""

    parts: Parts
    memory: MemoryService
    clock: TestClock
    id: str = field(default_factory=lambda: f"it-{uuid4().hex}")
    project: str | None = None
    _keys: Any = field(default_factory=count)

    def session(self, key: str | None = None) -> Session:
        return Session(Scope(self.id, project=self.project), key or f"call-{next(self._keys)}")

    @property
    def indexer(self) -> Indexer:
        return self.parts.indexer

    @property
    def merges(self) -> Merges:
        return Merges(self.parts.store, self.clock)

    async def add(self, text: str, *facts: Any, key: str | None = None, **arguments: Any) -> Added:
        given = {"text": text, "facts": list(facts), **arguments}
        return Added(await self.memory.add_memory(self.session(key).calling("add_memory", given), **given))

    async def update(self, memory_id: str, *facts: Any, key: str | None = None, **arguments: Any) -> Added:
        if facts:
            arguments["facts"] = list(facts)
        given = {"memory_id": memory_id, **arguments}
        return Added(await self.memory.update_memory(self.session(key).calling("update_memory", given), **given))

    async def delete(self, memory_id: str, key: str | None = None) -> dict[str, Any]:
        session = self.session(key).calling("delete_memory", {"memory_id": memory_id})
        return await self.memory.delete_memory(session, memory_id=memory_id)

    async def get(self, memory_id: str) -> dict[str, Any]:
        return await self.memory.get_memory(self.session(), memory_id=memory_id)

    async def search(self, query: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a question, with weak hits too unless they are not wanted."""
        return await self.memory.search_memories(self.session(), query=query, **{"weak": True, **arguments})

    async def entity(self, name: str, **arguments: Any) -> dict[str, Any]:
        return await self.memory.get_entity(self.session(), name=name, **arguments)

    async def statements(self, name: str, **arguments: Any) -> set[str]:
        """The statements about an entity that held, as ``get_entity`` answers."""
        return {fact["fact"] for fact in (await self.entity(name, limit=200, **arguments))["facts"]}

    async def objects(self, name: str, **arguments: Any) -> set[str]:
        """The objects of an entity's outgoing facts that held."""
        page = await self.entity(name, limit=200, direction="out", **arguments)
        return {fact["object"] for fact in page["facts"]}

    async def raw(self, query: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of a query of the test's own, with ``$user_id``."""
        return await raw(self.parts, query, user_id=self.id, **params)


class Added(dict[str, Any]):
    """The answer of add_memory or update_memory."""

    @property
    def id(self) -> str:
        return self["id"] if "id" in self else self["results"][0]["id"]

    @property
    def fact(self) -> str:
        return self["facts"][0]["id"]


async def raw(parts: Parts, query: str, **params: Any) -> list[dict[str, Any]]:
    """Rows of a query that is no file of the service."""
    records, _, _ = await parts.store.driver.execute_query(query, params)  # pyright: ignore
    return [record.data() for record in records]


def states(statement: str, predicate: str, subject: str = "user", object: str | None = None, **more: Any) -> Any:
    """One fact as a caller hands it in."""
    return {"statement": statement, "predicate": predicate, "subject": subject, "object": object, **more}


def lives_in(place: str, since: str | None = None, **more: Any) -> Any:
    """A fact of a single-valued predicate."""
    return states(f"lives in {place}", "LIVES_IN", "user", place, **({"valid_at": since} if since else {}), **more)


def prefers(thing: str, since: str | None = None, **more: Any) -> Any:
    """A fact of a predicate with many values, where only decisions end anything."""
    return states(f"prefers {thing}", "PREFERS", "user", thing, **({"valid_at": since} if since else {}), **more)
