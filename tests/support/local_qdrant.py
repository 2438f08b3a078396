"""qdrant-client's own engine in the place of a server, and a server: both as an index and the tests reach them."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import httpx

from kg.index.qdrant.server import ServerIndex

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient, models

_STATUS = {"not found": 404, "already exists": 409}
"""What a server answers where the engine raises an error with these words."""


@dataclass(frozen=True)
class QdrantPlace:
    """A server, or the engine that stands in for one."""

    url: str
    key: str
    engine: LocalQdrant | None = None

    def index(self, collection: str, **owner: Any) -> ServerIndex:
        return ServerIndex(self.url, self.key, collection, connect=self.engine and self.engine.connect, **owner)

    def client(self) -> AsyncQdrantClient:
        """A connection of the test's own."""
        if self.engine is not None:
            return self.engine.connect()
        from qdrant_client import AsyncQdrantClient

        return AsyncQdrantClient(
            url=self.url, headers={"api-key": self.key}, check_compatibility=False, trust_env=False
        )


class LocalQdrant:
    """The engine in memory; it lives on when a connection to it is closed, as a server does.

    With ``turbo=False`` it refuses vectors of the Turbo kinds, as old servers do.
    """

    def __init__(self, *, turbo: bool = True) -> None:
        from qdrant_client import AsyncQdrantClient  # a second of each worker, and one of them needs it

        self._engine = AsyncQdrantClient(":memory:")
        self._turbo = turbo

    def connect(self) -> AsyncQdrantClient:
        return cast("AsyncQdrantClient", _Connection(self._engine, turbo=self._turbo))

    async def close(self) -> None:
        await self._engine.close()


class _Connection:
    """Hands every call on; refusals come as a server's answers."""

    def __init__(self, engine: AsyncQdrantClient, *, turbo: bool) -> None:
        self._engine = engine
        self._turbo = turbo

    async def close(self) -> None:
        """Close this connection; the engine stays."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._engine, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            from qdrant_client.http.exceptions import UnexpectedResponse
            from qdrant_client.models import Datatype

            turbo = (Datatype.TURBO4, Datatype.TURBO8)
            if not self._turbo and any(params.datatype in turbo for params in _vectors(named)):
                raise UnexpectedResponse(400, "refused", b"unknown variant `turbo8`", httpx.Headers())
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "Payload indexes have no effect|Local mode performs exact")
                    return await method(*arguments, **named)
            except ValueError as error:
                status = next((status for words, status in _STATUS.items() if words in str(error)), None)
                if status is None:
                    raise
                raise UnexpectedResponse(status, "refused", str(error).encode(), httpx.Headers()) from error

        return call


def _vectors(named: Mapping[str, Any]) -> Iterable[models.VectorParams]:
    return cast("Mapping[str, models.VectorParams]", named.get("vectors_config") or {}).values()
