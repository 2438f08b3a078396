"""Embeddings through the real Ollama client against a stand-in that speaks its protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from extract.embedders.connect import connect_embedder
from kg.errors import StoreUnavailable
from kg.ports import Embedder
from tests.support.fakes import FakeOllama, Fault

ODD_TEXTS = ["", " \n\t ", "🙂" * 3000, "x" * 100_000, "שלום עולם", "\x00", "lone \ud800 surrogate"]


@pytest.fixture
async def fake() -> AsyncIterator[FakeOllama]:
    async with FakeOllama(models=["bge-m3", "all-minilm:33m", "qwen3:14b"], dimension=16) as fake:
        yield fake


@pytest.fixture
async def embedder(fake: FakeOllama) -> AsyncIterator[Embedder]:
    embedder = await _connect("ollama:bge-m3", fake.url)
    yield embedder
    await embedder.close()


async def _connect(name: str, url: str) -> Embedder:
    return await connect_embedder(name, Path("/nowhere"), ollama_url=url, keep_alive="30m")


async def test_dimension_and_identity_come_from_the_model_itself(fake: FakeOllama, embedder: Embedder):
    assert (embedder.name, embedder.dimension) == ("ollama:bge-m3", 16)
    same, other = await _connect("ollama:bge-m3", fake.url), await _connect("ollama:all-minilm:33m", fake.url)
    assert embedder.digest == same.digest != other.digest
    assert (embedder.english_only, other.english_only) == (False, True)
    await same.close()
    await other.close()


async def test_vectors_are_of_unit_length_and_in_the_order_of_the_texts(fake: FakeOllama, embedder: Embedder):
    texts = [f"text number {i}" for i in range(100)]
    vectors = await embedder.embed_documents(texts)
    assert (vectors.shape, vectors.dtype) == ((100, 16), np.float32)
    expected = np.array([fake.vector(text) for text in texts])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert max(len(request.body["input"]) for request in fake.requests if request.body) <= 32


async def test_a_question_has_the_vector_of_the_same_text(embedder: Embedder):
    np.testing.assert_array_equal(
        await embedder.embed_query("which cat"), (await embedder.embed_documents(["which cat"]))[0]
    )


async def test_no_texts_give_no_vectors_and_no_request(fake: FakeOllama, embedder: Embedder):
    before = len(fake.requests)
    assert (await embedder.embed_documents([])).shape == (0, 16)
    assert len(fake.requests) == before


async def test_odd_texts_get_a_vector_each(fake: FakeOllama, embedder: Embedder):
    vectors = await embedder.embed_documents(ODD_TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert all(text for request in fake.requests if request.body for text in request.body["input"])


async def test_the_model_is_asked_to_stay_loaded(fake: FakeOllama, embedder: Embedder):
    await embedder.embed_query("a")
    assert fake.requests[-1].body["keep_alive"] == "30m"


async def test_a_model_that_is_not_pulled_is_named_with_the_command_that_pulls_it(fake: FakeOllama):
    with pytest.raises(StoreUnavailable, match=r"ollama pull nomic-embed-text") as raised:
        await _connect("ollama:nomic-embed-text", fake.url)
    assert not raised.value.retryable


async def test_without_ollama_the_error_says_how_to_start_it():
    async with FakeOllama() as gone:
        pass
    with pytest.raises(StoreUnavailable, match=r"ollama serve") as raised:
        await _connect("ollama:bge-m3", gone.url)
    assert (raised.value.store, raised.value.retryable) == ("embedder", True)


async def test_a_model_that_makes_no_embeddings_is_refused():
    async with FakeOllama(models=["bge-m3"], dimension=0) as fake:
        with pytest.raises(StoreUnavailable, match="makes no embeddings"):
            await _connect("ollama:bge-m3", fake.url)


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.OVERLOADED, Fault.DROP, Fault.BROKEN_BODY, Fault.HUGE])
async def test_after_a_failure_the_same_texts_can_be_embedded(fake: FakeOllama, embedder: Embedder, fault: Fault):
    fake.embedding_faults.append(fault)
    with pytest.raises(StoreUnavailable) as raised:
        await embedder.embed_documents(["secret text"])
    assert raised.value.retryable
    assert "secret" not in str(raised.value)
    assert (await embedder.embed_documents(["secret text"])).shape == (1, 16)


async def test_vectors_of_another_length_than_before_are_refused(fake: FakeOllama, embedder: Embedder):
    fake.dimension = 8
    with pytest.raises(StoreUnavailable, match="restart the service") as raised:
        await embedder.embed_query("a")
    assert not raised.value.retryable


async def test_a_closed_embedder_is_refused(embedder: Embedder):
    await embedder.close()
    with pytest.raises(StoreUnavailable, match="is closed"):
        await embedder.embed_query("a")
