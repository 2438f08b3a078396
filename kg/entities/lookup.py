"""Find the entities that a new name may mean: by other spellings, by a part of it, by its words, by its meaning.

Invariant: if ``kg.entities.compare_spelling`` would call a name the same and it differs by one separator, a known
spelling, a plural or a legal suffix, its key is among the exact keys. Other names are found by parts, words or meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kg.entities import queries
from kg.entities.compare_spelling import ONE_WORD, plural_of, without_suffix
from kg.entities.persons import person_words
from kg.entities.resolve import KnownEntity, NewName
from kg.entities.spelling_variants import VERSIONED, canonical, forms, joined, spelled_accents, without_accents, words
from kg.entities.synonyms import load_synonyms
from kg.graph.store import GraphStore
from kg.language.lucene import entity_query, user_key
from kg.language.words import is_non_latin

TOP_K = 20
"""Most entities that each way finds for one name."""

MAX_KEYS = 96
"""Most exact keys by which one name is looked up."""

_SPLIT_CHARS = 24
_PART_CHARS = 3
_LEGAL_TRIED = ("inc", "ltd", "llc", "gmbh", "corp", "corporation", "limited", "ag", "co", "se")


@dataclass(frozen=True)
class CandidateTerms:
    """How to look a name up.

    Attributes:
        keys: alias keys that mean or may mean the same.
        parts: pieces that an alias of the same thing may contain.
    """

    keys: tuple[str, ...]
    parts: tuple[str, ...]


def candidate_terms(name: NewName) -> CandidateTerms:
    """Return how to look a new name up."""
    keys = list(dict.fromkeys(key for key in _spellings(name.key, name.kind) if key))
    return CandidateTerms(tuple(keys[:MAX_KEYS]), tuple(_parts(name.key, name.kind)))


def same_keys(key: str, kind: str) -> list[str]:
    """Return other alias keys that are the same name by spelling alone."""
    found = dict.fromkeys(other for other in _same(key, kind) if other)
    found.pop(key, None)
    return list(found)[:MAX_KEYS]


async def find_candidates(
    store: GraphStore,
    user_id: str,
    new: Sequence[NewName],
    near: Mapping[str, Sequence[str]],
    *,
    with_statements: bool = False,
) -> list[KnownEntity]:
    """Return the entities of a partition that new names may mean, likeliest first; merged ones are left out.

    First come entities with another spelling of a new name, then those that were found in most ways.

    Args:
        store: the graph.
        user_id: partition.
        new: the new names.
        near: alias key of a new name -> uuids of the entities nearest to it in meaning.
        with_statements: whether some statements about each are wanted, which a model reads.
    """
    key = user_key(user_id)
    names = [
        {
            "keys": terms.keys,
            "parts": terms.parts,
            "words": entity_query(name.name, key) or "",
            "near": list(near.get(name.key, ())),
        }
        for name in new
        for terms in (candidate_terms(name),)
    ]
    rows = await store.read(
        queries.resolution_candidates,
        user_id=user_id,
        names=names,
        top_k=TOP_K,
        with_statements=with_statements,
    )
    spelled = {spelling for name in names for spelling in name["keys"]}
    rows.sort(key=lambda row: spelled.isdisjoint(row["aliases"]))
    return [
        KnownEntity(row["uuid"], row["name"], row["kind"], tuple(row["aliases"]), tuple(row["statements"]))
        for row in rows
    ]


def _spellings(key: str, kind: str) -> Iterator[str]:
    """Yield the alias keys that are or may be the same name, likeliest first, some of them twice."""
    yield key
    yield from _same(key, kind)
    yield joined(key)
    if kind in ("Concept", "Thing"):
        yield plural_of(key)
        yield from _singulars(key)
    if "/" in key:
        pieces = key.split("/")
        yield from ("/".join(pieces[start:]) for start in range(1, len(pieces)))
    yield from _respaced(key)


def _same(key: str, kind: str) -> Iterator[str]:
    """Yield the alias keys that are the same name by spelling, likeliest first, some of them twice."""
    for form in (canonical(key), *sorted(forms(key, kind))):
        yield from load_synonyms().spellings.get(form, ())
        yield form
    yield from (without_accents(key), spelled_accents(key))
    plain = " ".join(words(key))
    yield from (plain, f"the {key}", f"our {key}")
    yield from _versions(plain, kind)
    if kind == "Person":
        yield " ".join(person_words(key))
    if kind in ("Organization", "Thing"):
        bare = without_suffix(key)[0]
        yield bare
        yield from (f"{bare} {suffix}" for suffix in _LEGAL_TRIED)
    if kind == "Concept" and len(key.split()) > 1:
        yield plural_of(key)
        yield from _singulars(key)
    known = load_synonyms()
    if kind in ONE_WORD or is_non_latin(key) or joined(key) in known.products | known.compounds:
        yield joined(key)
        yield from _respaced(key)


def _versions(plain: str, kind: str) -> Iterator[str]:
    """Yield the ways to write a name that ends in a number: React 18, React v18, react@18; PR 7, PR #7."""
    found = VERSIONED.fullmatch(plain)
    if found is None:
        return
    name, number = found.groups()
    same = [name, *(key for form in sorted(forms(name, kind)) for key in load_synonyms().spellings.get(form, ()))]
    for spelling in dict.fromkeys(same):
        yield from (spelling + between + number for between in (" ", "", " v", "@", " #"))


def _singulars(key: str) -> Iterator[str]:
    for ending, replaced in (("ies", "y"), ("es", ""), ("s", "")):
        if key.endswith(ending):
            yield key.removesuffix(ending) + replaced


def _respaced(key: str) -> Iterator[str]:
    """Yield a name with one more separator, or one fewer."""
    pieces = key.split()
    for at in range(1, len(pieces)):
        for between in ("", "."):
            yield " ".join((*pieces[: at - 1], pieces[at - 1] + between + pieces[at], *pieces[at + 1 :]))
    if len(pieces) == 1 and len(key) <= _SPLIT_CHARS:
        yield key.replace(".", " ")
        yield from (key[:at] + between + key[at:] for between in (" ", ".") for at in range(1, len(key)))


def _parts(key: str, kind: str) -> list[str]:
    """Return pieces that aliases of the same thing contain: names of a person, the longest word of anything else."""
    if kind == "Person":
        found = person_words(key)
        return [word for word in dict.fromkeys((found[-1], found[0])) if len(word) >= _PART_CHARS]
    own = [word for word in words(key.rsplit("/", 1)[-1]) if word not in load_synonyms().generic]
    return [word for word in [max(own, key=len, default="")] if len(word) >= _PART_CHARS]
