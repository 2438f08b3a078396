"""Words of a text, as full-text search, coverage and name keys use them.

Invariant: questions and memories go through the same functions. So what looks equal to a reader is equal here: composed
and decomposed letters, full width, zero-width characters, upper and lower case. Identifiers keep their own spelling,
and their parts are words too.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

import regex

MAX_TERMS_CHARS = 16_384
"""Longest value of ``Memory.terms``."""

_ASKING = """
what which who whom whose when where why how whether
do does did done doing can could would should shall will may might must
is are was were be been being am has have had having
isn't aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't haven't hasn't hadn't
what's who's where's when's how's why's that's it's there's let's
tell show give remember recall know say said says please ever
"""
_FUNCTION = """
a an the this that these those there here it its they them their theirs he him his she her hers we us our ours
you your yours i me my mine myself yourself himself herself itself ourselves themselves anything something
i'm i've i'd i'll you're you've you'd you'll we're we've we'd we'll they're they've they'd they'll he'd he'll she'd
she'll
and or not no nor but if then than as so too also only just very own same such both each few more most other some
any all of at by for with about against between into through during before after above below to from up down in
out on off over under again further once while because until
"""

QUESTION_WORDS = frozenset(_ASKING.split())
"""Words that ask, and do not name what is asked about."""

STOP_WORDS = QUESTION_WORDS | frozenset(_FUNCTION.split())
"""English words without a subject of their own, including ``QUESTION_WORDS``."""

_SPELLED_OUT = {
    "c++": "cplusplus",
    "c#": "csharp",
    "f#": "fsharp",
    ".net": "dotnet",
    "asp.net": "dotnet",
}

_UNSPACED = "\ue001"
_SYMBOL = "\ue000"
_TOKEN = re.compile(rf"(?<!_)_*+[A-Za-z0-9][A-Za-z0-9_]*(?:['.\u2019][A-Za-z0-9_]+)*|{_UNSPACED}+|{_SYMBOL}")
_PART = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+(?:[0-9]+[a-z]*)*|[0-9]+[a-z]*")
_VERSION = re.compile(r"[vV]?([0-9]++(?:\.[0-9]++)++[A-Za-z0-9.]*+)")
_SPELLED = re.compile(r"(?<![A-Za-z0-9_.+#])(?:c\+\+|[cf]#|(?:asp)?\.net)(?![A-Za-z0-9_+#])", re.IGNORECASE)
_CJK_CHARS = re.compile(
    "[\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u3131-\u318e\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\u1100-\u11ff\U00020000-\U0003ffff]"
)
_SYLLABIC_CHARS = re.compile(
    "[\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0eb9\u0ebb-\u0ecd\u0edc-\u0edf\u1000-\u103f\u104e-\u108f\u109a-\u109d"
    "\u1780-\u17d3\ua9e0-\ua9ef\uaa60-\uaa7f]"
)
"""Thai, Lao, Khmer and Burmese: written without spaces, a character being less than a syllable."""
_ARABIC = re.compile("[\u0621-\u064a]{4,}")
_HEBREW = re.compile("[\u05d0-\u05ea]{4,}")
_ARABIC_PREFIXES = ("\u0627\u0644", "\u0644\u0644", *"\u0648\u0641\u0628\u0643\u0644")
"""The article, then and, so, with, like, for."""
_HEBREW_PREFIXES = tuple("\u05d5\u05d4\u05d1\u05dc\u05de\u05e9\u05db")
"""And, the, in, to, from, that, like."""
_MOST_PREFIXES = 2
_LEAST_LETTERS = 3
_CACHED_CHARS = 64
_LAST_ASCII = 127
_PLAIN = re.compile(r"[A-Za-z\s]+")
_PLAIN_ASCII = "".join(_PLAIN.findall("".join(map(chr, range(_LAST_ASCII + 1))))).encode()
_PLAIN_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_MARKS = re.compile(r"[\u0300-\u036f]+")

_UNSEEN = regex.compile(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]")
_LETTER = regex.compile(r"\p{L}")
_OTHER_LETTER = regex.compile(r"(?V1)[\p{L}--\p{Latin}]")
_NON_LATIN_SHARE = 0.3


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


class _Shadow(dict[int, int | str]):
    """Translation table from any character to one ASCII sign of its class; it is filled while it is used."""

    def __missing__(self, code: int) -> int | str:
        self[code] = code if code <= _LAST_ASCII else _shadow_class(chr(code))
        return self[code]


def _shadow_class(char: str) -> str:
    if _CJK_CHARS.match(char) or _SYLLABIC_CHARS.match(char):
        return _UNSPACED
    if char in "\u2019\u02bc":
        return "'"
    category = unicodedata.category(char)
    if category in ("Lu", "Lt"):
        return "A"
    if category[0] in "LM":
        return "a"
    if category[0] == "N":
        return "0"
    return _SYMBOL if category == "So" and char != "\u2800" else " "


_SHADOW = _Shadow()


def clean(text: str) -> str:
    """Return the text in NFKC without invisible characters; upper and lower case stay."""
    return text if text.isascii() else _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).replace("\u266f", "#")


def fold(text: str) -> str:
    """Return the cleaned text in one case.

    The Turkish i with and without a dot both become ``i``, so that a name equals its capitals in any language.
    """
    if text.isascii():
        return text.lower()
    folded = clean(text).casefold().replace("i\u0307", "i").replace("\u0131", "i")
    return unicodedata.normalize("NFKC", folded)


def shadow(cleaned: str) -> str:
    """Return a string of the same length that has, for every character, one sign of its class.

    ASCII stays. Letters and marks become ``a`` or ``A``, digits ``0``, apostrophes ``'``, scripts without spaces
    U+E001, pictures U+E000, and everything else a space. Plain patterns then work on any script::

        Straße 2  ->  Straae 2
        Привет!   ->  Aaaaaa!
    """
    return cleaned if cleaned.isascii() else cleaned.translate(_SHADOW)


def _tokens(cleaned: str) -> list[str]:
    """Return the words of a cleaned text, as they are written."""
    if cleaned.isascii():
        return _TOKEN.findall(cleaned)
    return [cleaned[m.start() : m.end()] for m in _TOKEN.finditer(shadow(cleaned))]


class _Word(NamedTuple):
    """One word: its folded form, its parts if it is an identifier, and its terms for coverage."""

    folded: str
    parts: tuple[str, ...]
    terms: tuple[str, ...]


def _analyse(word: str) -> _Word:
    return _analyse_cached(word) if len(word) <= _CACHED_CHARS else _analyse_word(word)


def _analyse_word(word: str) -> _Word:
    shape = shadow(word)
    folded = fold(word).replace("\u2019", "'").removesuffix("'s")
    if shape[0] == _UNSPACED:
        pairs = tuple(word[i : i + 2] for i in range(len(word) - 1)) or (word,)
        return _Word(folded, pairs if _SYLLABIC_CHARS.search(word) else (), pairs)
    if without := _without_prefixes(folded):
        return _Word(folded, without, (folded, *without))
    parts = tuple(_parts(word, shape))
    return _Word(folded, parts, tuple(_stem(term) for term in (folded, *parts) if term not in STOP_WORDS))


def _without_prefixes(word: str) -> tuple[str, ...]:
    """Return an Arabic or Hebrew word without the little words that are written as its beginning, one by one.

    What merely looks like one is taken off too: a question is read in the same way, so both forms find each other.
    """
    prefixes = _ARABIC_PREFIXES if _ARABIC.fullmatch(word) else _HEBREW_PREFIXES if _HEBREW.fullmatch(word) else ()
    found: list[str] = []
    while len(found) < _MOST_PREFIXES:
        prefix = next((one for one in prefixes if word.startswith(one) and len(word) - len(one) >= _LEAST_LETTERS), "")
        if not prefix:
            break
        word = word.removeprefix(prefix)
        found.append(word)
    return tuple(found)


_analyse_cached = lru_cache(maxsize=1 << 16)(_analyse_word)


def _parts(word: str, shape: str) -> list[str]:
    """Return the folded parts of an identifier, dotted name or version; none for a plain word.

    ``getUserById`` -> get, user, by, id; ``node.js`` -> node, js, nodejs; ``v1.10`` -> 1.10
    """
    if "'" in shape or shape[0] == _SYMBOL:
        return []
    version = _VERSION.fullmatch(word)
    if version:
        return [version.group(1).lower()] if shape[0] in "vV" else []
    parts = [fold(word[m.start() : m.end()]) for m in _PART.finditer(shape)]
    if len(parts) < 2 or all(len(part) == 1 for part in parts):  # noqa: PLR2004 - a plain word, or "e.g", "U.S"
        return []
    if parts[-1] == "js" and shape.count(".") == 1:
        parts.append("".join(parts))
    return parts


def _spelled_out(cleaned: str) -> list[str]:
    if "#" not in cleaned and "++" not in cleaned and "net" not in cleaned.lower():
        return []
    return [_SPELLED_OUT[m.group().lower()] for m in _SPELLED.finditer(cleaned)]


def words(text: str) -> list[str]:
    """Return the words of a text in order, folded, with repeats.

    A word is a run of letters, marks, digits and underscores. Full stops and apostrophes inside it belong to it
    (``node.js``, ``1.10``, ``don't``); a possessive ``'s`` does not. A run of a script without spaces is one word,
    and so is each pictorial symbol.
    """
    return [_analyse(word).folded for word in _tokens(clean(text))]


def split_terms(text: str) -> str:
    """Return ``Memory.terms``: the words that a full-text analyzer would not find in the text, separated by spaces.

    These are the parts of identifiers, dotted names and paths (``getUserById``: get user by id), the spelled-out names
    of C++, C#, F# and .NET, words whose folded form is not their lower case, Thai, Lao, Khmer and Burmese pairs of
    characters, single Han, Kana and Hangul characters, and Arabic and Hebrew words without their prefixes. Each appears
    once, in order, within ``MAX_TERMS_CHARS`` characters.
    """
    cleaned = clean(text)
    seen = set(_tokens(text.lower()))
    found: dict[str, None] = {}
    for token in _tokens(cleaned):
        word = _analyse(token)
        if token.lower().replace("\u2019", "'").removesuffix("'s") != word.folded or token not in text:
            found[word.folded] = None
        found.update(dict.fromkeys(word.parts))
        found.update(dict.fromkeys(_characters(token)))
    found.update(dict.fromkeys(_spelled_out(cleaned)))
    kept: list[str] = []
    size = 0
    for term in found:
        size += 0 if term in seen else len(term) + 1
        if size > MAX_TERMS_CHARS:
            break
        if term not in seen:
            kept.append(term)
    return " ".join(kept)


def search_words(text: str) -> list[str]:
    """Return the words to search for: folded, in order, each once, no stop words, with the parts of identifiers."""
    cleaned = clean(text)
    found: dict[str, None] = {}
    for token in _tokens(cleaned):
        word = _analyse(token)
        found.update(dict.fromkeys((word.folded, *word.parts)))
    found.update(dict.fromkeys(_spelled_out(cleaned)))
    return [word for word in found if word not in STOP_WORDS]


def stem_terms(text: str) -> list[str]:
    """Return the terms that tell how much of a question a text covers: English stems in order, without stop words.

    Repeats stay. An identifier gives itself and its parts, a run of a script without spaces its pairs of neighbours, an
    Arabic or Hebrew word itself and what it is without its prefixes.
    """
    cleaned = clean(text)
    terms = [term for word in _tokens(cleaned) for term in _analyse(word).terms]
    terms.extend(_spelled_out(cleaned))
    return terms


def text_terms(text: str) -> list[str]:
    """Return the terms of a text that is searched: its stems, and each Han, Kana and Hangul character by itself.

    A question has such a term only where it has one such character alone.
    """
    terms = stem_terms(text)
    if not text.isascii():
        terms.extend(char for token in _tokens(clean(text)) for char in _characters(token))
    return terms


def _characters(token: str) -> list[str]:
    """Return the Han, Kana and Hangul characters of a run of several."""
    return _CJK_CHARS.findall(token) if len(token) > 1 and not token.isascii() else []


def plain_words(text: str) -> list[str]:
    """Return the words of a text as an uncased tokenizer has them before it cuts them into pieces, with repeats.

    Lower case, without accents; each sign of punctuation is a word: ``user_name's`` -> user, _, name, ', s.
    """
    cleaned = text.lower() if text.isascii() else unicodedata.normalize("NFD", fold(text))
    return _PLAIN_WORD.findall(cleaned if cleaned.isascii() else _MARKS.sub("", cleaned))


def _stem(word: str) -> str:
    if not word.isalpha():
        return word
    from snowballstemmer import stemmer  # pyright: ignore[reportUnknownVariableType] - heavy: on first use

    # A stemmer stores the word that it works on, so threads must not share one.
    return cast("_Stemmer", stemmer("english")).stemWord(word)


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a language model counts; the estimate is high rather than low.

    An ASCII letter or space counts a quarter of a token, other ASCII a half, any other character 1.3. Compared with
    byte-pair tokenizers this is within a third on English prose and code, and up to twice too much on accented text.
    """
    if text.isascii():
        other = len(text.encode().translate(None, _PLAIN_ASCII))
        return math.ceil((len(text) - other) / 4 + other / 2)
    rest = _PLAIN.sub("", text)
    ascii_rest = len(rest.encode("ascii", "ignore"))
    return math.ceil((len(text) - len(rest)) / 4 + ascii_rest / 2 + (len(rest) - ascii_rest) * 1.3)


def has_cjk(text: str) -> bool:
    """Return whether any character is Han, Kana or Hangul."""
    return not text.isascii() and _CJK_CHARS.search(text) is not None


def is_non_latin(text: str) -> bool:
    """Return whether at least three tenths of the letters are outside the Latin script."""
    if text.isascii():
        return False
    cleaned = clean(text)
    other = len(_OTHER_LETTER.findall(cleaned))
    return other > 0 and other >= _NON_LATIN_SHARE * len(_LETTER.findall(cleaned))


def content_hash(text: str) -> str:
    """Return the SHA-256 of a text, in hex; line ends, outer blanks and Unicode composition do not matter."""
    lines = unicodedata.normalize("NFC", text).splitlines()
    data = "\n".join(line.rstrip() for line in lines).strip().encode()
    return hashlib.sha256(b"%d:" % len(data) + data).hexdigest()
