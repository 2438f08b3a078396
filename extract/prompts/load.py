"""Every prompt of the service, one Markdown file each, loaded and checked once.

A file's stem is the prompt's name in code. Front matter between two lines of ``---`` says its purpose, its variables,
the schema of the answer and what changed last; then come ``## system`` and ``## user``. ``$name`` stands for a
variable, ``$$`` for a dollar. The system part takes no variables, so that it is equal in every request and a provider
may cache it. User text goes through ``data`` first, so that it cannot end the tag that it stands in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template

import regex

FIELDS = ("purpose", "variables", "output", "change")
"""The fields of the front matter: all are required, and there are no others."""

HASH_CHARS = 16

_PART = re.compile(r"^## (\w+)$")
_TAG = re.compile(r"</?([a-z][a-z0-9_-]*)[^<>]*>")
_INVISIBLE = regex.compile(r"[\x00-\x08\x0e-\x1f\x7f\p{Default_Ignorable_Code_Point}]")
"""Invisible characters, and control characters except blanks: a reader sees a word as if they were not in it."""


class PromptFileError(ValueError):
    """A prompt file is incomplete or contradicts itself; the message starts with file and line."""


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt with its values in place.

    Attributes:
        name: name of the prompt.
        hash: fingerprint of the prompt's file, the same for all values.
        system: instructions, the same for all values.
        user: the part that belongs to this request alone.
    """

    name: str
    hash: str
    system: str = field(repr=False)
    user: str = field(repr=False)


@dataclass(frozen=True)
class Prompt:
    """One prompt file.

    Attributes:
        name: the file's stem.
        hash: fingerprint of the file's text, 16 hexadecimal digits.
        output: name of the schema that the answer must fit.
        change: what changed last, and why.
        system: instructions, ready to send.
        user: the user part, with its placeholders.
        variables: names that ``render`` takes, in the order of the header.
    """

    name: str
    purpose: str
    hash: str
    output: str
    change: str
    system: str
    user: str
    variables: tuple[str, ...]

    def render(self, **values: str) -> RenderedPrompt:
        """Put the values in place as they are; put user text through ``data`` first.

        Raises:
            TypeError: a variable is missing, or one is given that the prompt does not have.
        """
        if values.keys() != set(self.variables):
            missing, extra = sorted(set(self.variables) - values.keys()), sorted(values.keys() - set(self.variables))
            raise TypeError(f"{self.name}.md: missing variables {missing}, unknown variables {extra}")
        return RenderedPrompt(self.name, self.hash, self.system, Template(self.user).substitute(values))


def load_prompt(name: str) -> Prompt:
    """Return the prompt of that name.

    Raises:
        PromptFileError: there is no such prompt, or a prompt file is unusable.
    """
    prompts = load_prompts()
    if name not in prompts:
        raise PromptFileError(f"{_folder()}:1: no prompt named {name!r}; there are {', '.join(prompts) or 'none'}")
    return prompts[name]


@cache
def load_prompts() -> Mapping[str, Prompt]:
    """Parse every prompt file.

    Raises:
        PromptFileError: a header is incomplete, its variables differ from the ``$names`` of the user part, or the
            system part has any.
    """
    return {path.stem: parse(path) for path in sorted(_folder().glob("*.md"))}


