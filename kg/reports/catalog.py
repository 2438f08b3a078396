"""The reports that there are: those that ship with the service, and the person's own.

A report is one ``.cypher`` file. Its header says what it answers, which parameters it takes with their defaults, and
what each column is. Own reports lie in the data folder's ``reports/``; their header may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cypher
from cypher import QueryFile, QueryFileError
from kg.errors import ConfigurationError, NotFound

OWN_FOLDER = "reports"
MAX_OWN_BYTES = 64 << 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SET_BY_SERVICE = ("user_id", "now")
"""The parameters that no caller chooses: whoever calls, and the instant of the service's clock."""


@dataclass(frozen=True)
class Parameter:
    """One option of a report.

    Attributes:
        kind: ``string``, ``integer``, ``datetime``, ...; ``string or null`` where it may be left empty.
        required: it has no default.
    """

    name: str
    kind: str
    meaning: str
    required: bool
    default: object = None


@dataclass(frozen=True)
class Report:
    """A report and where it comes from; ``own`` where a person wrote it."""

    name: str
    query: QueryFile
    own: bool

    @property
    def answers(self) -> str:
        """What it answers, in one sentence."""
        return self.query.doc

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a caller may set, in the order of the header."""
        query = self.query
        return tuple(
            Parameter(name, kind, query.meanings.get(name, ""), name not in query.defaults, query.defaults.get(name))
            for name, kind in query.params.items()
            if name not in SET_BY_SERVICE
        )

    @property
    def columns(self) -> Mapping[str, str]:
        """What each column is, by name, where the header says so."""
        told = (line.partition(" - ") for line in self.query.returns)
        return {column.split(" ")[0]: meaning for column, _, meaning in told if meaning}


def shipped_reports() -> dict[str, Report]:
    """Return the service's own reports by name."""
    found = (query for query in cypher.load().values() if query.folder == "report")
    return {query.path.stem: Report(query.path.stem, query, own=False) for query in found}


def list_reports(data_dir: Path) -> list[Report]:
    """Return every report, the service's first; own files that cannot be read are left out here.

    A name of an own file that is taken by the service's reports stands for the service's.
    """
    reports = shipped_reports()
    for path in sorted((data_dir / OWN_FOLDER).glob("*.cypher")):
        if path.stem not in reports and _NAME.fullmatch(path.stem):
            try:
                reports[path.stem] = _own(path)
            except ConfigurationError:
                continue
    return list(reports.values())


def find_report(data_dir: Path, name: str) -> Report:
    """Return one report.

    Raises:
        NotFound: there is none of that name; the message says which there are.
        ConfigurationError: it is an own file that cannot be read, or whose header is wrong.
    """
    report = shipped_reports().get(name)
    if report is not None:
        return report
    path = data_dir / OWN_FOLDER / f"{name}.cypher"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(report.name for report in list_reports(data_dir))
        raise NotFound("report", name, f"there are {known}; your own go into {data_dir / OWN_FOLDER}")
    return _own(path)


def _own(path: Path) -> Report:
    try:
        if path.stat().st_size > MAX_OWN_BYTES:
            raise ConfigurationError("report", f"{path} is too large", f"a query of at most {MAX_OWN_BYTES >> 10} KiB")
        return Report(path.stem, cypher.parse_own(path), own=True)
    except (QueryFileError, OSError, ValueError) as error:
        raise ConfigurationError("report", f"{path} cannot be used: {error}", "a file like those that ship") from error
