"""The recall sets of the repository are whole, and recall is counted as its name says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.recall import recalls
from bench.recall_sets import OWN_SETS, Question, load_set


@pytest.mark.parametrize(
    ("name", "documents", "questions"), [("notes", 160, 160), ("conversations", 300, 130), ("languages", 50, 50)]
)
def test_each_question_has_its_answer_in_its_own_scope(name: str, documents: int, questions: int) -> None:
    recall_set = load_set(OWN_SETS / name)
    scopes = {document.id: document.scope for document in recall_set.documents}
    assert len(scopes) == len(recall_set.documents) >= documents
    assert len({question.text for question in recall_set.questions}) == len(recall_set.questions) >= questions
    for question in recall_set.questions:
        assert {scopes.get(gold) for gold in question.gold} == {question.scope}


def test_a_category_is_in_both_halves() -> None:
    for name in ("notes", "conversations", "languages"):
        questions = load_set(OWN_SETS / name).questions
        assert {(q.category, 0) for q in questions} == {(q.category, 0) for q in questions if q.half == 0}
        assert {(q.category, 1) for q in questions} == {(q.category, 1) for q in questions if q.half == 1}


def test_questions_without_an_answer_and_other_scopes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "documents.jsonl").write_text(
        '{"id": "a", "scope": "x", "text": "one", "image_caption": "left out"}\n'
        '{"id": "b", "scope": "y", "text": "two"}\n'
    )
    (tmp_path / "queries.jsonl").write_text(
        '{"scope": "x", "question": "1?", "category": "c", "gold": ["a"]}\n'
        '{"scope": "x", "question": "2?", "category": "adversarial", "gold": ["a"]}\n'
        '{"scope": "x", "question": "3?", "category": "c", "gold": []}\n'
        '{"scope": "y", "question": "4?", "category": "c", "gold": ["b"]}\n'
    )
    kept = load_set(tmp_path, scopes=1)
    assert [document.id for document in kept.documents] == ["a"]
    assert [question.text for question in kept.questions] == ["1?"]


def test_messages_of_a_session_are_stored_together_and_notes_by_themselves() -> None:
    sizes = [len(group) for group in load_set(OWN_SETS / "notes").sessions()]
    assert set(sizes) == {1}
    conversations = load_set(OWN_SETS / "conversations")
    assert {len({d.session for d in group}) for group in conversations.sessions()} == {1}
    assert sum(len(group) for group in conversations.sessions()) == len(conversations.documents)


def test_recall_is_the_share_of_the_documents_within_each_depth() -> None:
    question = Question("?", frozenset({"a", "b"}), "c", "all", 0)
    assert recalls(question, [{"x"}, {"a"}, *({"y"} for _ in range(6)), {"b"}]) == [0.0, 0.5, 1.0]
    assert recalls(question, [{"a", "b"}]) == [1.0, 1.0, 1.0]
    assert recalls(question, []) == [0.0, 0.0, 0.0]