def parse(path: Path) -> Prompt:
    """Read one file; see ``load_prompts`` for the errors."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    fields, body = _front_matter(path, lines)
    system, user = _parts(path, lines, body)
    variables = tuple(filter(None, (name.strip() for name in fields["variables"].split(","))))
    _check_placeholders(path, system, user, variables)
    return Prompt(
        name=path.stem,
        purpose=fields["purpose"],
        hash=hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARS],
        output=fields["output"],
        change=fields["change"],
        system=Template(system.text).substitute(),
        user=user.text,
        variables=variables,
    )


def data(text: str) -> str:
    """Return user text that neither begins nor ends a tag that a prompt uses; all other text stays as it is.

    ``a < b </turn> c`` becomes ``a < b &lt;/turn> c``, which a model can still read. Invisible characters hide no tag:
    it is found as if they were not there.
    """
    if _INVISIBLE.search(text) is None:
        return _tags().sub("&lt;", text)
    seen = [place for place, char in enumerate(text) if _INVISIBLE.match(char) is None]
    visible = "".join(text[place] for place in seen)
    opening = {seen[tag.start()] for tag in _tags().finditer(visible)}
    return "".join("&lt;" if place in opening else char for place, char in enumerate(text))


@dataclass(frozen=True)
class _Part:
    """One part of a file and the line that it begins on."""

    text: str
    line: int


def _folder() -> Path:
    return Path(__file__).parent


@cache
def _tags() -> re.Pattern[str]:
    """Match the ``<`` of every tag that any prompt names, with or without blanks in it."""
    texts = (part for prompt in load_prompts().values() for part in (prompt.system, prompt.user))
    names = sorted({name for text in texts for name in _TAG.findall(text)})
    return re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(map(re.escape, names))})(?![a-z0-9_-]))", re.IGNORECASE)


def _front_matter(path: Path, lines: list[str]) -> tuple[dict[str, str], int]:
    """Return the header's fields and the index of the first line after it."""
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        raise PromptFileError(f"{path}:1: a prompt begins with front matter between two lines of ---")
    end = lines.index("---", 1)
    fields: dict[str, str] = {}
    for number, line in enumerate(lines[1:end], start=2):
        name, colon, value = line.partition(":")
        if not colon or name not in FIELDS or name in fields:
            raise PromptFileError(f"{path}:{number}: expected one 'name: value' for each of {', '.join(FIELDS)}")
        fields[name] = value.strip()
    empty = [name for name in FIELDS if name not in fields or (not fields[name] and name != "variables")]
    if empty:
        raise PromptFileError(f"{path}:1: the front matter lacks {', '.join(empty)}")
    return fields, end + 1


def _parts(path: Path, lines: list[str], body: int) -> tuple[_Part, _Part]:
    """Return the system and the user part; only a line ``## word`` with one of these two words divides."""
    starts: dict[str, int] = {}
    for index, line in enumerate(lines[body:], start=body):
        matched = _PART.match(line)
        if matched and matched[1] in ("system", "user"):
            if matched[1] in starts:
                raise PromptFileError(f"{path}:{index + 1}: a second '{line}'")
            starts[matched[1]] = index
        elif not starts and line.strip():
            raise PromptFileError(f"{path}:{index + 1}: expected '## system'")
    if list(starts) != ["system", "user"]:
        raise PromptFileError(f"{path}:{body + 1}: a prompt has '## system' and then '## user'")
    system, user = starts["system"], starts["user"]
    parts = (
        _Part("\n".join(lines[system + 1 : user]).strip(), system),
        _Part("\n".join(lines[user + 1 :]).strip(), user),
    )
    for part in parts:
        if not part.text:
            raise PromptFileError(f"{path}:{part.line + 1}: this part is empty")
    return parts


def _check_placeholders(path: Path, system: _Part, user: _Part, variables: tuple[str, ...]) -> None:
    for part in (system, user):
        if not Template(part.text).is_valid():
            raise PromptFileError(f"{path}:{part.line + 1}: a $ without a name in this part; write $$ for a dollar")
    if Template(system.text).get_identifiers():
        raise PromptFileError(f"{path}:{system.line + 1}: the system part takes no variables, so that it can be cached")
    used = Template(user.text).get_identifiers()
    if len(set(variables)) != len(variables) or set(used) != set(variables):
        odd = sorted(set(used) ^ set(variables)) or sorted(variables)
        raise PromptFileError(f"{path}:{user.line + 1}: declared variables and those of the text differ in {odd}")
