"""The examples in docstrings say what the code does."""

from __future__ import annotations

import doctest
import importlib

import pytest

EXAMPLES = {
    "kg.entities.compare_spelling": 4,
    "kg.entities.resolve": 3,
    "kg.facts.predicates": 2,
    "kg.facts.endings": 6,
    "kg.recall.ranking": 3,
}
"""Modules with examples, and how many; a docstring that lost its examples is noticed."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_a_module_are_true(name: str):
    tried = doctest.testmod(importlib.import_module(name))
    assert (tried.failed, tried.attempted) == (0, EXAMPLES[name])
