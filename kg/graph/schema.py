"""The graph's labels, properties and single-property constraints, declared with neomodel, and their installation.

neomodel declares and installs; every query is a Cypher file. neomodel cannot declare composite, text and full-text
indexes. Those are in ``cypher/schema`` as ``v<version>_<name>.cypher``, and each file may run twice. Importing this
module takes most of a second, so it is imported only when a store has to be brought forward.
"""

from __future__ import annotations

import io

from neomodel import (
    ArrayProperty,
    AsyncStructuredNode,
    BooleanProperty,
    DateTimeNeo4jFormatProperty,
    FloatProperty,
    IntegerProperty,
    StringProperty,
    adb,
)
from neomodel.config import get_config

import cypher
from kg.graph.store import GraphStore


class Partition(AsyncStructuredNode):
    """One per user; its lock makes the user's writes one after another."""

    user_id = StringProperty(unique_index=True, required=True)
    seq = IntegerProperty()
    last_at = DateTimeNeo4jFormatProperty()
    erased_seq = IntegerProperty()


class WordCounts(AsyncStructuredNode):
    """How common words are in a user's partition, by itself: every write writes the partition's node."""

    user_id = StringProperty(unique_index=True, required=True)
    counted_seq = IntegerProperty()
    word_counts = StringProperty()


class Memory(AsyncStructuredNode):
    """A text, or a message of a conversation, as handed in."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    agent_id = StringProperty()
    run_id = StringProperty()
    project = StringProperty()
    name = StringProperty()
    text = StringProperty(required=True)
    terms = StringProperty()
    user_key = StringProperty()
    content_hash = StringProperty()
    kind = StringProperty(choices={"note": "note", "message": "message"})
    role = StringProperty()
    speaker = StringProperty()
    bulk = BooleanProperty()
    metadata = StringProperty()
    occurred_at = DateTimeNeo4jFormatProperty()
    created_at = DateTimeNeo4jFormatProperty()
    updated_at = DateTimeNeo4jFormatProperty()
    seq = IntegerProperty()
    index_rev = IntegerProperty()
    extraction = StringProperty()
    infer = BooleanProperty()
    extraction_error = StringProperty()
    noise = BooleanProperty()
    noise_reason = StringProperty()
    recall_count = IntegerProperty()
    last_recalled_at = DateTimeNeo4jFormatProperty()


class MemoryVersion(AsyncStructuredNode):
    """A replaced state of a memory."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    name = StringProperty()
    text = StringProperty(required=True)
    metadata = StringProperty()
    occurred_at = DateTimeNeo4jFormatProperty()
    created_at = DateTimeNeo4jFormatProperty()
    replaced_at = DateTimeNeo4jFormatProperty()


class Fact(AsyncStructuredNode):
    """A dated statement of exactly one memory (or version)."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    name = StringProperty()
    statement = StringProperty(required=True)
    scope = StringProperty(required=True)
    predicate = StringProperty(required=True)
    subject_uuid = StringProperty()
    object_uuid = StringProperty()
    object_value = StringProperty()
    object_key = StringProperty()
    version = StringProperty()
    because = StringProperty()
    revisit_when = StringProperty()
    valid_at = DateTimeNeo4jFormatProperty()
    valid_from_source = StringProperty()
    stated_invalid_at = DateTimeNeo4jFormatProperty()
    invalid_at = DateTimeNeo4jFormatProperty()
    followed_by = StringProperty()
    created_at = DateTimeNeo4jFormatProperty()
    expired_at = DateTimeNeo4jFormatProperty()
    seq = IntegerProperty()
    claim_key = StringProperty()
    origin = StringProperty(choices={"caller": "caller", "model": "model", "import": "import"})
    model = StringProperty()
    prompt = StringProperty()
    prompt_hash = StringProperty()
    index_rev = IntegerProperty()


class Entity(AsyncStructuredNode):
    """A thing named; its kind is also a second label."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    user_key = StringProperty()
    name = StringProperty(required=True)
    terms = StringProperty()
    kind = StringProperty()
    created_at = DateTimeNeo4jFormatProperty()
    index_rev = IntegerProperty()
    degree = IntegerProperty()


