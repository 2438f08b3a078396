"""The real models: their vectors mean something, and how a text is batched does not show in them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from extract.embedders.connect import make_embedder
from extract.embedders.onnx import MODELS, OnnxEmbedder
from kg.errors import ConfigurationError, StoreUnavailable
from kg.managed.artifacts import ensure_model
from kg.ports import Embedder
from kg.settings.paths import cache_dir

PARAPHRASES = [
    ("The flaky tests came from state leaking between test groups", "Shared state across suites made tests unreliable"),
    ("We rejected Redis for sessions", "Redis was not chosen as the session store"),
    ("I prefer TypeScript with strict mode", "My favourite is strict TypeScript"),
    ("The deployment failed because the disk was full", "The release failed as no disk space was left"),
]
ODD_TEXTS = [
    "",
    " \n\t ",
    "a",
    "🙂" * 3000,
    "word " * 20_000,
    "x" * 65_536,
    "שלום עולם",
    "\x00",
    "lone \ud800 surrogate",
]


@pytest.fixture(scope="module", params=sorted(MODELS))
async def embedder(request: pytest.FixtureRequest) -> AsyncIterator[Embedder]:
    embedder = make_embedder(request.param, cache_dir())
    yield embedder
    await embedder.close()


async def test_paraphrases_are_nearer_than_unrelated_texts(embedder: Embedder) -> None:
    left = await embedder.embed_documents([pair[0] for pair in PARAPHRASES])
    right = await embedder.embed_documents([pair[1] for pair in PARAPHRASES])
    similarities = left @ right.T
    unrelated = similarities - 2 * np.eye(len(PARAPHRASES))
    assert (np.diag(similarities) > unrelated.max(axis=0) + 0.05).all()
    assert (np.diag(similarities) > unrelated.max(axis=1) + 0.05).all()


async def test_similarities_are_those_that_the_model_is_known_for() -> None:
    embedder = make_embedder("onnx:all-minilm-l6-v2", cache_dir())
    person, dog, very_happy, sunny = await embedder.embed_documents(
        ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    )
    await embedder.close()
    assert [person @ dog, person @ very_happy, person @ sunny] == pytest.approx([0.695, 0.943, 0.257], abs=0.002)


async def test_a_question_finds_its_answer(embedder: Embedder) -> None:
    answers = ["Redis was rejected: one more server to run", "The user lives in Berlin", "Tests run in random order"]
    question = await embedder.embed_query("why did we not use Redis?")
    similarities = (await embedder.embed_documents(answers)) @ question
    assert similarities.argmax() == 0
    assert similarities[0] > np.sort(similarities)[-2] + 0.1


async def test_a_padded_batch_equals_single_texts(embedder: Embedder) -> None:
    texts = [
        "short",
        "a somewhat longer text about state leakage between test groups",
        "word " * 300,
        "",
        "two words",
    ] * 20
    batch = await embedder.embed_documents(texts)
    for i in range(5):
        single = (await embedder.embed_documents([texts[i]]))[0]
        assert np.abs(batch[i::5] - single).max() < 1e-5


async def test_any_text_gives_a_unit_vector(embedder: Embedder) -> None:
    vectors = await embedder.embed_documents(ODD_TEXTS)
    assert vectors.shape == (len(ODD_TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    for text in ODD_TEXTS:
        vector = await embedder.embed_query(text)
        assert vector.shape == (embedder.dimension,) and abs(float(np.linalg.norm(vector)) - 1) < 1e-5


async def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert (await embedder.embed_documents([])).shape == (0, embedder.dimension)


async def test_text_counts_up_to_the_256th_token_and_not_beyond(embedder: Embedder) -> None:
    padding = "the " * 200
    vectors = await embedder.embed_documents(
        [padding, padding + "database", padding * 2 + "database", padding * 2 + "volcano"]
    )
    assert vectors[0] @ vectors[1] < 0.999
    assert np.abs(vectors[2] - vectors[3]).max() < 1e-5


async def test_a_question_and_a_single_text_overtake_bulk(embedder: Embedder) -> None:
    bulk = asyncio.create_task(embedder.embed_documents([f"text {i} " + "filler words " * 60 for i in range(160)]))
    await asyncio.sleep(0)
    await embedder.embed_query("an interactive question")
    assert not bulk.done()
    await embedder.embed_documents(["an interactive note"])
    assert not bulk.done()
    assert (await bulk).shape == (160, embedder.dimension)


def test_models_use_their_own_pooling_and_question_form() -> None:
    assert MODELS["onnx:all-minilm-l6-v2"].query_prefix == ""
    assert MODELS["onnx:bge-small-en-v1.5"].query_prefix.startswith("Represent this sentence")


async def test_bge_questions_carry_the_prefix() -> None:
    embedder = make_embedder("onnx:bge-small-en-v1.5", cache_dir())
    text = "why did we not use Redis?"
    as_question, as_document = await embedder.embed_query(text), (await embedder.embed_documents([text]))[0]
    prefixed = (await embedder.embed_documents([MODELS[embedder.name].query_prefix + text]))[0]
    await embedder.close()
    assert np.abs(as_question - prefixed).max() < 1e-5
    assert as_question @ as_document < 0.999


def test_the_digest_covers_weights_and_use(tmp_path: Path) -> None:
    one, other = (OnnxEmbedder("onnx:all-minilm-l6-v2", tmp_path, tmp_path, digest) for digest in ("a", "b"))
    same_weights = OnnxEmbedder("onnx:bge-small-en-v1.5", tmp_path, tmp_path, "a")
    assert len({one.digest, other.digest, same_weights.digest}) == 3


async def test_an_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="onnx:all-minilm-l6-v2"):
        OnnxEmbedder("onnx:nothing", tmp_path, tmp_path, "a")


async def test_a_damaged_model_names_its_file_and_the_cure(tmp_path: Path) -> None:
    files = ensure_model(cache_dir(), "onnx:all-minilm-l6-v2")
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(files.onnx.read_bytes()[:5000])
    embedder = OnnxEmbedder("onnx:all-minilm-l6-v2", damaged, files.tokenizer, files.digest)
    with pytest.raises(StoreUnavailable, match="knowthread setup") as caught:
        await embedder.warm()
    assert str(damaged) in str(caught.value) and not caught.value.retryable
    await embedder.close()


async def test_a_closed_embedder_says_so() -> None:
    embedder = make_embedder("onnx:all-minilm-l6-v2", cache_dir())
    await embedder.embed_query("x")
    await embedder.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await embedder.embed_query("x")
