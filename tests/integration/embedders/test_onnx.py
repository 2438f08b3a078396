"""The real models: their vectors mean something, and how a text is batched does not show in them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from extract.embedders.connect import make_embedder
from extract.embedders.onnx import GIVE_BACK_AFTER_CHARS, MODELS, OnnxEmbedder
from extract.embedders.onnx_model import MAX_PASSAGES, MAX_PIECES, OnnxModel
from extract.embedders.word_table import find_word_table
from kg.errors import ConfigurationError, StoreUnavailable
from kg.managed.artifacts import ModelFiles, ensure_model
from kg.ports import Embedder, TextToEmbed
from kg.settings.paths import cache_dir
from kg.settings.service import EMBEDDERS, models_of

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


@pytest.fixture(scope="module", params=EMBEDDERS)
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


async def test_a_text_has_the_same_vector_whatever_is_embedded_beside_it(embedder: Embedder) -> None:
    texts = [
        "short",
        "a somewhat longer text about state leakage between test groups",
        "word " * 300,
        "",
        "two words",
    ] * 8
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
    bulk = asyncio.create_task(embedder.embed_documents([f"text {i} " + "filler words " * 60 for i in range(32)]))
    await asyncio.sleep(0)
    await embedder.embed_query("an interactive question")
    assert not bulk.done()
    await embedder.embed_documents(["an interactive note"])
    assert not bulk.done()
    assert (await bulk).shape == (32, embedder.dimension)


def test_models_use_their_own_pooling_and_question_form() -> None:
    assert MODELS["onnx:all-minilm-l6-v2"].query_prefix == ""
    assert MODELS["onnx:bge-small-en-v1.5"].query_prefix.startswith("Represent this sentence")


def test_two_models_with_the_same_vocabulary_share_one_tokenizer() -> None:
    names = models_of(EMBEDDERS[0])
    first, second = (ensure_model(cache_dir(), name) for name in names)
    reader = OnnxModel(first.onnx, first.tokenizer, MODELS[names[0]], 1)
    beside = OnnxModel(second.onnx, second.tokenizer, MODELS[names[1]], 1, reader)
    alone = OnnxModel(second.onnx, second.tokenizer, MODELS[names[1]], 1)
    assert beside.load()[1] is reader.load()[1]
    assert np.array_equal(beside.embed("Pinned terraform."), alone.embed("Pinned terraform."))


async def test_bge_questions_carry_the_prefix() -> None:
    embedder = make_embedder("onnx:bge-small-en-v1.5", cache_dir())
    text = "why did we not use Redis?"
    as_question, as_document = await embedder.embed_query(text), (await embedder.embed_documents([text]))[0]
    prefixed = (await embedder.embed_documents([MODELS[embedder.name].query_prefix + text]))[0]
    await embedder.close()
    assert np.abs(as_question - prefixed).max() < 1e-5
    assert as_question @ as_document < 0.999


def test_the_digest_covers_weights_and_use(tmp_path: Path) -> None:
    def digest(name: str, *weights: str) -> str:
        return OnnxEmbedder(name, [ModelFiles(tmp_path, tmp_path, these) for these in weights]).digest

    one, other = (digest("onnx:all-minilm-l6-v2", weights) for weights in ("a", "b"))
    assert len({one, other, digest("onnx:bge-small-en-v1.5", "a"), digest(EMBEDDERS[0], "a", "b")}) == 4


async def test_an_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="onnx:all-minilm-l6-v2"):
        OnnxEmbedder("onnx:nothing", [ModelFiles(tmp_path, tmp_path, "a")])
    with pytest.raises(ConfigurationError, match="not known"):
        make_embedder("onnx:nothing", tmp_path)


async def test_one_look_gives_text_sentences_and_word_pieces(embedder: Embedder) -> None:
    text = "We rejected the database. It would be one more server to run."
    parts = ["We rejected the database.", "It would be one more server to run."]
    note, fact, nothing = await embedder.embed_texts(
        [TextToEmbed(text, parts, tokens=True), TextToEmbed(text), TextToEmbed("")]
    )
    assert note.text.shape == fact.text.shape == nothing.text.shape == (1, embedder.dimension)
    assert np.abs(note.text - (await embedder.embed_documents([text]))[0]).max() < 1e-5
    assert np.abs(note.text - fact.text).max() < 1e-5
    assert note.sentences is not None and note.sentences.shape == (2, embedder.dimension)
    assert note.tokens is not None and note.tokens.shape == (14, embedder.dimension)
    for rows in (note.sentences, note.tokens):
        assert rows.dtype == np.float32 and np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-5
    assert fact.sentences is None and fact.tokens is None and nothing.sentences is None
    question = await embedder.embed_question("Was the database rejected?")
    assert question.words == ["was", "the", "database", "rejected", "?"]
    assert question.tokens.shape == (5, embedder.dimension)
    assert (note.sentences @ question.sentence).argmax() == 0
    assert (note.tokens @ question.tokens[2]).argmax() == 3, "the piece of the same word is the nearest"
    assert (await embedder.embed_question("用户 用户")).unknown > 0.5


async def test_every_word_of_a_long_text_is_in_a_passage_and_has_its_piece(embedder: Embedder) -> None:
    (long,) = await embedder.embed_texts([TextToEmbed("word " * 600 + "database", tokens=True)])
    assert len(long.text) == 10
    assert np.abs(np.linalg.norm(long.text, axis=1) - 1).max() < 1e-5
    assert (long.text @ (await embedder.embed_question("database")).text).argmax() == 9
    asked = await embedder.embed_question("database")
    assert long.tokens is not None and len(long.tokens) == 601
    assert (long.tokens @ asked.tokens[0]).argmax() == 600


async def test_of_an_endless_text_passages_and_pieces_are_taken_up_to_a_bound() -> None:
    """With the quicker of the models: the text is cut before any model reads it."""
    name = "onnx:all-minilm-l6-v2-q"
    embedder = OnnxEmbedder(name, [ensure_model(cache_dir(), name)])
    (endless,) = await embedder.embed_texts([TextToEmbed("word " * 13_000, tokens=True)])
    await embedder.close()
    assert len(endless.text) == MAX_PASSAGES
    assert np.abs(np.linalg.norm(endless.text, axis=1) - 1).max() < 1e-5
    assert endless.tokens is not None and len(endless.tokens) == MAX_PIECES


async def test_a_message_carries_something_of_what_was_said_before_and_only_its_own_pieces() -> None:
    embedder = make_embedder(EMBEDDERS[0], cache_dir())
    said, context = "Yes, the third one.", "Which database do we take for the ledger?"
    alone, behind, long = await embedder.embed_texts(
        [TextToEmbed(said, [said], before, tokens=True) for before in ("", context, context * 100)]
    )
    asked = await embedder.embed_question("database of the ledger")
    await embedder.close()
    assert alone.tokens is not None and behind.tokens is not None and long.tokens is not None
    assert alone.tokens.shape == behind.tokens.shape == long.tokens.shape
    assert behind.text[0] @ asked.text > alone.text[0] @ asked.text + 0.05
    assert alone.sentences is not None and behind.sentences is not None
    assert np.abs(alone.sentences - behind.sentences).max() < 1e-6, "a sentence stands for itself"


async def test_memory_goes_back_to_the_system_after_much_text() -> None:
    given_back: list[bool] = []
    name = "onnx:all-minilm-l6-v2-q"
    embedder = OnnxEmbedder(name, [ensure_model(cache_dir(), name)], give_back=lambda: given_back.append(True))
    await embedder.embed_texts([TextToEmbed("x " * (GIVE_BACK_AFTER_CHARS // 2 - 1))])
    assert not given_back
    await embedder.embed_texts([TextToEmbed("one more")])
    assert len(given_back) == 1
    await embedder.embed_texts([TextToEmbed("one more")])
    assert len(given_back) == 1
    await embedder.close()


async def test_vectors_are_the_same_whether_the_words_stay_in_the_file_or_not() -> None:
    name = "onnx:bge-small-en-v1.5-q"
    files = ensure_model(cache_dir(), name)
    assert find_word_table(files.onnx) is not None
    embedder = OnnxEmbedder(name, [files])
    ours = await embedder.embed_documents(["Which database do we take for the ledger?"])
    await embedder.close()
    import onnxruntime  # only now: the embedder has turned its reports off

    session = onnxruntime.InferenceSession(str(files.onnx), providers=["CPUExecutionProvider"])
    ids = Tokenizer.from_file(str(files.tokenizer)).encode("Which database do we take for the ledger?").ids
    row = np.array([[one for one in ids if one]], np.int64)
    inputs = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
    state = session.run(["last_hidden_state"], inputs)[0][0][0]
    assert np.abs(ours[0] - state / np.linalg.norm(state)).max() < 1e-6


async def test_a_damaged_model_names_its_file_and_the_cure(tmp_path: Path) -> None:
    files = ensure_model(cache_dir(), "onnx:all-minilm-l6-v2")
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(files.onnx.read_bytes()[:5000])
    embedder = OnnxEmbedder("onnx:all-minilm-l6-v2", [replace(files, onnx=damaged)])
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
