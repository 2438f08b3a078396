"""Undoing the last update of a memory: it says again what it said before.

What it says now is kept as a version, so undoing twice brings it back. The facts of the former state are stated again,
from now on, with what was decided of them; those of the present state expire. Facts that an extraction left alone stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kg.errors import NotFound
from kg.graph.node_names import memory_name
from kg.graph.nodes import Memory
from kg.graph.partition import Write, lock, once
from kg.graph.store import GraphStore, Row
from kg.language.trivial import trivial
from kg.language.words import content_hash, split_terms
from kg.ports import Clock
from kg.values import RequestKey
from kg.writing import queries
from kg.writing.commit import Replaced, commit
from kg.writing.draft import Draft
from kg.writing.queries import FormerFact, RevertContext, UpdatedFact

_OWN = ("subject", "object", "expired_at", "followed_by")


@dataclass(frozen=True)
class Reverted:
    """What undoing an update did.

    Attributes:
        stated: facts that are stated again.
        expired: facts of the undone state.
        ended: facts of other memories whose end changed.
    """

    uuid: str
    stated: list[str] = field(default_factory=list[str])
    expired: list[str] = field(default_factory=list[str])
    ended: list[str] = field(default_factory=list[str])


class Reverting:
    """The write side of undoing an update."""

    def __init__(self, store: GraphStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def revert(self, user_id: str, key: RequestKey, uuid: str) -> Reverted:
        """Give a memory back the state before its last update.

        Raises:
            NotFound: the partition has no such memory, or it was never updated.
        """
        return await self._store.write(
            lambda tx: once(
                tx,
                lambda write: self._revert(write, uuid),
                Reverted,
                user_id=user_id,
                key=key,
                clock=self._clock,
            ),
            "undo_update",
            partition=user_id,
        )

    async def _revert(self, write: Write, uuid: str) -> Reverted:
        context = await write.tx.find_one(queries.revert_context, user_id=write.user_id, uuid=uuid)
        if context is None:
            raise NotFound("updated memory", uuid, "show its earlier versions with get_memory")
        former, since = context["former"], context["since"]
        first_seq = (await lock(write.tx, write.user_id, self._clock, slots=len(former))).first_seq
        restates = bool(former or since) or context["version"]["text"] != context["memory"]["text"]
        draft = Draft(write, {})
        if restates:
            draft.facts.extend(_stated(write, uuid, fact, first_seq + i) for i, fact in enumerate(former))
            draft.mentions.extend(
                {"memory_uuid": uuid, "key": m["key"], "name": m["name"], "as": m["role"], "kind": m["kind"]}
                for m in context["mentions"]
            )
            await write.tx.run(queries.drop_jobs, user_id=write.user_id, uuids=[uuid])
        version = await _keep(write, context, restates=restates)
        replaced = [
            Replaced(since, context["decisions"], {version: since} if since else {}),
            Replaced([_claimed(fact) for fact in former], context["decisions"], {}),
        ]
        ended = await commit(write, draft, replaced=replaced)
        return Reverted(uuid, draft.fact_uuids(), [fact["uuid"] for fact in since], ended)


async def _keep(write: Write, context: RevertContext, *, restates: bool) -> str:
    """Keep the present state as a version, and give the memory its former one; return the version's uuid."""
    memory, former = context["memory"], context["version"]
    version: Row = {
        "uuid": write.uuid("version"),
        "user_id": write.user_id,
        "name": memory_name(memory["text"]),
        "text": memory["text"],
        "metadata": memory["metadata"],
        "occurred_at": memory["occurred_at"],
        "created_at": memory["updated_at"],
        "replaced_at": write.now,
    }
    properties: Row = {
        "name": memory_name(former["text"]),
        "text": former["text"],
        "terms": split_terms(former["text"]),
        "content_hash": content_hash(former["text"]),
        "metadata": former["metadata"],
        "occurred_at": former["occurred_at"],
        "updated_at": write.now,
    }
    if restates:
        properties |= _reading(memory, context["former"], former["text"])
    await write.tx.run(
        queries.create_version,
        uuid=memory["uuid"],
        version=version,
        properties=properties,
        moves_mentions=restates,
        keeps_facts=True,
    )
    return version["uuid"]


def _reading(memory: Memory, facts: Sequence[FormerFact], text: str) -> Row:
    """Return what is known of a model's reading of the former text, and whether it is worth remembering."""
    noise = trivial(text) if not facts and memory.get("infer") is not False else None
    unread = not facts and noise is None and memory["extraction"] in ("pending", "failed", "skipped")
    read = "done" if any(fact["origin"] == "model" for fact in facts) else "none"
    return {
        "extraction": "skipped" if unread else read,
        "extraction_error": None,
        "noise": noise is not None,
        "noise_reason": noise,
    }


def _claimed(fact: FormerFact) -> UpdatedFact:
    return {
        "uuid": fact["uuid"],
        "scope": fact["scope"],
        "subject_uuid": fact.get("subject_uuid"),
        "object_uuid": fact.get("object_uuid"),
        "predicate": fact["predicate"],
        "claim_key": fact["claim_key"],
        "valid_at": fact["valid_at"],
        "statement": fact["statement"],
    }


def _stated(write: Write, memory_uuid: str, fact: FormerFact, seq: int) -> Row:
    """Return the row that states a fact again, as ``create_graph`` takes it."""
    again: Row = {key: value for key, value in fact.items() if key not in _OWN}
    again |= {
        "uuid": write.uuid(f"again:{fact['uuid']}"),
        "created_at": write.now,
        "invalid_at": fact.get("stated_invalid_at"),
        "seq": seq,
        "index_rev": 1,
    }
    again |= {key: again.get(key) for key in ("subject_uuid", "object_uuid", "expired_at")}
    return {
        "memory_uuid": memory_uuid,
        "subject_key": fact["subject"],
        "object_name_key": fact["object"],
        "properties": again,
    }
