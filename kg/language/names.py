"""Alias keys: which spellings are the same name.

Invariant: the key of a key is that key, and a name has the same key inside a text as alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from kg.errors import InvalidInput
from kg.language.words import STOP_WORDS, fold, shadow

SELF_KEY = "user"
"""Alias key of the partition's own person."""
MAX_MENTIONED = 2000
_NAME_LIKE = re.compile(r"[A-Z0-9_./@+#-]|[^\x00-\x7f]")

MAX_KEY_CHARS = 512
"""Longest key. Even at four bytes a character it is far below the limit of a range index."""
MAX_NAME_CHARS = 256
MAX_CANDIDATES = 4_000
_JOINED_KEPT = 1024

_USER = frozenset(("user", "the user"))
_SPEAKER = frozenset(("i", "me", "my", "mine", "myself"))

_SIGNS = re.compile(r"[!?*&#:$<_%~\[-]")
"""Each name of code whose signs belong to it has one of these."""
_BACKSLASH = re.compile(r"(?<=[\w:.])\\+(?=[\w.@~-])|^\\(?=\\*\w)")
_DOUBLED = re.compile(r"(?<=[\w.-]/)/+(?=[\w.])")
_CHUNK = re.compile(r"\S+")
_HERE = re.compile(r"(?<!\S)(?:\.{1,2}/)+(?=[A-Za-z0-9])")
_W = "A-Za-z0-9\ue000\ue001"
_PIECE = re.compile(
    rf"""
    (?: (?<![^\s(\[{{<"'`]) (?: -{{1,2}}(?=[{_W}]) | @(?=[{_W}]+/[{_W}]) | /?\.?(?=[{_W}]) ) )?  # opens a token
    (?: [+#](?=[0-9]) )?
    [{_W}]+
    (?: (?:/?\.|[/@])[{_W}]+ | [+#]+[{_W}]* )*
    """,
    re.VERBOSE,
)

_CODE = re.compile(
    r"""
      \$[a-z_]\w* | \#(?=[^\W\d])[\w-]+ | ::?[a-z_][\w-]*          # $HOME, #main, :root
    | &+[a-z_][\w:.]* | [a-z_][\w:.]*\*+                           # &String, char*
    | [a-z_][\w:.]*<[\w:.,&*<>\[\]]*>                              # Vec<u8>
    | _+[a-z0-9]\w* | [a-z]\w*_                                    # __init__, _private, class_
    | \*{1,2}[a-z_]\w* | [a-z_][\w:.]*&{1,2} | ~[a-z_]\w*         # *args, T&, ~Foo
    | %[a-z_]\w*% | </?[a-z][\w-]*/?> | ~/\w[\w.-]*              # %PATH%, <div>, ~/bin
    """,
    re.VERBOSE,
)
"""Names of code whose signs make them another thing than the bare word; folded."""
_ARRAY = re.compile(r"[a-z_][\w.]*(?:\[\])+")
_BRACED = re.compile(r"\$\{([a-z_]\w*)\}")
"""A variable of a shell in braces: ${HOME} is $HOME."""
_ASKS_OR_FORCES = re.compile(r"[a-z_][a-z0-9_.]*[!?]")
"""A method as Ruby and Elixir write it; in capitals it is a brand or a shout."""
_FILE = re.compile(
    r"(?:[a-z]:)?[\w@.+~/-]*[_-][\w@.+~/-]*\.[a-z][a-z0-9]{0,9}|(?:[\w@.+~-]*/){2,}[\w@.+~/-]+|[~.]?/[\w@.+~/-]+"
)
"""A file or a path, folded: its hyphens and underscores belong to it."""
_WRAPPING = "`'\"()[]{},;:.\u2018\u2019\u201c\u201d\u00ab\u00bb"


