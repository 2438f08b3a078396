"""Which names mean one thing: by letters, by a model in the band between, and in groups."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import cypher
from kg.entities.compare_spelling import Name, compare
from kg.entities.lookup import MAX_KEYS, candidate_terms, find_candidates, same_keys
from kg.entities.resolve import MAX_ASKED, MAX_CANDIDATES, EntityMerge, KnownEntity, NewName, Resolution, Resolver
from kg.entities.verdict import one_edit_apart
from kg.errors import ModelUnavailable, StoreUnavailable
from kg.facts.predicates import ENTITY_KINDS
from kg.language.names import alias_key
from kg.model_values import ModelCall, ModelWork, NamePair, Sameness
from kg.ports import Vector

ROOT = Path(cypher.__file__).parent.parent
WORK = ModelWork("fake:model", "resolve", "0123")


class Judge:
    """A judge that holds the given pairs of names to be one, and keeps what it was asked."""

    def __init__(self, *same: tuple[str, str], failing: bool = False) -> None:
        self.same = {frozenset(pair) for pair in same}
        self.failing = failing
        self.asked: list[NamePair] = []

    async def compare(self, pairs: Sequence[NamePair]) -> Sameness:
        assert not self.asked, "one call for a text"
        self.asked = list(pairs)
        if self.failing:
            error = ModelUnavailable("fake", "model", "timeout", "wait and retry")
            error.calls = (ModelCall("resolve", "fake:model", "unavailable", input_tokens=90),)
            raise error
        verdicts = [frozenset((pair.left.name, pair.right.name)) in self.same for pair in pairs]
        return Sameness(tuple((verdict, "the model said so") for verdict in verdicts), WORK)

    @property
    def names(self) -> list[tuple[str, str]]:
        return [(pair.left.name, pair.right.name) for pair in self.asked]


class Embedder:
    """An embedder by a table: texts with the same word of it get the same vector, all others vectors of their own."""

    name, dimension, digest, english_only = "fake", 64, "fake", True

    def __init__(self, *topics: str, failing: bool = False) -> None:
        self.topics = topics
        self.failing = failing
        self.embedded: list[str] = []

    async def embed_documents(self, texts: Sequence[str]) -> Vector:
        if self.failing:
            raise StoreUnavailable("embedder", "no model", retryable=False)
        first = len(self.embedded)
        self.embedded += texts
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            topic = next((n for n, word in enumerate(self.topics) if word in text), len(self.topics) + first + row)
            vectors[row, topic] = 1
        return vectors

    async def embed_query(self, text: str) -> Vector:
        return (await self.embed_documents([text]))[0]

    async def close(self) -> None:
        pass


def new(name: str, kind: str = "Tool", *context: str) -> NewName:
    return NewName(alias_key(name), name, kind, context)


def known(uuid: str, *names: str, kind: str = "Tool", context: tuple[str, ...] = ()) -> KnownEntity:
    return KnownEntity(uuid, names[0], kind, tuple(alias_key(name) for name in names), context)


async def resolve(
    names: Sequence[NewName], entities: Sequence[KnownEntity] = (), judge: Judge | None = None, *topics: str
) -> Resolution:
    return await Resolver(Embedder(*topics), judge).resolve(names, entities)


def outcome(left: str, right: str, kind: str = "Tool", other: str | None = None) -> str:
    a, b = Name(alias_key(left), kind), Name(alias_key(right), other or kind)
    verdict = compare(a, b)
    mirrored = compare(b, a)
    assert (verdict.outcome, verdict.strength) == (mirrored.outcome, mirrored.strength), "order must not matter"
    return verdict.outcome


SAME = [
    ("PostgreSQL", "Postgre SQL", "Tool"),
    ("node.js", "NodeJS", "Tool"),
    ("MySQL", "My SQL", "Tool"),
    ("GitHub", "git hub", "Service"),
    ("k8s cluster", "Kubernetes cluster", "Service"),
    ("front-end build", "frontend build", "Concept"),
    ("payment-gateway", "PaymentGateway", "Service"),
    ("支付服务", "支付 服务", "Thing"),
    ("PR #12", "PR 12", "Thing"),
    ("py 3.11", "Python 3.11", "Tool"),
    ("React v18", "react@18", "Tool"),
    ("Acme Inc.", "Acme", "Organization"),
    ("Siemens AG", "Siemens", "Organization"),
    ("feature flag", "feature flags", "Concept"),
    ("José", "Jose", "Person"),
    ("Müller", "Mueller", "Person"),
    ("Семён", "Семен", "Person"),
    ("Dr. Anna Schmidt", "Anna Schmidt", "Person"),
    ("the billing service", "billing-service", "Service"),
]
APART = [
    ("Java", "JavaScript", "Tool"),
    ("C", "C++", "Tool"),
    ("C++", "C#", "Tool"),
    ("Go", "Godot", "Tool"),
    ("React", "React Native", "Tool"),
    ("Redis", "Redux", "Tool"),
    ("Angular", "AngularJS", "Tool"),
    ("Vue", "Vuex", "Tool"),
    ("pytest", "pytest-asyncio", "Tool"),
    ("React 18", "React 19", "Tool"),
    ("Python 3.11", "Python 3.12", "Tool"),
    ("Python", "Python 3.11", "Tool"),
    ("1.10", "1.1", "Thing"),
    ("api-v1", "api-v2", "Service"),
    ("localhost:3000", "localhost:8080", "Service"),
    ("web-01", "web-02", "Service"),
    ("port 80 80", "port 8080", "Service"),
    ("@scope/pkg", "pkg", "Tool"),
    ("requests", "requests.py", "Thing"),
    ("src/test", "src/tests", "File"),
    ("user_service.py", "userservice.py", "File"),
    ("staging database", "production database", "Service"),
    ("Windows", "window", "Thing"),
    ("Anna Schmidt", "Anna Meyer", "Person"),
    ("Mr. Smith", "Mrs. Smith", "Person"),
    ("user", "Anna", "Person"),
    ("数据库", "数据", "Thing"),
    ("new", "news", "Concept"),
    ("custom", "customs", "Concept"),
    ("rate limited", "rate", "Thing"),
    ("Access Limited", "Access", "Concept"),
    ("Teams", "Microsoft Teams", "Service"),
    ("#12", "#13", "Thing"),
    ("Москва", "Moscow", "Place"),
]
ASK = [
    ("J. Smith", "John Smith", "Person"),
    ("Smith", "John Smith", "Person"),
    ("Anna", "Anna Schmidt", "Person"),
    ("jsmith", "John Smith", "Person"),
    ("Anna Bell", "Annabell", "Person"),
    ("Schmidt, Anna", "Anna Schmidt", "Person"),
    ("Mike Brown", "Michael Brown", "Person"),
    ("Hélène", "Hèléne", "Person"),
    ("Kuberntes", "Kubernetes", "Tool"),
    ("prod db", "production database", "Service"),
    ("billing", "billing service", "Service"),
    ("WHO", "World Health Organization", "Organization"),
    ("Acme GmbH", "Acme Inc.", "Organization"),
    ("main.py", "src/main.py", "File"),
    ("Next.js", "Next", "Tool"),
    ("cross-env", "crossenv", "Tool"),
    ("http-server", "httpserver", "Tool"),
    ("re-act", "React", "Tool"),
    ("re-sign", "resign", "Concept"),
    ("Experts Exchange", "Expert Sex Change", "Organization"),
    ("ts-node", "typescript node", "Tool"),
    ("go-live", "golang live", "Concept"),
    ("Express", "Express.js", "Service"),
    ("dependency", "dependencies", "Concept"),
    ("GitHub Page", "GitHub Pages", "Thing"),
    ("web sockets", "websocket", "Thing"),
    ("papá", "papa", "Concept"),
    ("Platform Group", "Platform", "Organization"),
]


@pytest.mark.parametrize(("left", "right", "kind"), SAME)
def test_spellings_of_one_name_are_the_same_thing(left: str, right: str, kind: str):
    assert outcome(left, right, kind) == "same"


@pytest.mark.parametrize(("left", "right", "kind"), APART)
def test_near_misses_are_not_even_asked_about(left: str, right: str, kind: str):
    assert outcome(left, right, kind) in ("apart", "unlike")


@pytest.mark.parametrize(("left", "right", "kind"), ASK)
def test_names_that_only_context_can_tell_are_asked_about(left: str, right: str, kind: str):
    assert outcome(left, right, kind) == "ask"


def test_kinds_that_exclude_each_other_keep_equal_names_apart_and_an_unknown_kind_does_not():
    assert outcome("Git Hub", "GitHub", "Person", "Place") == "apart"
    assert outcome("Git Hub", "GitHub", "Thing", "Tool") == "same"
    assert outcome("Git Hub", "GitHub", "Tool", "Service") == "ask"
    assert outcome("AWS S3", "S3", "Tool", "Service") == "ask"
    assert outcome("Acme Inc.", "Acme", "Organization", "Thing") == "ask"
    assert outcome("Node", "Node.js", "Tool", "Thing") == "ask"


@pytest.mark.parametrize(
    ("a", "b", "near"),
    [("abcd", "abxd", True), ("abcd", "abd", True), ("abd", "abcd", True), ("abcd", "abdc", True), ("ab", "abc", True),
     ("abcd", "abcd", False), ("abcd", "axyd", False), ("abcd", "ab", False), ("abcd", "dcba", False)],
)  # fmt: skip
def test_one_edit_is_a_letter_more_less_other_or_swapped(a: str, b: str, near: bool):
    assert one_edit_apart(a, b) is near


def test_a_rule_stands_for_every_kind_that_the_service_knows():
    for kind in ENTITY_KINDS:
        assert outcome("alpha beta 3", "alpha beta 4", kind) in ("apart", "unlike")
        assert outcome("alpha", "gamma", kind) in ("apart", "unlike")


async def test_a_new_name_becomes_an_alias_of_the_entity_that_it_means():
    answer = await resolve([new("NodeJS"), new("Deno")], [known("n", "Node.js")])
    assert answer.same == answer.known == {"nodejs": "n"}
    assert "separators" in answer.reasons["nodejs"]
    assert not answer.twins and not answer.merges and answer.asked == 0 and answer.work is None


async def test_a_name_that_is_an_alias_already_means_its_entity_whatever_the_kinds():
    answer = await resolve([new("Jordan", "Place")], [known("j", "Jordan", kind="Person")])
    assert answer.known == {"jordan": "j"}


async def test_two_new_names_of_one_text_become_one_new_thing_under_the_first():
    answer = await resolve([new("PostgreSQL"), new("Redis"), new("Postgre SQL")])
    assert answer.twins == answer.same == {"postgre sql": "postgresql"}


async def test_a_chain_of_names_is_one_thing_though_its_ends_have_nothing_in_common():
    first, middle, last = new("k8s"), new("the k8s", "Tool"), new("Kubernetes")
    assert (await resolve([first, middle, last])).twins == {"the k8s": "k8s", "kubernetes": "k8s"}
    judge = Judge(("retrieval augmented generation", "rag"), ("rag", "RAG pipeline"))
    names = [new("retrieval augmented generation", "Concept"), new("rag", "Concept"), new("RAG pipeline", "Concept")]
    answer = await resolve(names, [], judge)
    assert set(answer.twins.values()) == {names[0].key} and len(answer.twins) == 2
    assert compare(Name(names[0].key, "Concept"), Name(names[2].key, "Concept")).outcome == "unlike"


async def test_a_group_that_holds_two_things_told_apart_loses_its_weakest_link():
    tool, place = known("t", "Git Hub", kind="Tool"), known("p", "GitHub", kind="Place")
    answer = await resolve([new("GitHub", "Thing")], [tool, place])
    assert answer.known == {"github": "p"} and answer.merges == ()


async def test_a_model_cannot_join_what_is_known_to_be_two_things():
    judge = Judge(("auth", "authentication"), ("auth", "authorization"))
    names = [new("auth", "Concept"), new("authentication", "Concept"), new("authorization", "Concept")]
    answer = await resolve(names, [], judge)
    assert len(judge.asked) == 2 and answer.twins == {"authentication": "auth"}


async def test_a_name_between_two_versions_of_a_thing_joins_one_of_them_only():
    # The old entity carries both spellings as aliases; the new names are two versions that must not meet through it.
    entity = known("e", "Python 3.11", "Python 3.12")
    answer = await resolve([new("py 3.11"), new("py 3.12")], [entity])
    assert list(answer.known.values()) == ["e"] and len(answer.same) == 1


async def test_a_name_that_means_two_known_entities_shows_them_to_be_one():
    entities = [known("a", "Postgres"), known("b", "Postgre SQL")]
    answer = await resolve([new("Postgres")], entities)
    assert answer.known == {"postgres": "a"}
    assert [(merge.source, merge.target) for merge in answer.merges] == [("b", "a")]
    assert isinstance(answer.merges[0], EntityMerge) and answer.merges[0].reason


async def test_only_the_band_between_goes_to_a_model_in_one_call():
    judge = Judge(("Kuberntes", "Kubernetes"))
    names = [new("NodeJS"), new("Kuberntes"), new("Vuex"), new("Terrafrom")]
    entities = [known("n", "Node.js"), known("k", "Kubernetes"), known("v", "Vue"), known("t", "Terraform")]
    answer = await resolve(names, entities, judge)
    assert judge.names == [("Kuberntes", "Kubernetes"), ("Terrafrom", "Terraform")]
    assert answer.known == {"nodejs": "n", "kuberntes": "k"}
    assert answer.asked == 2 and answer.work is WORK
    assert answer.reasons["kuberntes"] == "fake:model compared what is said of both"


async def test_a_model_is_shown_kind_and_statements():
    judge = Judge()
    entity = known("k", "Kubernetes", context=("one", "two", "three", "four"))
    await resolve([new("Kuberntes", "Tool", "We run Kuberntes at work.")], [entity], judge)
    pair = judge.asked[0]
    assert (pair.left.kind, pair.left.context) == ("Tool", ("We run Kuberntes at work.",))
    assert pair.right.context == ("one", "two", "three")


async def test_without_a_model_the_band_stays_apart():
    answer = await resolve([new("Kuberntes")], [known("k", "Kubernetes")])
    assert answer.same == {} and answer.asked == 0 and answer.failure is None


async def test_a_model_that_fails_leaves_its_pairs_apart_and_the_rest_resolved():
    entities = [known("k", "Kubernetes"), known("n", "Node.js")]
    answer = await resolve([new("Kuberntes"), new("NodeJS")], entities, Judge(failing=True))
    assert answer.known == {"nodejs": "n"}
    assert answer.work is None and answer.asked == 1 and "fake:model timeout" in (answer.failure or "")
    assert [call.input_tokens for call in answer.calls] == [90]


async def test_a_name_that_has_its_entity_is_not_asked_about_again():
    judge = Judge()
    await resolve([new("NodeJS")], [known("n", "Node.js"), known("o", "NodeJS server", "node js framework")], judge)
    assert judge.asked == []


async def test_two_spellings_of_one_new_thing_are_asked_about_once():
    judge = Judge()
    await resolve([new("John Smith", "Person"), new("Mr. John Smith", "Person"), new("J. Smith", "Person")], [], judge)
    assert len(judge.asked) == 1


@pytest.mark.parametrize("short", ["Smith", "J. Smith", "jsmith"])
async def test_a_short_form_is_asked_about_only_where_it_fits_one_person(short: str):
    john, jane = (known(name, f"{name} Smith", kind="Person") for name in ("John", "Jane"))
    one, two = Judge((short, "John Smith")), Judge()
    assert (await resolve([new(short, "Person")], [john], one)).known == {alias_key(short): "John"}
    assert (await resolve([new(short, "Person")], [john, jane], two)).known == {}
    assert two.asked == []


async def test_questions_are_bounded_and_the_likeliest_come_first():
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [new(f"{letter * 3} deployment{letter}x") for letter in letters]
    entities = [known(letter, f"{letter * 3} deployment{letter}z") for letter in letters]
    judge = Judge()
    names.append(new("prod db", "Service"))
    entities.append(known("p", "production database", kind="Service"))
    answer = await resolve(names, entities, judge)
    assert answer.asked == len(judge.asked) == MAX_ASKED
    assert judge.names[0] == ("prod db", "production database")


async def test_names_of_which_alike_things_are_said_are_asked_about():
    mailer = known("m", "mailer", kind="Service", context=("The mailer retries bounced invoices thrice.",))
    name = new("e-mail sender", "Service", "The e-mail sender tries bounced invoices three times.")
    judge = Judge(("e-mail sender", "mailer"))
    assert (await resolve([name], [mailer], judge, "bounced")).known == {name.key: "m"}
    unasked = Judge()
    assert (await resolve([name], [mailer], unasked)).known == {} and unasked.asked == []


async def test_names_of_one_statement_persons_and_names_without_statements_are_not_compared_by_meaning():
    statement = "The checkout talks to the mailer over NATS."
    names = [
        new("mailer", "Service", statement), new("checkout", "Service", statement), new("basket", "Service"),
        new("the CTO", "Person", "NATS was her choice."), new("Anna Schmidt", "Person", "NATS was decided by her."),
    ]  # fmt: skip
    judge, embedder = Judge(), Embedder("NATS")
    answer = await Resolver(embedder, judge).resolve(names, [])
    assert answer.same == {} and judge.asked == [] and embedder.embedded == []


async def test_two_values_of_one_thing_are_not_asked_about_though_alike_things_are_said():
    frankfurt = known("e", "eu-central-1", kind="Thing", context=("shop is deployed to eu-central-1 in Europe.",))
    judge, embedder = Judge(), Embedder("Europe")
    name = new("eu-west-9", "Thing", "shop is deployed to eu-west-9 in Europe.")
    await Resolver(embedder, judge).resolve([name], [frankfurt])
    assert judge.asked == [] and embedder.embedded == []


async def test_a_question_is_put_off_where_no_model_may_be_asked_now():
    async def no() -> bool:
        return False

    judge = Judge(("Kuberntes", "Kubernetes"))
    names, entities = [new("Kuberntes"), new("NodeJS")], [known("k", "Kubernetes"), known("n", "Node.js")]
    answer = await Resolver(Embedder(), judge).resolve(names, entities, no)
    assert judge.asked == [] and answer.known == {"nodejs": "n"} and answer.undecided == ("kuberntes",)


async def test_whether_a_model_may_be_asked_is_not_looked_up_where_there_is_nothing_to_ask():
    async def never() -> bool:
        raise AssertionError("there is nothing to ask")

    assert (await Resolver(Embedder(), Judge()).resolve([new("Vuex")], [known("v", "Vue")], never)).undecided == ()


async def test_names_are_compared_with_the_likeliest_entities_only():
    entities = [*(known(f"{n}", f"thing {n}x") for n in range(MAX_CANDIDATES)), known("late", "Node.js")]
    assert (await resolve([new("NodeJS")], entities)).known == {}
    assert (await resolve([new("NodeJS")], entities[1:])).known == {"nodejs": "late"}


async def test_an_english_embedder_is_not_asked_about_other_scripts():
    judge, embedder = Judge(), Embedder("Oka", "Ока")
    names = [new("Москва", "Place", "Город на реке Ока."), new("Moscow", "Place", "A city near the Oka.")]
    await Resolver(embedder, judge).resolve(names, [])
    assert embedder.embedded == [] and judge.asked == []


async def test_without_a_model_to_ask_nothing_is_embedded():
    embedder = Embedder("bounced")
    names = [new("mailer", "Service", "It retries bounced mail."), new("sender", "Service", "It repeats bounced mail.")]
    await Resolver(embedder, None).resolve(names, [])
    assert embedder.embedded == []


async def test_a_failing_embedder_is_told_and_the_band_is_still_asked_about():
    names = [new("Kuberntes", "Tool", "Kuberntes runs."), new("mailer", "Tool", "The mailer retries.")]
    judge = Judge(("Kuberntes", "Kubernetes"))
    entity = known("k", "Kubernetes", context=("Kubernetes is big.",))
    answer = await Resolver(Embedder(failing=True), judge).resolve(names, [entity])
    assert answer.known == {"kuberntes": "k"} and "embedder" in (answer.failure or "")


async def test_statements_do_not_show_in_the_repr_of_names():
    assert "secret" not in repr(new("a", "Tool", "secret")) + repr(known("u", "b", context=("secret",)))


@pytest.mark.parametrize(
    ("name", "kind", "other"),
    [
        ("node.js", "Tool", "nodejs"), ("nodejs", "Tool", "node.js"), ("github", "Service", "git hub"),
        ("git hub", "Service", "github"), ("postgres", "Tool", "postgresql"), ("branch", "Concept", "branches"),
        ("dependencies", "Concept", "dependency"), ("acme", "Organization", "acme inc"), ("acme inc", "Thing", "acme"),
        ("josé", "Person", "jose"), ("dr anna schmidt", "Person", "anna schmidt"), ("src/main.py", "File", "main.py"),
        ("rails", "Tool", "ruby on rails"), ("react@18", "Tool", "react 18"),
    ],
)  # fmt: skip
def test_an_entity_is_looked_up_under_other_spellings_of_a_name(name: str, kind: str, other: str):
    terms = candidate_terms(new(name, kind))
    assert terms.keys[0] == name and other in terms.keys
    assert len(terms.keys) == len(set(terms.keys)) <= MAX_KEYS


async def test_entities_under_other_spellings_of_a_name_come_before_those_met_in_more_ways():
    class Store:
        async def read(self, query: str, **_: object) -> list[dict[str, object]]:
            names = ("kafka streams", "kafka connect", "nodejs")
            return [{"uuid": n, "name": n, "kind": "Tool", "aliases": [n], "statements": []} for n in names]

    found = await find_candidates(Store(), "u", [new("Kafka"), new("Node.js")], {})  # pyright: ignore[reportArgumentType]
    assert [entity.uuid for entity in found] == ["nodejs", "kafka streams", "kafka connect"]


def test_every_pair_that_letters_call_the_same_is_found_by_its_exact_keys():
    missed = [
        (pair.left[0], pair.right[0])
        for pair in gold_pairs()
        if pair.outcome == "same"
        and alias_key(pair.left[0]) not in same_keys(alias_key(pair.right[0]), pair.right[1])
        and alias_key(pair.right[0]) not in same_keys(alias_key(pair.left[0]), pair.left[1])
    ]
    assert len(missed) <= 3, missed


def test_an_entity_is_looked_up_by_what_its_aliases_may_contain():
    assert candidate_terms(new("J. Smith", "Person")).parts == ("smith",)
    assert candidate_terms(new("Anna Schmidt", "Person")).parts == ("schmidt", "anna")
    assert candidate_terms(new("billing service", "Service")).parts == ("billing",)
    assert candidate_terms(new("src/app/main.py", "File")).parts == ("main.py",)
    assert candidate_terms(new("C++", "Tool")).parts == ("c++",)
    assert candidate_terms(new("Go", "Tool")).parts == ()
    assert len(candidate_terms(new("x" * 250, "Thing")).keys) <= MAX_KEYS


def gold_pairs():
    spec = importlib.util.spec_from_file_location("bench_resolution", ROOT / "bench/resolution.py")
    assert spec and spec.loader
    bench = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = bench
    spec.loader.exec_module(bench)
    return list(bench.gold())


def test_letters_alone_are_right_in_99_of_100_pairs_that_they_call_the_same():
    pairs = gold_pairs()
    assert len(pairs) >= 300 and 0.4 < sum(pair.held_out for pair in pairs) / len(pairs) < 0.6
    assert {kind for pair in pairs for _, kind, _ in (pair.left, pair.right)} <= set(ENTITY_KINDS)
    assert all(alias_key(pair.left[0]) != alias_key(pair.right[0]) for pair in pairs)
    for added in (("",), ("reported",), ("fresh",), ("", "reported", "fresh")):
        chosen = [pair for pair in pairs if pair.added in added]
        said = [pair.same for pair in chosen if pair.outcome == "same"]
        assert sum(said) / len(said) >= 0.99, added
        assert sum(said) / sum(pair.same for pair in chosen) >= 0.55, added
