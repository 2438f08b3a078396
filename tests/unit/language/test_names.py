import random

import pytest

from kg.errors import InvalidInput
from kg.language.names import (
    MAX_CANDIDATES,
    MAX_KEY_CHARS,
    alias_key,
    former_key,
    is_self,
    is_speaker,
    is_user,
    name_ngrams,
)

SAME = [
    ("strict mode", "strict_mode", "Strict-Mode", "STRICT  MODE", "strict\u00a0mode", "`strict-mode`", "strict\tmode,"),
    ("user-service", "user service", "USER_SERVICE", '"user-service"'),
    ("Node.js", "node.js", "NODE.JS.", "(node.js)"),
    ("a/b.py", "./a/b.py", "../A/B.py"),
    ("C#", "c#", "C\u266f", "Ｃ＃", "C#,"),
    ("Acme Inc.", "acme inc"),
    ("src/", "src"),
    ("@alice", "Alice"),
    ("x86_64", "x86-64"),
    ("Zoë", "Zoe\u0308", "ZOË"),
    ("ﬁle", "file"),
    ("Straße", "STRASSE"),
    ("İstanbul", "istanbul", "ISTANBUL"),
    ("Diyarbakır", "DIYARBAKIR"),
    ("Redis", "Re\u200bdis", "\ufeffRedis", "Red\u00adis", "Ｒｅｄｉｓ", "“Redis”"),
    ("O'Brien", "O’Brien", "o brien"),
    ("数据库", "「数据库」"),
    ("שלום", "\u200fשלום\u200e"),
    ("👩‍💻", "👩💻"),
    ("✈️", "✈"),
    ("C:\\work\\app\\main.ts", "C:/work/app/main.ts", "c:\\Work\\app/main.ts"),
    ("src\\kg\\text.py", "src/kg/text.py", "src//kg/text.py", ".\\src\\kg\\text.py"),
    ("C:\\Users\\Ana\\.ssh\\config", "C:/Users/Ana/.ssh/config"),
    ("$HOME", "`$home`", "($HOME)", "${HOME}"),
    ("save!", "`save!`", "save!,"),
    ("Yahoo!", "Yahoo"),
    ("how does it work?", "how does it work"),
]
DIFFERENT = [
    ("C", "C++", "C#", "c++20", "F#"),
    (".NET", "NET", "ASP.NET"),
    ("1.10", "1.1", "110", "1 10"),
    ("a/b.py", "a b py", "/a/b.py"),
    ("node.js", "nodejs", "node js"),
    ("@scope/pkg", "scope/pkg", "scope pkg"),
    ("-v", "v"),
    ("save", "save!"),
    ("valid", "valid?"),
    ("char", "char*", "char**"),
    ("String", "&String"),
    ("A", "A*"),
    ("main", "#main"),
    ("root", ":root"),
    ("$HOME", "home"),
    ("Vec<u8>", "Vec u8"),
    ("init", "__init__", "_init"),
    ("class", "class_"),
    ("int", "int[]", "int[][]"),
    ("T", "T&", "T&&"),
    ("args", "*args", "**args"),
    ("Foo", "~Foo"),
    ("path", "%PATH%", "$PATH"),
    ("div", "<div>"),
    ("bin", "~/bin", "/bin"),
    ("#12", "12"),
    ("react@18", "react 18"),
    ("Zoë", "Zoe"),
    ("🚀", "🔥"),
    ("हिन्दी", "हिनदी"),
]


@pytest.mark.parametrize("spellings", SAME, ids=lambda group: group[0])
def test_spellings_of_one_name_share_a_key(spellings):
    assert len({alias_key(name) for name in spellings}) == 1