def code_key(name: str) -> str | None:
    """Return the key of a name of code without blanks whose signs belong to it; None for any other name.

    ``save!``, ``valid?``, ``char*``, ``&String``, ``#main``, ``:root``, ``$HOME``, ``Vec<u8>``, ``int[]``, ``<div>``
    and ``__init__`` are other things than save, valid, char, String, main, root, home, Vec u8, int, div and init.
    ``user-store.ts`` and ``user_store.ts`` are two files.
    """
    outer = _BRACED.sub(r"$\1", fold(name.strip().strip("`'\",;.")))
    if len(outer) <= MAX_KEY_CHARS and (_ARRAY.fullmatch(outer) or _CODE.fullmatch(outer)):
        return outer
    bare = name.strip().lstrip(_WRAPPING.replace(":", "")).rstrip(_WRAPPING)
    folded = fold(bare)
    if not folded or len(folded) > MAX_KEY_CHARS or _CHUNK.fullmatch(folded) is None:
        return None
    if _CODE.fullmatch(folded) or _ASKS_OR_FORCES.fullmatch(bare):
        return folded
    whole = fold(name.strip().lstrip(_WRAPPING.replace(".", "")).rstrip(_WRAPPING))
    path = _HERE.sub("", _slashes(whole)).rstrip("./")
    return path if re.search("[_-]", path) and "://" not in path and _FILE.fullmatch(path) else None


@dataclass(frozen=True)
class OwnName:
    """A user's own name, which means the same as ``user`` in that user's partition."""

    user_id: str
    name: str

    def names(self, user_id: str) -> dict[str, str]:
        """Return the names of the user of a partition by alias key; none where no name of that user's is known."""
        key = find_alias_key(self.name)
        if key is None or user_id != self.user_id or is_self(self.name):
            return {}
        return {SELF_KEY: SELF_KEY, key: self.name}


NOBODY = OwnName("", "")


def alias_key(name: str) -> str:
    """Return the key under which a name is the same name.

    The text is first put in NFKC and in one case, without invisible characters. Then:

    - Letters, marks, digits and pictorial symbols make words. Everything else separates them as a space does, also the
      hyphen and the underscore: ``strict_mode``, ``Strict-Mode`` and ``strict mode`` are one name.
    - Between blanks, some signs belong to the name: ``.``, ``/`` and ``@`` between words (``1.10``, ``node.js``,
      ``a/b.py``, ``react@18``); ``+`` and ``#`` after a word or before a digit (``C++``, ``C#``, ``#12``).
    - At the beginning these belong to it: ``.`` and ``/`` (``.NET``, ``/etc/hosts``), ``-`` and ``--`` (``-v``,
      ``--force``), and ``@`` before one word and a ``/`` (``@scope/pkg``, but ``@alice`` is alice). ``./`` and ``../``
      are dropped there.
    - Signs that touch no word separate, and so does punctuation at the end of one (``Acme Inc.``, ``src/``).
    - A backslash inside a path is a slash. A name of code keeps its signs, see ``code_key``.

    Raises:
        InvalidInput: nothing is left, or the key is longer than ``MAX_KEY_CHARS``.
    """
    key = _joined(name)
    if not key:
        raise InvalidInput("name", name, "give a name with at least one letter, digit or symbol")
    if len(key) > MAX_KEY_CHARS:
        raise InvalidInput("name", name, f"give a name of at most {MAX_NAME_CHARS} characters")
    return key


def find_alias_key(name: str | None) -> str | None:
    """Return the key of a name, None where there is none or it consists of signs alone."""
    try:
        return alias_key(name) if name else None
    except InvalidInput:
        return None


def former_key(name: str) -> str:
    """Return the key that a name had before names of code kept their signs and a backslash was a slash; may be empty.

    Aliases of older graphs have such keys.
    """
    return " ".join(key for key, _ in _pieces(name.replace("\\", " ")))


def is_user(name: str) -> bool:
    """Return whether a name means the user of the partition: user, the user."""
    return _joined(name) in _USER