class Alias(AsyncStructuredNode):
    """A normalised name; unique with ``user_id``."""

    user_id = StringProperty(required=True)
    key = StringProperty(required=True)
    name = StringProperty()


class ScopeCount(AsyncStructuredNode):
    """How many memories a user, agent, run or project of one user has, and when the newest was stored."""

    user_id = StringProperty(required=True)
    kind = StringProperty(required=True, choices={"user": "user", "agent": "agent", "run": "run", "project": "project"})
    name = StringProperty(required=True)
    memories = IntegerProperty()
    last_used = DateTimeNeo4jFormatProperty()


class Job(AsyncStructuredNode):
    """A unit of background work."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    kind = StringProperty()
    state = StringProperty(index=True)
    bulk = BooleanProperty()
    attempt = IntegerProperty()
    failures = IntegerProperty()
    claimed_by = StringProperty()
    lease_until = DateTimeNeo4jFormatProperty()
    next_attempt_at = DateTimeNeo4jFormatProperty()
    error = StringProperty()
    calls = ArrayProperty(StringProperty())
    dropped = ArrayProperty(StringProperty())
    model = StringProperty()
    tokens = IntegerProperty()
    cost = FloatProperty()
    created_at = DateTimeNeo4jFormatProperty()
    started_at = DateTimeNeo4jFormatProperty()
    finished_at = DateTimeNeo4jFormatProperty()


class Spending(AsyncStructuredNode):
    """What models have cost one user on one day (UTC)."""

    name = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    day = StringProperty(index=True)
    calls = IntegerProperty()
    tokens = IntegerProperty()
    cost = FloatProperty()


class Request(AsyncStructuredNode):
    """The answer given to a mutating call, so that its repetition answers the same."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    call = StringProperty()
    result = StringProperty()
    created_at = DateTimeNeo4jFormatProperty(index=True)


class Tombstone(AsyncStructuredNode):
    """A point to remove from the index."""

    uuid = StringProperty(unique_index=True, required=True)
    user_id = StringProperty(required=True)
    applied = BooleanProperty()
    created_at = DateTimeNeo4jFormatProperty()


class IndexState(AsyncStructuredNode):
    """What the vector collection was built with, and which service holds it until when."""

    name = StringProperty(unique_index=True, required=True)
    collection_id = StringProperty()
    total = IntegerProperty()
    holder = StringProperty()
    instance = StringProperty()
    place = StringProperty()
    shared = BooleanProperty()
    held_until = DateTimeNeo4jFormatProperty()


class SchemaState(AsyncStructuredNode):
    """The schema version of this store, and when its rules were looked at last."""

    name = StringProperty(unique_index=True, required=True)
    version = IntegerProperty(required=True)
    checked_at = DateTimeNeo4jFormatProperty()
    broken = StringProperty()


NODE_CLASSES: tuple[type[AsyncStructuredNode], ...] = (
    Partition, WordCounts, Memory, MemoryVersion, Fact, Entity, Alias, ScopeCount, Job, Spending, Request, Tombstone,
    IndexState, SchemaState,
)  # fmt: skip


async def install(store: GraphStore, *, current: int) -> None:
    """Install what neomodel declares, then the schema files of every version above ``current``, in order.

    It may run again: a start that was killed half-way simply repeats it.
    """
    get_config().database_name = store.address.database
    await adb.set_connection(driver=store.driver)  # closing it on neomodel's side would close ours
    for node_class in NODE_CLASSES:
        await adb.install_labels(node_class, quiet=True, stdout=io.StringIO())
    files = {name: int(name[1:].split("_")[0]) for name, query in cypher.load().items() if query.mode == "schema"}
    for name, version in sorted(files.items(), key=lambda item: (item[1], item[0])):
        if version > current:
            await store.run_schema(name)
