"""The Protocols that the service is written against. One contract suite tests every implementation of a Protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from kg.model_values import Contention, Extraction, ExtractionRequest, NamePair, Order, Rulings, Sameness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vector: TypeAlias = "NDArray[np.float32]"

PointKind = Literal["memory", "fact", "entity"]
VectorName = Literal["text", "sentences", "tokens", "words"]
DenseName = Literal["text", "sentences"]
MemoryKind = Literal["note", "message"]
Scalar = str | int | float | bool


class Clock(Protocol):
    """Where 'now' comes from."""

    def now(self) -> datetime:
        """Return the current instant, aware, UTC."""
        ...


@dataclass(frozen=True)
class TextToEmbed:
    """One text, and what is wanted of it.

    Attributes:
        sentences: its sentences, each of which gets a vector; none where none are wanted.
        context: what was said before it; its vectors then carry something of that.
        tokens: whether each of its word pieces gets a vector, if the embedder has any.
    """

    text: str
    sentences: Sequence[str] = ()
    context: str = ""
    tokens: bool = False


@dataclass(frozen=True)
class TextVectors:
    """The vectors of one text, all float32 and of unit length.

    Attributes:
        text: (p, d), one for each passage that the embedder reads at once, in order; p >= 1.
        sentences: (s, d), one for each sentence; None where none were wanted.
        tokens: (t, d), one for each word piece; None where none were wanted, or the embedder has none.
    """

    text: Vector
    sentences: Vector | None = None
    tokens: Vector | None = None


@dataclass(frozen=True)
class QuestionVectors:
    """The vectors of a question, all float32 and of unit length.

    Attributes:
        text: (d,), to compare with texts.
        sentence: (d,), to compare with sentences.
        tokens: (t, d), one for each word piece; none where the embedder has none.
        words: for each word piece the word that it is part of, lower case.
        unknown: share of the word pieces that the embedder does not know.
    """

    text: Vector
    sentence: Vector
    tokens: Vector
    words: Sequence[str] = ()
    unknown: float = 0.0


class Embedder(Protocol):
    """Turns text into unit vectors."""

    @property
    def name(self) -> str:
        """Identity as in the setting, for example ``onnx:all-minilm-l6-v2``."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    @property
    def digest(self) -> str:
        """Fingerprint of the weights and of their use. Vectors with different digests cannot be compared."""
        ...

    @property
    def english_only(self) -> bool:
        """Whether it knows hardly any tokens of non-Latin scripts."""
        ...

    @property
    def two_models(self) -> bool:
        """Whether sentences have a model of their own, so that their cosines compare with no others."""
        ...

    async def embed_texts(self, texts: Sequence[TextToEmbed]) -> list[TextVectors]:
        """Return the vectors of each text, in order, from as few passes as that takes; runs off the event loop.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        ...

    async def embed_question(self, text: str) -> QuestionVectors:
        """Return all vectors of a question.

        Raises:
            StoreUnavailable: a model cannot be run.
        """
        ...

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        """Return (n, dimension) float32, unit length, of each text's first passage in order; runs off the event loop.

        Raises:
            StoreUnavailable: the model cannot be run.
        """
        ...

    async def embed_query(self, text: str) -> Vector:
        """Return the text vector of a question alone: (dimension,) float32, unit length."""
        ...

    async def close(self) -> None:
        """Release the model."""
        ...


@dataclass(frozen=True)
class IndexPoint:
    """One node of the graph as the side-index holds it.

    Attributes:
        uuid: the node's uuid; it is the point's id.
        text: (p, d) embeddings of the passages of the text, p >= 1; one where the embedder reads it at once.
        content_hash: fingerprint of the embedded text and payload, so that drift is found without embedding.
        sentences: (s, d) embeddings of a memory's sentences, s >= 1; None for other kinds.
        tokens: (t, d) embeddings of a memory's word pieces; None where there are none.
        words: weights of a memory's terms by their place (``kg.language.bm25``); empty for other kinds.
        valid_at: for facts, start of validity; for memories, when it occurred; None for entities.
        invalid_at: for facts, end of validity, None while open.
        created_at: for memories, when it was stored; None for other kinds.
        metadata: flat scalars (or lists of them) of the memory, for filters.
        owner: for facts, the memory that states it.
        form: for memories, whether it is a note or a message.
        speaker: for messages, the alias key of who said it.
        previous: for messages, the two before it in its conversation, the nearest first.
        noise: whether the memory, or the one that states the fact, is trivial.
        revision: of the node, as it was when the point was made.
    """

    uuid: str
    kind: PointKind
    user_id: str
    text: Vector
    content_hash: str
    sentences: Vector | None = None
    tokens: Vector | None = None
    words: Mapping[int, float] = field(default_factory=dict[int, float])
    agent_id: str | None = None
    run_id: str | None = None
    project: str | None = None
    valid_at: datetime | None = None
    invalid_at: datetime | None = None
    created_at: datetime | None = None
    metadata: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict[str, Scalar | Sequence[Scalar]])
    owner: str | None = None
    form: MemoryKind | None = None
    speaker: str | None = None
    previous: Sequence[str] = ()
    noise: bool = False
    revision: int = 0


InstantField = Literal["valid_at", "created_at"]


class TimeRange(NamedTuple):
    """Points of which an instant lies within bounds, both included; None for no bound."""

    field: InstantField
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class IndexQuery:
    """One leg of a search: the best points within a scope.

    Attributes:
        vector: what is searched for. (d,) for ``text`` and ``sentences``, of unit length, scored by the best cosine to
            any passage or sentence of the point; (t, d) for ``tokens``, scored by the sum over its rows of the best dot
            product with any row of the point; a mapping for ``words``, scored by the dot product.
        using: which named vector.
        valid_at: only points that held (facts) or had occurred (memories) at this instant, None for no bound.
        known_at: only points that were stored by this instant, None for no bound.
        metadata: points must have each of these values (a list value matches any of its members).
        ranges: points must have these instants, within these bounds.
        noise: whether trivial memories, and facts that they state, are wanted too.
        among: only these points, compared one by one; None for no bound.
        with_cards: whether hits come with what ranking reads of them.
    """

    vector: Vector | Mapping[int, float]
    kind: PointKind
    user_id: str
    top_k: int
    using: VectorName = "text"
    agent_id: str | None = None
    run_id: str | None = None
    project: str | None = None
    valid_at: datetime | None = None
    known_at: datetime | None = None
    metadata: Mapping[str, Scalar | Sequence[Scalar]] = field(default_factory=dict[str, Scalar | Sequence[Scalar]])
    ranges: Sequence[TimeRange] = ()
    noise: bool = True
    among: Sequence[str] | None = None
    with_cards: bool = False


@dataclass(frozen=True, slots=True)
class IndexCard:
    """What ranking reads of a point; see ``IndexPoint`` for the fields."""

    uuid: str
    kind: PointKind
    agent_id: str | None = None
    run_id: str | None = None
    project: str | None = None
    valid_at: datetime | None = None
    invalid_at: datetime | None = None
    created_at: datetime | None = None
    owner: str | None = None
    form: MemoryKind | None = None
    speaker: str | None = None
    previous: Sequence[str] = ()
    noise: bool = False
    revision: int = 0


class IndexHit(NamedTuple):
    """A point that a query found; ``score`` is its cosine or dot product, higher is better."""

    uuid: str
    score: float
    card: IndexCard | None = None


@dataclass(frozen=True)
class IndexEntry:
    """What the index knows about a point, for comparison with the graph."""

    uuid: str
    kind: PointKind
    content_hash: str


class VectorIndex(Protocol):
    """The side-index of embeddings. It holds nothing that the graph cannot rebuild.

    An instance serves one collection, which knows its embedder (name, dimension, digest). During a rebuild it also
    serves a second one. Reads use the first; changes go to both, so that the second has everything that was written
    since it was begun.
    """

    @property
    def collection_id(self) -> str:
        """Id of the collection that is read. If it has changed, the collection may lack any point.

        Empty while that collection belongs to another embedder.
        """
        ...

    @property
    def building_id(self) -> str | None:
        """Id of the collection that a rebuild fills; None if none runs."""
        ...

    async def open(self) -> None:
        """Open or create the collection, and the one that a rebuild with this embedder fills, if any.

        Raises:
            ConfigurationError: the collection belongs to another embedder, and no rebuild with this one has begun.
            StoreUnavailable: the store does not answer, or another process has it open.
        """
        ...

    async def begin_rebuild(self) -> str:
        """Begin an empty collection next to the present one, or continue one begun before; return its id.

        This also opens an index that ``open`` has refused. If the present collection belongs to another embedder, it
        stays, but it takes no changes and answers no reads (StoreUnavailable).
        """
        ...

    async def finish_rebuild(self) -> None:
        """Replace the present collection by the one that the rebuild filled, and remove the old one.

        This is one durable step: after a crash there is either the old or the new one.

        Raises:
            StoreUnavailable: no rebuild has begun.
        """
        ...

    async def drop_rebuild(self) -> None:
        """Remove the collection that a rebuild fills, if any. If the present one is unreadable, the index is closed."""
        ...

    async def upsert_points(self, points: Sequence[IndexPoint], *, durable: bool = True) -> None:
        """Insert or replace points. They can be found when this returns.

        With ``durable`` they are on the disk when this returns, otherwise after the next ``flush``.
        """
        ...

    async def flush(self) -> None:
        """Make everything durable that was written before."""
        ...

    async def delete_points(self, uuids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored; durable when this returns."""
        ...

    async def search(self, queries: Sequence[IndexQuery]) -> list[list[IndexHit]]:
        """Answer all queries in one batch: per query at most ``top_k`` hits, best first."""
        ...

    async def cards(self, user_id: str, uuids: Sequence[str], following: Sequence[str]) -> list[IndexCard]:
        """Return the cards of some of a user's points, and of the messages of which some are among the ``previous``.

        Points that do not exist are left out.
        """
        ...

    async def similarities(self, using: DenseName, vector: Vector, uuids: Sequence[str]) -> dict[str, float]:
        """Return the best cosine of each of these points to a vector; points that do not exist are left out."""
        ...

    def scan(self, batch_size: int = 1000) -> AsyncIterator[list[IndexEntry]]:
        """Yield every point once, in batches, in the order of uuids."""
        ...

    async def count(self) -> int:
        """Return the exact number of points."""
        ...

    async def optimize(self) -> bool:
        """Merge segments and build indexes, if the engine does not do so by itself; True if anything changed."""
        ...

    async def rest(self) -> None:
        """Let the system have the memory of what searches have read, as none is expected soon."""
        ...

    async def close(self) -> None:
        """Flush and release the store."""
        ...


class FactExtractor(Protocol):
    """Reads texts and states what is worth remembering."""

    async def extract(self, request: ExtractionRequest) -> Extraction:
        """Return the facts of the turns and which turns are noise.

        Raises:
            ModelUnavailable: no model could be asked, or none answered.
            MalformedOutput: no usable answer.
            BudgetExceeded: the day's tokens are spent.
        """
        ...


class ContradictionJudge(Protocol):
    """Decides which of two statements still stands."""

    async def judge(self, contentions: Sequence[Contention]) -> Rulings:
        """Return a ruling for each contention, from one model call for all; errors as ``FactExtractor``."""
        ...


class NameJudge(Protocol):
    """Decides whether two names mean one thing, if spelling alone does not decide."""

    async def compare(self, pairs: Sequence[NamePair]) -> Sameness:
        """Return a verdict for each pair, from one model call for all; errors as ``FactExtractor``."""
        ...


class Reranker(Protocol):
    """Sorts texts by how well they answer a question."""

    async def rerank(self, question: str, texts: Sequence[str]) -> Order:
        """Return the order of one or more texts, from one model call for all; errors as ``FactExtractor``."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current instant, aware, UTC."""
        return datetime.now(UTC)