def is_speaker(name: str) -> bool:
    """Return whether a name means the speaker: I, me, my, mine, myself."""
    return _joined(name) in _SPEAKER


def is_self(name: str) -> bool:
    """Return whether a name is no name of its own but means the user or the speaker: user, I, me."""
    return _joined(name) in _USER | _SPEAKER


def name_ngrams(text: str, max_words: int = 5) -> list[tuple[str, str]]:
    """Return what could be a name in a text: (alias key, as written), each key once, shortest first, in order.

    These are runs of one to ``max_words`` words, and each segment of a path or address. A stop word alone
    is one only where it has a capital: Will, May, IT.
    There are at most ``MAX_CANDIDATES``: a very long text loses its longest runs at the end.
    """
    pieces = _pieces(text)
    found: dict[str, str] = {}
    for key, (start, end) in pieces:
        found.setdefault(key, text[start:end])
        for segment in re.split(r"[/@]", key.lstrip("-")):
            if segment:
                found.setdefault(segment, text[start:end])
    capitals = {key for key, (start, _) in pieces if text[start].isupper()}
    for stop in STOP_WORDS.intersection(found) - capitals:
        del found[stop]
    found |= {key: written for key, written in _code_names(text) if key not in found}
    keys = [key for key, _ in pieces]
    starts, ends = [start for _, (start, _) in pieces], [end for _, (_, end) in pieces]
    for size in range(2, max_words + 1):
        if len(found) >= MAX_CANDIDATES:
            break
        for first in range(min(len(pieces) - size + 1, MAX_CANDIDATES)):
            last = first + size
            found.setdefault(" ".join(keys[first:last]), text[starts[first] : ends[last - 1]])
    fitting = [(key, written) for key, written in found.items() if len(key) <= MAX_KEY_CHARS]
    return fitting[:MAX_CANDIDATES]


def _code_names(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names of code in a text whose signs belong to them: key, as written."""
    for chunk in _CHUNK.finditer(text):
        written = chunk.group()
        if _SIGNS.search(written) and (key := code_key(written)) is not None:
            yield key, written


def _slashes(text: str) -> str:
    """Return a path with single slashes: the backslash of Windows is one, and two in a row are one."""
    return _DOUBLED.sub("", _BACKSLASH.sub("/", text))


@lru_cache(_JOINED_KEPT)  # a write asks about ten times for each name of its facts
def _joined(name: str) -> str:
    return code_key(name) or " ".join(key for key, _ in _pieces(name))


def _pieces(text: str) -> list[tuple[str, tuple[int, int]]]:
    """Return the words of a key in order, each with its place in the text.

    If folding changes the length of a run without blanks, each of its words gets the place of the whole run.
    """
    pieces: list[tuple[str, tuple[int, int]]] = []
    for chunk in _CHUNK.finditer(text):
        written = chunk.group()
        folded = _slashes(fold(written))
        exact = len(folded) == len(written)
        for part in _CHUNK.finditer(folded):  # folding may bring blanks of its own
            shape = _HERE.sub(lambda m: " " * len(m.group()), shadow(part.group()).replace("_", ","))
            for m in _PIECE.finditer(shape):
                start = part.start() + m.start()
                place = (chunk.start() + start, chunk.start() + start + len(m.group())) if exact else chunk.span()
                pieces.append((folded[start : start + len(m.group())], place))
    return pieces


def mentioned_keys(text: str) -> dict[str, str]:
    """Return the possible alias keys of a text, each with the words as written; the user's own key is never one.

    There are at most ``MAX_MENTIONED``, more than a note of 300 words has. Single words come first, then runs that look
    like names (with a capital, digit or sign), then the others.
    """
    found = [(key, surface) for key, surface in name_ngrams(text) if key != SELF_KEY]
    if len(found) > MAX_MENTIONED:
        found.sort(key=lambda item: " " in item[0] and (1 if _NAME_LIKE.search(item[1]) else 2))
    return dict(found[:MAX_MENTIONED])
