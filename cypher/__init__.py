"""Every query of the service, one file each.

A file's stem is the query's name in code. Its header says what the query does, in which mode it runs, which parameters
it takes and what it returns. The text runs as it is in Neo4j Browser after ``:param``. Every file is read and checked
once. ``load`` alone casts text to ``LiteralString``, so the type checker proves that no Cypher is built elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, LiteralString, cast, get_args

Mode = Literal["read", "write", "schema"]
Folder = Literal["schema", "write", "read", "check", "report", "browse"]
"""``report`` and ``browse`` hold queries for people; those of ``browse`` are shown in Neo4j Browser only. ``check``
holds the rules of the graph's contract."""

_FIELD = re.compile(r"^// (mode|param|returns|order|instants):\s*(.*)$")
_CONTINUED = re.compile(r"^//\s{2,}(\S.*)$")
_PARAM = re.compile(r"^(\w+) ([\w\[\]]+(?: or null)?)(?: = (\S+))? - (.+)$")
_USED = re.compile(r"\$(\w+)")
_SKIPPED = re.compile(r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`", re.DOTALL)


class QueryFileError(ValueError):
    """A query file is incomplete or contradicts itself; the message starts with file and line."""


@dataclass(frozen=True)
class QueryFile:
    """One query file.

    Attributes:
        name: the file's stem; of a rule or a query for people, its folder too, as in ``report/current``.
        folder: what it is for.
        mode: ``read`` may run on any member of a cluster; ``schema`` runs outside the service's transactions.
        params: parameter name to its type, as the header declares it.
        defaults: the values (JSON) of parameters that a caller may leave out, as in ``limit integer = 50``.
        meanings: what each parameter stands for.
        returns: the header's ``returns:`` lines. Each names columns with their types, then says more after `` - ``:
            ``uuid string, facts list[{uuid string, ended datetime or null}] - newest first``.
        instants: columns and keys of returned maps that hold instants as text (ISO 8601). The reader turns them into
            datetimes. The driver takes thirty microseconds for each instant of its own type, and a listing has
            hundreds.
        text: the file as it is, header included.
        statement: what the database is sent: the text with empty lines instead of comments, and with every ``$name``
            read from the one map ``$p``. Neo4j keeps a plan by the types of its parameters, and tells nulls and the
            sizes of lists apart. If each parameter were sent by its name, an empty list or a null would have the same
            query planned again, which takes up to a second.
    """

    name: str
    folder: Folder
    mode: Mode
    doc: str
    params: Mapping[str, str]
    defaults: Mapping[str, object]
    meanings: Mapping[str, str]
    returns: tuple[str, ...]
    instants: frozenset[str]
    text: LiteralString
    statement: LiteralString
    path: Path

    def check(self, names: frozenset[str]) -> None:
        """Raise TypeError unless exactly the declared parameters are given."""
        if set(names) != set(self.params):
            missing, extra = sorted(self.params.keys() - names), sorted(names - self.params.keys())
            raise TypeError(f"{self.path.name}: missing parameters {missing}, unknown parameters {extra}")


@dataclass(frozen=True)
class Expression:
    """A value that is written as it is: ``datetime()``."""

    text: str


@cache
def load(root: Path = Path(__file__).parent) -> Mapping[str, QueryFile]:
    """Parse every query file of the folders in ``root``.

    Raises:
        QueryFileError: a header is incomplete, its parameters differ from the ``$names`` of the body, or a stem
            stands twice.
    """
    queries: dict[str, QueryFile] = {}
    for folder in get_args(Folder):
        for path in sorted((root / folder).glob("*.cypher")):
            query = parse(path, folder)
            if query.name in queries:
                raise QueryFileError(f"{path}:1: a query named {query.name} exists already")
            queries[query.name] = query
    return queries


@cache
def together(names: tuple[str, ...]) -> LiteralString:
    """Return one statement that runs several queries, in order; it reads ``$x`` of a query from ``$p.<query>.x``.

    A row has the columns of all of them, so each query that returns rows should return exactly one.
    """
    queries = [load()[name] for name in names]
    bodies = [_in_one_map(query.text, f"$p.{query.name}") for query in queries]
    parts = [f"CALL () {{\n{body.strip()}\n}}" for body in bodies]
    returns = ["RETURN *"] if any(query.returns for query in queries) else []
    return cast("LiteralString", "\n".join([*parts, *returns]))


def parse(path: Path, folder: Folder) -> QueryFile:
    """Read one file; see ``load`` for the errors."""
    text = path.read_text(encoding="utf-8")
    doc: list[str] = []
    returns: list[str] = []
    fields: dict[str, str] = {}
    params: dict[str, re.Match[str]] = {}
    for number, name, content in _header(text):
        if name is None:
            if fields or params:
                raise QueryFileError(f"{path}:{number}: indent what continues a field, as in '//   and more'")
            doc.append(content)
        elif name == "param":
            declared = _PARAM.match(content)
            if declared is None or declared[1] in params:
                raise QueryFileError(f"{path}:{number}: expected one '// param: name type - meaning' per parameter")
            params[declared[1]] = declared
        elif name == "returns":
            returns.append(content)
        else:
            fields[name] = content
    mode = fields.get("mode")
    if not doc or mode not in get_args(Mode) or (mode == "read" and not returns):
        raise QueryFileError(f"{path}:1: the header needs a first line, '// mode: …' and, to read, '// returns: …'")
    used = set(_USED.findall(_SKIPPED.sub(" ", text)))
    if used != params.keys():
        odd = sorted(used ^ params.keys())
        raise QueryFileError(f"{path}:1: declared parameters and those of the text differ in {odd}")
    return QueryFile(
        name=_name(path, folder),
        folder=folder,
        mode=cast("Mode", mode),
        doc=" ".join(doc),
        params={name: declared[2] for name, declared in params.items()},
        defaults={name: json.loads(declared[3]) for name, declared in params.items() if declared[3] is not None},
        meanings={name: declared[4] for name, declared in params.items()},
        returns=tuple(returns),
        instants=frozenset(re.findall(r"\w+", fields.get("instants", ""))),
        text=cast("LiteralString", text),
        statement=cast("LiteralString", _in_one_map(text)),
        path=path,
    )


def parse_own(path: Path) -> QueryFile:
    """Read a report that a person wrote. Where it has no header, its parameters are texts that may be left out.

    Raises:
        QueryFileError: the file is not UTF-8, or its header contradicts its text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise QueryFileError(f"{path}:1: the file is not UTF-8") from error
    if any(name == "mode" for _, name, _ in _header(text)):
        return parse(path, "report")
    names = sorted(set(_USED.findall(_SKIPPED.sub(" ", text))))
    return QueryFile(
        name=_name(path, "report"),
        folder="report",
        mode="read",
        doc=path.stem,
        params=dict.fromkeys(names, "string or null"),
        defaults=dict.fromkeys(names),
        meanings={},
        returns=(),
        instants=frozenset(),
        text=cast("LiteralString", text),
        statement=cast("LiteralString", _in_one_map(text)),
        path=path,
    )


def _name(path: Path, folder: Folder) -> str:
    return f"{folder}/{path.stem}" if folder in ("check", "report", "browse") else path.stem


def _header(text: str) -> list[tuple[int, str | None, str]]:
    """Return the header's lines as number, field and content; the field is None for a line of the description.

    A line that is indented by more than one space continues the field before it.
    """
    lines: list[tuple[int, str | None, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("//"):
            break
        field, continued = _FIELD.match(line), _CONTINUED.match(line)
        if field is not None:
            lines.append((number, field[1], field[2]))
        elif continued is not None and lines and lines[-1][1] is not None:
            first, name, content = lines[-1]
            lines[-1] = (first, name, f"{content} {continued[1]}")
        else:
            lines.append((number, None, line.removeprefix("//").strip()))
    return lines


def filled(query: QueryFile, values: Mapping[str, object]) -> str:
    """Return a query for people to read, run and change: without its header, each parameter written as its value.

    ``{"user_id": "ada", "limit": 5}``: ``… = $user_id … LIMIT $limit`` -> ``… = 'ada' … LIMIT 5``
    """
    lines = query.text.splitlines()
    body = "\n".join(lines[len(_header(query.text)) :])
    return _with_names(body, lambda name: _literal(values[name[1]]))


def _literal(value: object) -> str:
    """Return a text, number, flag or null as Cypher writes it, or an expression that stands for itself."""
    if isinstance(value, Expression):
        return value.text
    written = json.dumps(value, ensure_ascii=False)
    return "'" + written[1:-1].replace('\\"', '"').replace("'", "\\'") + "'" if isinstance(value, str) else written


def _in_one_map(text: str, values: str = "$p") -> str:
    """Return a query with each ``$name`` written ``$p.name``, and with empty lines instead of comments.

    Comments are a third of the text, which every call sends, and the numbers of the lines stay what they are.
    """
    bare = _SKIPPED.sub(lambda skipped: "" if skipped[0].startswith("//") else skipped[0], text)
    return _with_names(bare, lambda name: f"{values}.{name[1]}")


def _with_names(text: str, write: Callable[[re.Match[str]], str]) -> str:
    """Return a query with each ``$name`` replaced, except in comments, strings and quoted names."""
    pieces: list[str] = []
    end = 0
    for skipped in _SKIPPED.finditer(text):
        pieces += [_USED.sub(write, text[end : skipped.start()]), skipped[0]]
        end = skipped.end()
    return "".join([*pieces, _USED.sub(write, text[end:])])