@pytest.mark.parametrize("names", DIFFERENT, ids=lambda group: group[0])
def test_different_names_have_different_keys(names):
    assert len({alias_key(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["", " ", "_", "-", "...", "++", "@", "/", "\u200b", "\ufe0f", "\u3164", "«»"])
def test_a_name_without_a_word_is_refused(name):
    with pytest.raises(InvalidInput) as caught:
        alias_key(name)
    assert caught.value.field == "name"


def test_a_name_that_folding_makes_too_long_for_an_index_is_refused():
    with pytest.raises(InvalidInput):
        alias_key("ﷺ" * 256)
    assert len(alias_key("x" * 256)) <= MAX_KEY_CHARS


def test_a_key_is_its_own_key_whatever_the_name():
    choose = random.Random(7)
    alphabet = "aB1 !?*&$<>\\\\._/@-+#:~'\"(),éİıß\u0301\u200d中ハー한🚀ﬁ\u3000ﷺ½①_"
    for _ in range(5_000):
        name = "".join(choose.choice(alphabet) for _ in range(choose.randint(1, 9)))
        if any(c.isalnum() for c in name):
            key = alias_key(name)
            assert alias_key(key) == key, name


def test_who_is_meant_by_user_and_by_i():
    assert is_user("User") and is_user("the user") and not is_user("I")
    assert is_speaker("I") and is_speaker("me") and not is_speaker("user")
    assert is_self("Me") and is_self("USER") and not is_self("user service") and not is_self("Ian") and not is_self("")


def test_names_are_found_in_a_text_under_their_own_keys():
    text = "What does Melanie's team say of strict_mode in `src/kg/text.py`, C++ or Straße?"
    found = dict(name_ngrams(text))
    for name in ("Melanie", "strict-mode", "src/kg/text.py", "text.py", "C++", "strasse", "Melanie's team"):
        assert alias_key(name) in found, name
    assert found["melanie"] == "Melanie"
    assert found["strict mode"] == "strict_mode"
    assert all(written in text for written in found.values())


def test_a_lone_stop_word_is_no_candidate_but_may_be_part_of_one():
    found = dict(name_ngrams("what is the New Order of it"))
    assert not {"what", "is", "the", "of", "it"} & set(found)
    assert "the new order" in found


def test_a_name_of_code_is_found_in_a_text_and_so_is_its_bare_word():
    found = dict(name_ngrams("Is `save!` valid? Set $HOME, not Vec<u8>, in C:\\work\\a.ts"))
    assert {"save!", "save", "valid?", "valid", "$home", "home", "vec<u8>"} <= set(found)
    assert "work/a.ts" in found


@pytest.mark.parametrize("name", ["Will", "May", "IT", "Most"])
def test_a_stop_word_with_a_capital_may_be_a_name(name):
    assert dict(name_ngrams(f"what about {name}"))[name.casefold()] == name
    assert name.casefold() in dict(name_ngrams(f"{name.casefold()} {name} do it?"))
    assert name.casefold() not in dict(name_ngrams(f"what about {name.casefold()}"))


@pytest.mark.parametrize("name", ["$USER", "#me", "&User", "User*", ":user"])
def test_a_name_of_code_is_not_the_person(name):
    assert not is_self(name) and not is_user(name) and not is_speaker(name)


def test_the_key_that_an_older_graph_has_of_a_name_is_known():
    names = ("save!", "C:\\work\\a.ts", "__init__", "Vec<u8>", "Redis", "$")
    assert [former_key(name) for name in names] == ["save", "c work a.ts", "init", "vec u8", "redis", ""]


def test_runs_have_at_most_the_given_number_of_words():
    assert {len(key.split()) for key, _ in name_ngrams("one two three four five six", max_words=3)} == {1, 2, 3}


@pytest.mark.parametrize("text", [" ".join(f"w{i}" for i in range(9_000)), "a/" * 32_768, "a " * 32_768, "-@" * 32_768])
def test_candidates_of_a_huge_text_are_bounded(text):
    found = name_ngrams(text)
    assert len(found) <= MAX_CANDIDATES
    assert len({key for key, _ in found}) == len(found)
    assert all(len(key) <= MAX_KEY_CHARS for key, _ in found)
