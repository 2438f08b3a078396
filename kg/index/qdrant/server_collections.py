"""The collections of one index on a server: which one counts, and which is being built to take its place.

Storage idea: a collection says in its own metadata what it is: the index that it belongs to (``base``), its embedder,
its ``generation``, and its ``state``, ``ready`` or ``building``. The ready one of the highest generation counts, so
that a single change of metadata is the change-over. The first has the index's own name and no generation.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kg.errors import ConfigurationError, StoreUnavailable
from kg.index.qdrant.point_form import GRAPHS, KEYWORD_FIELDS, STORE, TIME_FIELDS, UUID_FIELDS, Owner
from kg.index.qdrant.server_requests import CONFLICT, NOT_FOUND, REFUSED

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collection:
    """One collection of the index, with its metadata."""

    name: str
    record: Mapping[str, Any]

    @property
    def collection_id(self) -> str:
        """Identity of the collection."""
        return str(self.record["collection_id"])

    @property
    def generation(self) -> int:
        """How often the index had been rebuilt when this was begun."""
        return int(self.record.get("generation", 0))

    @property
    def ready(self) -> bool:
        """Whether it was built to the end."""
        return self.record.get("state", "ready") == "ready"


class Collections:
    """Finds, makes, promotes and removes the collections of one index."""

    def __init__(self, client: AsyncQdrantClient, url: str, base: str, owner: Owner) -> None:
        self._client = client
        self._url = url
        self._base = base
        self._owner = owner

    async def find(self) -> tuple[Collection | None, Collection | None]:
        """Return the collection that counts, whoever filled it, and the one that is being built with our embedder.

        Raises:
            ConfigurationError: a collection of that name is none of ours.
        """
        found = await self._list()
        present = max((one for one in found if one.ready), key=lambda one: one.generation, default=None)
        generation = present.generation if present else -1
        building = [one for one in found if not one.ready and self._is_newer_of_ours(one, generation)]
        return present, max(building, key=lambda one: one.generation, default=None)

    async def create_first(self) -> bool:
        """Make the collection of the index's own name and return True if it is new."""
        return await self._create(self._base, {"collection_id": str(uuid4()), **self._owner.as_record()})

    async def create_next(self, present: Collection | None) -> Collection:
        """Make an empty collection that is to take the place of the present one."""
        name = f"{self._base}-{uuid4().hex[:8]}"
        record: dict[str, Any] = {
            "collection_id": str(uuid4()),
            "base": self._base,
            "state": "building",
            "generation": present.generation + 1 if present else 1,
            **self._owner.as_record(),
        }
        await self._create(name, record)
        await self.prepare(name)
        return Collection(name, record)

    async def promote(self, building: Collection) -> None:
        """Let a collection count from now on, and remove all others of this index."""
        await self._client.update_collection(building.name, metadata={**building.record, "state": "ready"})
        for other in await self._list():
            if other.name != building.name:
                await self.remove(other)

    async def remove_replaced(self, present: Collection) -> None:
        """Remove what the present collection has replaced, where a process died before it had done so."""
        for other in await self._list():
            if other.generation < present.generation:
                await self.remove(other)

    async def remove(self, collection: Collection) -> None:
        """Remove a collection with its points."""
        await self._client.delete_collection(collection.name)

    async def prepare(self, name: str) -> None:
        """Add the payload indexes that a collection lacks."""
        from qdrant_client.models import KeywordIndexParams, KeywordIndexType, PayloadSchemaType

        existing = (await self._client.get_collection(name)).payload_schema
        wanted = {
            "user_id": KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True),
            **dict.fromkeys(KEYWORD_FIELDS, PayloadSchemaType.KEYWORD),
            **dict.fromkeys(TIME_FIELDS, PayloadSchemaType.DATETIME),
            **dict.fromkeys(UUID_FIELDS, PayloadSchemaType.UUID),
        }
        for field, schema in wanted.items():
            if field not in existing:
                await self._client.create_payload_index(name, field, schema, wait=True)

    def _is_newer_of_ours(self, collection: Collection, generation: int) -> bool:
        return self._owner.filled(collection.record) and collection.generation > generation

    async def _list(self) -> list[Collection]:
        names = [one.name for one in (await self._client.get_collections()).collections]
        found: list[Collection] = []
        for name in names:
            if name == self._base or name.startswith(f"{self._base}-"):
                record = await self._find_record(name)
                if record is not None and (name == self._base or record.get("base") == self._base):
                    found.append(Collection(name, record))
        return found

    async def _find_record(self, name: str) -> Mapping[str, Any] | None:
        """Return a collection's metadata, None where it is gone by now or was never one of ours."""
        from qdrant_client.http.exceptions import UnexpectedResponse

        try:
            record: dict[str, Any] | None = (await self._client.get_collection(name)).config.metadata
        except UnexpectedResponse as error:
            if error.status_code == NOT_FOUND:
                return None
            raise
        if record is not None and "collection_id" in record:
            return record
        if name == self._base:
            raise ConfigurationError(
                "KNOWTHREAD_QDRANT_URL",
                f"the collection {name} on {self._url} was not made by knowthread",
                "name another server, or remove or rename that collection",
            )
        return None

    async def _create(self, name: str, record: Mapping[str, Any]) -> bool:
        from qdrant_client.http.exceptions import UnexpectedResponse

        try:
            await self._create_as(name, record, compact=True)
        except UnexpectedResponse as error:
            if error.status_code == CONFLICT:  # another service made it at the same moment
                return False
            if error.status_code not in REFUSED:
                raise
            log.warning("%s does not know vectors of the Turbo kinds, which take half the room; update it", self._url)
            await self._create_as(name, record, compact=False)
        if (await self._client.get_collection(name)).config.metadata is None:
            await self._client.delete_collection(name)
            raise StoreUnavailable(STORE, f"{self._url} is older than Qdrant 1.16; update it", retryable=False)
        return True

    async def _create_as(self, name: str, record: Mapping[str, Any], *, compact: bool) -> None:
        """Make a collection, of the vectors of new servers or of those that any server knows."""
        from qdrant_client.models import (
            Datatype,
            Distance,
            HnswConfigDiff,
            MultiVectorComparator,
            MultiVectorConfig,
            SparseVectorParams,
            VectorParams,
        )

        max_sim = MultiVectorConfig(comparator=MultiVectorComparator.MAX_SIM)
        size, cosine = self._owner.dimension, Distance.COSINE
        eight_bits, four_bits = (Datatype.TURBO8, Datatype.TURBO4) if compact else (Datatype.FLOAT16, Datatype.FLOAT16)
        await self._client.create_collection(
            name,
            vectors_config={
                **{
                    vector: VectorParams(
                        size=size,
                        distance=cosine,
                        multivector_config=max_sim,
                        datatype=eight_bits,
                        hnsw_config=HnswConfigDiff(
                            m=graph.links, ef_construct=graph.tried, full_scan_threshold=graph.compared_kb
                        ),
                    )
                    for vector, graph in GRAPHS.items()
                },
                "tokens": VectorParams(
                    size=size,
                    distance=Distance.DOT,
                    multivector_config=max_sim,
                    datatype=four_bits,
                    hnsw_config=HnswConfigDiff(m=0),
                    on_disk=True,
                ),
            },
            sparse_vectors_config={"words": SparseVectorParams()},
            metadata=dict(record),
        )
